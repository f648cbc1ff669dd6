"""Application configuration of the purchasing app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PurchasingConfig(AppConfig):
    """People, roles, departments, forms and purchase requests."""

    name = "purchasing"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Purchasing")
