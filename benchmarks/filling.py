"""A database as it is after years: so many flows, shared out among two thousand people."""

from datetime import timedelta
from functools import partial
from typing import Any

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from benchmarks.company import HOLDERS, Company, found_company
from benchmarks.copying import NewKeys, analyse, as_text, copy, new_uuid, older, trusted
from benchmarks.kinds import played, waiting_for_me
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

# Over how long the flows of one kind are spread.
ENDED, OPEN = timedelta(days=730), timedelta(days=20)


def fill(flows: int) -> Company:
    """Fill the database with about so many flows, one in ten of them open; return the people.

    One of the company has about one step to decide for each 20,000 flows, `me` has always 65.
    """
    company = found_company()
    with trusted():
        for kind in played(company):
            others = _other_role(company) if kind.of_role else _other_people(company, 1)
            copy_flow(kind.flow, flows * kind.share // 100, others)
        for number, flow in waiting_for_me(company):
            copy_flow(flow, number - 1, {})
    analyse()
    return company


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


def _other_people(company: Company, stride: int) -> dict[str, str]:
    """Each copy is for those who come so many people later."""
    first, number = company.people[0].pk, len(company.people)
    return {
        column: f"{first} + ({column} - {first} + number * {stride}) % {number}"
        for column in ("assigned_to_id", "action_user_id", "actor_id", "started_by_id")
    }


def _other_role(company: Company) -> dict[str, str]:
    first, number = company.roles[0].pk, len(company.roles)
    role = as_text(f"{first} + number % {number}")
    return _other_people(company, HOLDERS) | {"assigned_role_object_id": role}
