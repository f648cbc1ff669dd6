"""How many attachments there are, and how many of them could go."""

from datetime import timedelta

from django.db import router
from django.db.models import Count, Q
from django.utils import timezone

from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.cleanup.selection import RETENTION_DAYS, deletable, ended_before
from django_workflow_engine.models import WorkflowAttachment

# Ages in days that are told apart.
AGES = (30, 90, 365)


def get_cleanup_statistics() -> dict[str, int]:
    """Return numbers of attachments.

    `total_attachments`, and one of each status: `completed_attachments`, `rejected_attachments`,
    `in_progress_attachments`, `on_hold_attachments`, `not_started_attachments`,
    `cancelled_attachments`;
    `older_than_30_days`, `older_than_90_days` and `older_than_365_days` (completed or rejected, by
    when they ended); `deletable_attachments` (what a clean-up with its usual 30 days deletes).
    """
    using = router.db_for_write(WorkflowAttachment)
    now = timezone.now()
    ended = Q(status__in=(AttachmentStatus.COMPLETED, AttachmentStatus.REJECTED))
    counts = {
        f"{status.value}_attachments": Count("pk", filter=Q(status=status))
        for status in AttachmentStatus
    }
    ages = {
        f"older_than_{days}_days": Count(
            "pk", filter=ended & Q(completed_at__lte=now - timedelta(days=days))
        )
        for days in AGES
    }
    attachments = WorkflowAttachment.objects.using(using)
    return {
        **attachments.aggregate(total_attachments=Count("pk"), **counts, **ages),
        "deletable_attachments": deletable(using, until=ended_before(RETENTION_DAYS)).count(),
    }
