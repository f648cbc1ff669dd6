"""Sales opportunities."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.mixins import WorkflowTargetMixin


class OpportunityStatus(models.TextChoices):
    """Where a deal stands; the workflow ends it as won or lost."""

    DRAFT = "draft", _("Draft")
    IN_PROGRESS = "in_progress", _("In progress")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


class Opportunity(WorkflowTargetMixin):
    """A deal that sales would like to close."""

    name = models.CharField(_("name"), max_length=200)
    amount = models.DecimalField(_("amount"), max_digits=10, decimal_places=2)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        on_delete=models.CASCADE,
        related_name="opportunities",
    )
    status = models.CharField(
        _("status"),
        max_length=50,
        choices=OpportunityStatus.choices,
        default=OpportunityStatus.DRAFT,
    )
    current_stage = models.CharField(_("current stage"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("opportunity")
        verbose_name_plural = _("opportunities")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
