"""Cancel one run of a workflow, whether it has begun or not."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from approval_workflow.services import cancel_flow
from django_workflow_engine.choices import AttachmentStatus, StageOutcome
from django_workflow_engine.exceptions import NotAttached
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services._run import Run, write_database

# Where `metadata` says why a run was cancelled that had no flow, and so no history.
CANCELLED = "cancelled"


def cancel_attachment(
    attachment: WorkflowAttachment,
    user: Any = None,
    *,
    reason: str = "",
    expected_version: int | None = None,
) -> WorkflowAttachment:
    """Cancel a run; return it as it is after that. The object may be gone.

    The history of the flow names `user` and the reason; a run that was never started keeps them in
    its `metadata`. `expected_version` is that of the flow. Whether `user` may do this is for the
    caller to decide. Raises `FlowEnded`, `VersionConflict`, `NotAttached`.
    """
    if attachment.flow is None:
        return _cancel_waiting(attachment, user, reason)
    cancel_flow(attachment.flow, user, reason=reason, expected_version=expected_version)
    # Automatic clean-up may have deleted it by now.
    rows = WorkflowAttachment.objects.using(write_database())
    return rows.filter(pk=attachment.pk).first() or attachment


def _cancel_waiting(attachment: WorkflowAttachment, user: Any, reason: str) -> WorkflowAttachment:
    using = write_database()
    with transaction.atomic(using=using):
        locked = (
            WorkflowAttachment.objects.using(using)
            .filter(pk=attachment.pk, status=AttachmentStatus.NOT_STARTED)
            .select_for_update()
            .first()
        )
        if locked is None:
            raise NotAttached(_("No workflow waits to be started on this object."))
        by = None if user is None else str(user.pk)
        locked.metadata = {**locked.metadata, CANCELLED: {"by": by, "reason": reason}}
        run = Run(locked, using)
        run.end(AttachmentStatus.CANCELLED, StageOutcome.CANCELLED)
        run.save()
    return locked
