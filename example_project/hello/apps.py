"""Application configuration of the greetings."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HelloConfig(AppConfig):
    """Greetings to the world, which somebody must approve."""

    name = "hello"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Greetings")
