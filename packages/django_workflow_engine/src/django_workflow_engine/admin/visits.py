"""Where an object was and is, with the jobs and timers there, and what can be done about it now."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from approval_workflow.choices import EventKind
from approval_workflow.conf import settings as core_settings
from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus
from django_workflow_engine.models import StageRun, WorkflowAttachment

# What a person may run again.
FAILED = (ExecutionStatus.FAILED, ExecutionStatus.DEAD)
DECISIONS = (EventKind.APPROVED, EventKind.REJECTED, EventKind.RESUBMISSION_REQUESTED)

# The buttons of the page, in their order.
BUTTONS = {
    "hold": _("Put on hold"),
    "resume": _("Resume"),
    "retry": _("Run failed jobs again"),
    "set_status": _("Set the status of the stage"),
    "skip": _("Skip the stage"),
    "jump": _("Send to another stage"),
    "add_approver": _("Ask one more person"),
    "undo": _("Undo the last decision"),
    "restart": _("Begin anew"),
    "cancel": _("Cancel this workflow"),
}
FITTING = {
    AttachmentStatus.NOT_STARTED: ("cancel",),
    AttachmentStatus.IN_PROGRESS: ("hold", "skip", "jump", "add_approver", "restart", "cancel"),
    AttachmentStatus.ON_HOLD: ("resume", "restart", "cancel"),
}


def visits_of(attachment: WorkflowAttachment) -> list[StageRun]:
    """Return the visits in order, with their jobs and timers."""
    visits = attachment.stage_runs.select_related("stage", "pipeline")
    return list(visits.prefetch_related("tasks"))


def fitting_actions(
    attachment: WorkflowAttachment, visits: list[StageRun], events: list[Any], user: Any
) -> Iterator[str]:
    """Yield what can be done with an object where it stands; who may do it is another question."""
    yield from FITTING.get(AttachmentStatus(attachment.status), ())
    if attachment.status == AttachmentStatus.IN_PROGRESS:
        yield from _fitting_here([visit for visit in visits if visit.left_at is None])
    decisions = [row.event for row in events if row.event.kind in DECISIONS]
    if core_settings.undo_period is not None and decisions and decisions[-1].actor == user:
        yield "undo"


def _fitting_here(visits: list[StageRun]) -> Iterator[str]:
    """Yield what the stages ask for where an object is."""
    if any(task.status in FAILED for visit in visits for task in visit.tasks.all()):
        yield "retry"
    if any(visit.stage and visit.stage.stage_info.get("statuses") for visit in visits):
        yield "set_status"
