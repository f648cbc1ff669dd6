"""Attachments with what answers show of them: the statements do not grow with the rows."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Prefetch, QuerySet

from approval_workflow.permissions import can_act
from approval_workflow.queries import timeline
from approval_workflow.targets import fetch_objects
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.definition import definition_of
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

# Jobs and timers that an object waits for: one that has failed for good waits for a person.
WAITED_FOR = (*ExecutionStatus.unfinished(), ExecutionStatus.DEAD)


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


def open_visits(attachment: WorkflowAttachment) -> list[dict[str, Any]]:
    """Return where the object is, each with the code of the stage and what it waits for there."""
    tasks = ActionExecution.objects.filter(status__in=WAITED_FOR).order_by("pk")
    visits = (
        StageRun.objects.filter(attachment=attachment, left_at=None)
        .select_related("stage", "pipeline")
        .prefetch_related(Prefetch("tasks", tasks, to_attr="waiting"))
    )
    definition = definition_of(attachment)
    found = []
    for visit in visits:
        place = definition.named_in({"stage_id": visit.stage_id, "pipeline_id": visit.pipeline_id})
        found.append({"visit": visit, "code": place.code if place is not None else ""})
    return found
