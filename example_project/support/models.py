"""Support tickets."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from django_workflow_engine.mixins import WorkflowTargetMixin


class TicketStatus(models.TextChoices):
    """Where a ticket stands; the workflow ends it as closed or cancelled."""

    OPEN = "open", _("Open")
    IN_PROGRESS = "in_progress", _("In progress")
    CLOSED = "closed", _("Closed")
    CANCELLED = "cancelled", pgettext_lazy("ticket", "Cancelled")


class TicketPriority(models.TextChoices):
    """How much a ticket hurries."""

    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")


class Ticket(WorkflowTargetMixin):
    """Something that a person needs solved."""

    title = models.CharField(_("title"), max_length=200)
    status = models.CharField(
        _("status"), max_length=50, choices=TicketStatus.choices, default=TicketStatus.OPEN
    )
    priority = models.CharField(
        _("priority"),
        max_length=20,
        choices=TicketPriority.choices,
        default=TicketPriority.NORMAL,
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.CASCADE,
        related_name="tickets",
    )

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title
