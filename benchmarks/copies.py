"""Many flows or workflows as copies of one, with all their rows."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from benchmarks.copying import NewKeys, analyse, as_text, copy, new_uuid, older
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

# Over how long the copies of a flow are spread.
_ENDED, _OPEN = timedelta(days=730), timedelta(days=20)
_NOTHING: Mapping[str, str] = MappingProxyType({})


def copy_workflow(attachment: WorkflowAttachment, number: int) -> None:
    """Insert so many copies of an attachment with all that belongs to it, and of its flow."""
    copy_flow(attachment.flow, number)
    analyse()


def copy_flow(flow: ApprovalFlow, number: int, changes: Mapping[str, str] = _NOTHING) -> None:
    """Insert so many copies of a flow with its steps, its history and what the engine has of it.

    They are older than the flow, and of objects that need not exist. `changes`: SQL for columns
    that differ, in whichever of the tables they are.
    """
    flow.refresh_from_db()
    age = int((_OPEN if flow.is_open else _ENDED).total_seconds()) // max(number, 1)
    made = partial(_copied, number=number, age=age, changes=changes)
    flows = ApprovalFlow.objects.filter(pk=flow.pk)
    # No object has a key below 0, and no two copies the same.
    of_nothing = {"object_id": as_text(f"-({NewKeys.of(flows).of_copy('id')})")}
    of_flow = {"flow_id": made(flows, of_nothing).of_copy("flow_id")}
    rows = ApprovalInstance.objects.filter(flow=flow)
    taken_over = {"delegated_from_id": NewKeys.of(rows).of_copy("delegated_from_id")}
    steps = made(rows, of_flow | taken_over)
    of_step = {"instance_id": steps.of_copy("instance_id")}
    made(ApprovalEvent.objects.filter(flow=flow), of_flow | of_step)
    runs = WorkflowAttachment.objects.filter(flow=flow)
    if runs.exists():
        of_run = {"attachment_id": made(runs, of_nothing | of_flow).of_copy("attachment_id")}
        visits = made(StageRun.objects.filter(attachment__in=runs), of_run)
        due = ActionExecution.objects.filter(attachment__in=runs)
        if due.exists():
            of_visit = {"visit_id": visits.of_copy("visit_id"), "transition": new_uuid()}
            made(due, of_run | of_visit)


def _copied(
    rows: Any, keys: Mapping[str, str], *, number: int, age: int, changes: Mapping[str, str]
) -> NewKeys:
    names = {field.column for field in rows.model._meta.concrete_fields}
    differing = {name: sql for name, sql in changes.items() if name in names}
    return copy(rows, number, **older(rows.model, age), **differing, **keys)
