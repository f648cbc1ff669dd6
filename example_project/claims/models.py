"""Insurance claims."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.mixins import WorkflowTargetMixin


class ClaimStatus(models.TextChoices):
    """Where a claim stands; the workflow ends it as approved or rejected."""

    DRAFT = "draft", _("Draft")
    IN_PROGRESS = "in_progress", _("In progress")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")


class Claim(WorkflowTargetMixin):
    """What somebody would like to be paid for a damage."""

    damage = models.CharField(_("damage"), max_length=200)
    amount = models.DecimalField(_("amount"), max_digits=10, decimal_places=2)
    claimant = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("claimant"),
        on_delete=models.CASCADE,
        related_name="claims",
    )
    status = models.CharField(
        _("status"), max_length=50, choices=ClaimStatus.choices, default=ClaimStatus.DRAFT
    )
    current_stage = models.CharField(_("current stage"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.damage
