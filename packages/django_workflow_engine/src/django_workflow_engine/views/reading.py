"""Attachments with what answers show of them: the statements do not grow with the rows."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from approval_workflow.permissions import can_act
from approval_workflow.queries import timeline
from approval_workflow.targets import fetch_objects
from django_workflow_engine.models import StageRun, WorkflowAttachment


def attachments_shown(
    attachments: QuerySet[WorkflowAttachment],
) -> QuerySet[WorkflowAttachment]:
    """Return the attachments with the rows that answers name."""
    return attachments.select_related(
        "workflow__cloned_from",
        "flow",
        "current_pipeline",
        "current_stage",
        "next_stage",
        "started_by",
    )


def fetch_targets(attachments: Sequence[WorkflowAttachment]) -> None:
    """Read the objects, one statement for each kind."""
    fetch_objects(attachments, "target", "content_type")


def may_act(attachment: WorkflowAttachment, user: Any) -> bool:
    """Return whether an open step of the run waits for this user."""
    if attachment.flow is None or not attachment.is_open:
        return False
    rows = attachment.flow.instances.current().select_related("assigned_to", "flow")
    return any(can_act(row, user) for row in rows)


def timeline_of(attachment: WorkflowAttachment) -> dict[str, Any]:
    """Return the visits and the history of a run, each in order."""
    visits = StageRun.objects.filter(attachment=attachment).select_related("stage", "pipeline")
    history = [] if attachment.flow is None else list(timeline(attachment.flow))
    return {"visits": list(visits), "history": history}
