from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApprovalWorkflowConfig(AppConfig):
    name = "approval_workflow"
    label = "approval_workflow"
    verbose_name = _("Approvals")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from approval_workflow import checks  # noqa: F401  # registers the system checks
