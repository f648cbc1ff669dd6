"""Application configuration of the support desk."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SupportConfig(AppConfig):
    """Support tickets."""

    name = "support"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Support")
