"""Copies of a flow with its steps, its history and what the engine keeps of it."""

from datetime import timedelta
from functools import partial
from typing import Any

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from benchmarks.copying import NewKeys, as_text, copy, new_uuid, older
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

# Over how long the copies are spread.
ENDED, OPEN = timedelta(days=730), timedelta(days=20)


def copy_flow(flow: ApprovalFlow, times: int, changes: dict[str, str]) -> None:
    """Copy a flow with all that belongs to it, as flows of objects that need not exist.

    `changes`: SQL for columns that differ, in whichever of the tables they are.
    """
    flow.refresh_from_db()
    age = int((OPEN if flow.is_open else ENDED).total_seconds()) // max(times, 1)
    made = partial(_copied, times=times, age=age, changes=changes)
    flows = ApprovalFlow.objects.filter(pk=flow.pk)
    # No object has a key below 0, and no two copies the same.
    of_nothing = {"object_id": as_text(f"-({NewKeys.of(flows).of_copy('id')})")}
    flow_id = made(flows, of_nothing).of_copy("flow_id")
    steps = made(ApprovalInstance.objects.filter(flow=flow), {"flow_id": flow_id})
    step_id = steps.of_copy("instance_id")
    made(ApprovalEvent.objects.filter(flow=flow), {"flow_id": flow_id, "instance_id": step_id})
    runs = WorkflowAttachment.objects.filter(flow=flow)
    if runs.exists():
        of_run = {
            "attachment_id": made(runs, of_nothing | {"flow_id": flow_id}).of_copy("attachment_id")
        }
        visits = made(StageRun.objects.filter(attachment__in=runs), of_run)
        due = of_run | {"visit_id": visits.of_copy("visit_id"), "transition": new_uuid()}
        made(ActionExecution.objects.filter(attachment__in=runs), due)


def _copied(
    rows: Any, keys: dict[str, str], *, times: int, age: int, changes: dict[str, str]
) -> NewKeys:
    names = {field.column for field in rows.model._meta.concrete_fields}
    differing = {name: sql for name, sql in changes.items() if name in names}
    return copy(rows, times, **older(rows.model, age), **differing, **keys)
