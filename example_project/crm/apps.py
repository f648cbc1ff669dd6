"""Application configuration of the sales app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    """Sales opportunities."""

    name = "crm"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Sales")
