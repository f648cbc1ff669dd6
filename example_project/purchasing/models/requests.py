"""Purchase requests, the objects that go through the approval."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.mixins import WorkflowTargetMixin


class PurchaseRequest(WorkflowTargetMixin):
    """Something that a person asks the organisation to buy."""

    title = models.CharField(_("title"), max_length=200)
    amount = models.DecimalField(_("amount"), max_digits=10, decimal_places=2)
    description = models.TextField(_("description"))
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requester"),
        on_delete=models.CASCADE,
        related_name="purchase_requests",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    workflow_status = models.CharField(_("workflow status"), max_length=50, default="pending")
    current_stage = models.CharField(_("current stage"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("purchase request")
        verbose_name_plural = _("purchase requests")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.title
