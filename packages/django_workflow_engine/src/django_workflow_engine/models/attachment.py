"""One run of a workflow on one object."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from approval_workflow.models import ApprovalFlow
from django_workflow_engine.choices import AttachmentStatus, StageOutcome
from django_workflow_engine.models.pipeline import Pipeline
from django_workflow_engine.models.stage import Stage
from django_workflow_engine.models.workflow import WorkFlow
from django_workflow_engine.querysets import WorkflowAttachmentQuerySet


class WorkflowAttachment(models.Model):
    """Where an object stands in the workflow that it runs on."""

    workflow = models.ForeignKey(
        WorkFlow,
        on_delete=models.PROTECT,
        related_name="attachments",
        verbose_name=_("workflow"),
    )
    # The snapshot's own key, so that its compiled definition is found without reading its row;
    # NULL where the object runs on the template itself.
    snapshot_key = models.UUIDField(null=True, editable=False)
    content_type = models.ForeignKey(
        ContentType,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,  # the unique constraint below begins with it
        verbose_name=_("type of object"),
    )
    object_id = models.CharField(_("object key"), max_length=255)
    target = GenericForeignKey("content_type", "object_id")
    status = models.CharField(
        _("status"),
        max_length=20,
        choices=AttachmentStatus.choices,
        default=AttachmentStatus.NOT_STARTED,
    )
    # True until the run has ended, then NULL: NULLs are distinct in a unique constraint.
    is_open = models.BooleanField(null=True, default=True, editable=False)
    flow = models.OneToOneField(
        ApprovalFlow,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="workflow_attachment",
        editable=False,
        verbose_name=_("approval flow"),
    )
    current_stage = models.ForeignKey(
        Stage,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("current stage"),
    )
    current_pipeline = models.ForeignKey(
        Pipeline,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("current pipeline"),
    )
    next_stage = models.ForeignKey(
        Stage,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("next stage"),
    )
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("started by"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    completed_at = models.DateTimeField(_("ended"), null=True, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    # Why it is on hold, and since when.
    hold_reason = models.TextField(_("reason for the hold"), blank=True, default="")
    held_at = models.DateTimeField(_("on hold since"), null=True, blank=True)
    # Places that were approved before the object was moved to a version in which they come later:
    # they are passed over. Keys as `PlaceDefinition.template_key`.
    passed_places = models.JSONField(default=list, blank=True, editable=False)

    objects = WorkflowAttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("workflow attachment")
        verbose_name_plural = _("workflow attachments")
        permissions = [
            ("control_workflow", _("Can hold, resume, skip and redirect running workflows")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id", "is_open"],
                name="workflow_attachment_one_open_per_object",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    status__in=(AttachmentStatus.NOT_STARTED, *AttachmentStatus.running()),
                    is_open=True,
                    # Without this, NULL would be neither true nor false, which passes.
                    is_open__isnull=False,
                )
                | models.Q(status__in=AttachmentStatus.final(), is_open__isnull=True),
                name="workflow_attachment_open_until_final",
            ),
        ]
        indexes = [
            # What clean-up looks for.
            models.Index(fields=["status", "completed_at"], name="workflow_att_status_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.content_type} {self.object_id}: {self.get_status_display()}"


class StageRun(models.Model):
    """One visit of a stage: progress, timeline and statistics come from these rows.

    Where pipelines or the workflow itself ask people, a visit is of those.
    """

    attachment = models.ForeignKey(
        WorkflowAttachment,
        on_delete=models.CASCADE,
        related_name="stage_runs",
        verbose_name=_("attachment"),
    )
    # NULL where pipelines or the workflow itself ask people.
    stage = models.ForeignKey(
        Stage,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="runs",
        verbose_name=_("stage"),
    )
    pipeline = models.ForeignKey(
        Pipeline,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="runs",
        verbose_name=_("pipeline"),
    )
    # 1, and one more after each time the object was sent back.
    round = models.PositiveIntegerField(_("round"), default=1)
    entered_at = models.DateTimeField(_("entered"))
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    outcome = models.CharField(
        _("outcome"), max_length=20, choices=StageOutcome.choices, blank=True, default=""
    )
    # One of the stage's own statuses, where it has some.
    status = models.CharField(_("status"), max_length=100, blank=True, default="")
    # When what the stage waited for had come; where the object could not go on, `problem` says why.
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    problem = models.TextField(_("problem"), blank=True, default="")
    # Keys of the approval steps whose decisions began and ended the visit; NULL: no decision did.
    entered_by_step = models.BigIntegerField(null=True, editable=False)
    left_by_step = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("stage visit")
        verbose_name_plural = _("stage visits")
        ordering = ["entered_at", "pk"]

    def __str__(self) -> str:
        return f"{self.stage_id} ({self.round}): {self.get_outcome_display() or '…'}"
