"""Where an object stands, read anew each time."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.permissions import can_act
from approval_workflow.queries import get_approval_flow
from approval_workflow.types import Permission


def flow_of(obj_or_flow: Model) -> ApprovalFlow:
    """Return the flow as it is now: of an object the open one, else the one that ended last.

    Raises `AssertionError` when there is none.
    """
    if isinstance(obj_or_flow, ApprovalFlow):
        return ApprovalFlow.objects.get(pk=obj_or_flow.pk)
    flow = get_approval_flow(obj_or_flow)
    if flow is None:
        raise AssertionError(f"{obj_or_flow!r} has no approval flow.")
    return flow


def open_rows(obj_or_flow: Model) -> list[ApprovalInstance]:
    """Return the rows that are current, in order."""
    flow = flow_of(obj_or_flow)
    if not flow.is_open:
        return []
    return _in_flow(flow, flow.instances.current())


def _in_flow(flow: ApprovalFlow, found: Any) -> list[ApprovalInstance]:
    rows = list(found.select_related("assigned_to").in_order())
    for row in rows:
        row.flow = flow
    return rows


def rows_asked(obj_or_flow: Model) -> list[ApprovalInstance]:
    """Return the open rows whose own person may act now."""
    return [row for row in open_rows(obj_or_flow) if may_act_as_asked(row)]


def may_act_as_asked(row: ApprovalInstance) -> Permission:
    return can_act(row, row.assigned_to, allow_higher_level=False)


def permission_of(obj_or_flow: Model, user: Any) -> Permission | None:
    """Return the first permission that the user has on an open row, else the first refusal.

    None when nothing is open. The user's own row is asked first; the user is judged as stored.
    """
    user = as_stored(user)
    rows = sorted(open_rows(obj_or_flow), key=lambda row: row.assigned_to_id != user.pk)
    permissions = [can_act(row, user) for row in rows]
    return next(filter(None, permissions), permissions[0] if permissions else None)


def as_stored(user: Any) -> Any:
    """Return the person as they are in the database now, which is what the services look at."""
    return get_user_model()._default_manager.filter(pk=user.pk).first() or user


def told(obj_or_flow: Model) -> str:
    """Tell in words where the flow stands, for messages of failed assertions."""
    flow = flow_of(obj_or_flow)
    lines = [f"The flow of {flow.target!r} is {flow.status}."]
    rows = _in_flow(flow, flow.instances.asked())
    for row in rows:
        permission = may_act_as_asked(row)
        state = "is asked" if permission else f"may not act ({permission.code})"
        lines.append(f"Step {row.step_number}{_track(row)}: {row.assigned_to} {state}.")
    if flow.is_open and not rows:
        lines.append("Nobody is asked: it waits for continue_flow.")
    return "\n".join(lines)


def _track(row: ApprovalInstance) -> str:
    return f" ({row.parallel_group})" if row.parallel_group else ""
