"""One run of approvals on one object."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from approval_workflow.choices import FlowStatus
from approval_workflow.querysets import ApprovalFlowQuerySet


class ApprovalFlow(models.Model):
    """The approvals of one object, from start to end; ended flows stay as history."""

    content_type = models.ForeignKey(
        ContentType,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,  # the unique constraint below begins with it
        verbose_name=_("type of object"),
    )
    # Text, so that integer, UUID and string keys all fit.
    object_id = models.CharField(_("object key"), max_length=255)
    target = GenericForeignKey("content_type", "object_id")
    status = models.CharField(
        _("status"), max_length=20, choices=FlowStatus.choices, default=FlowStatus.IN_PROGRESS
    )
    # True while the flow runs, NULL once it has ended: NULLs are distinct in a unique constraint
    # on every database, so this allows one open flow and any number of ended ones.
    is_open = models.BooleanField(null=True, default=True, editable=False)
    # Grows with every change, so that callers can tell whether they have seen the latest.
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    # Number and digest of the newest event: the end of the chain that the history forms.
    history_length = models.PositiveIntegerField(default=0, editable=False)
    history_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("started by"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    completed_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Since when it is on hold.
    held_at = models.DateTimeField(_("on hold since"), null=True, blank=True)

    objects = ApprovalFlowQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval flow")
        verbose_name_plural = _("approval flows")
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id", "is_open"],
                name="approval_flow_one_open_per_object",
            ),
            models.CheckConstraint(
                # "Is true" alone would be unknown for NULL, which a check lets pass.
                condition=models.Q(
                    status__in=FlowStatus.open(), is_open=True, is_open__isnull=False
                )
                | models.Q(is_open__isnull=True) & ~models.Q(status__in=FlowStatus.open()),
                name="approval_flow_open_while_in_progress",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.content_type} {self.object_id}: {self.get_status_display()}"
