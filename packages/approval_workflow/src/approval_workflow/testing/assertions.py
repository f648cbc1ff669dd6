"""Assertions about flows. Each takes the object, or one of its flows, and says where it stands."""

from typing import Any

from django.db.models import Model

from approval_workflow.events import verify_flow
from approval_workflow.testing.standing import flow_of, permission_of, rows_asked, told


def assert_waiting_on(obj: Model, *users: Any) -> None:
    """Fail unless the open steps ask exactly these people, and each of them may act now.

    Without people: unless nobody is asked. Who has left the role, has voted or is not active does
    not count; neither do people who may act for others (seniors, stand-ins, new holders of a role):
    look at these with `assert_may_act`.
    """
    asked = {row.assigned_to for row in rows_asked(obj)}
    if asked != set(users):
        raise AssertionError(f"Expected to wait on {_names(users)}.\n{told(obj)}")


def assert_may_act(obj: Model, user: Any) -> None:
    """Fail unless `user` may act on one of the open steps, for themselves or for somebody else."""
    permission = permission_of(obj, user)
    if not permission:
        reason = "nothing is open." if permission is None else permission.reason
        raise AssertionError(f"{user} may not act: {reason}\n{told(obj)}")


def assert_may_not_act(obj: Model, user: Any, *, code: str | None = None) -> None:
    """Fail when `user` may act on an open step, or is refused for another reason than `code`.

    The codes are those of `Permission.code`: "not_assigned", "left_role", "already_voted", …
    """
    permission = permission_of(obj, user)
    if permission:
        raise AssertionError(f"{user} may act: {permission.reason}\n{told(obj)}")
    found = permission.code if permission is not None else None
    if code is not None and found != code:
        raise AssertionError(f"{user} is refused by {found!r}, expected {code!r}.\n{told(obj)}")


def assert_flow_status(obj: Model, status: str) -> None:
    """Fail unless the flow has this status (a `FlowStatus` or its value)."""
    if flow_of(obj).status != status:
        raise AssertionError(f"Expected the flow to be {status}.\n{told(obj)}")


def assert_history_intact(obj: Model) -> None:
    """Fail when a row of the flow's history is not as it was written."""
    flow = flow_of(obj)
    problem = verify_flow(flow, flow.events.in_order())
    if problem is not None:
        raise AssertionError(str(problem))


def _names(users: tuple[Any, ...]) -> str:
    return ", ".join(sorted(str(user) for user in users)) or "nobody"
