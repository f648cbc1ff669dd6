"""What the tests of the core make and look at again and again."""

from typing import Any

from approval_workflow.events import verify_flow
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import start_flow
from tests.testapp.models import Document


def make_document(title: str = "Contract") -> Document:
    return Document.objects.create(title=title)


def make_flow(*steps: Any, obj: Any = None) -> ApprovalFlow:
    """Start a flow; each step is a dictionary, or a user for a plain step."""
    described = [step if isinstance(step, dict) else {"assigned_to": step} for step in steps]
    return start_flow(obj or make_document(), described)


def by(role: Any, strategy: str = "anyone", **keys: Any) -> dict[str, Any]:
    """Return a step that a role answers."""
    return {"assigned_role": role, "role_selection_strategy": strategy, **keys}


def current(flow: ApprovalFlow) -> list[ApprovalInstance]:
    return list(ApprovalInstance.objects.filter(flow=flow).current().in_order())


def the_current(flow: ApprovalFlow) -> ApprovalInstance:
    """Return the one row that is current; there must be exactly one."""
    (row,) = current(flow)
    return row


def row_of(flow: ApprovalFlow, user: Any) -> ApprovalInstance:
    """Return the person's newest row in the flow."""
    return ApprovalInstance.objects.filter(flow=flow, assigned_to=user).latest("pk")


def statuses(flow: ApprovalFlow) -> list[tuple[int, str]]:
    """Return number and status of each row in order."""
    rows = ApprovalInstance.objects.filter(flow=flow).in_order()
    return list(rows.values_list("step_number", "status"))


def kinds(flow: ApprovalFlow) -> list[str]:
    """Return what the history tells, in order."""
    return list(flow.events.in_order().values_list("kind", flat=True))


def last_event(flow: ApprovalFlow, kind: str | None = None) -> ApprovalEvent:
    events = flow.events.filter(kind=kind) if kind else flow.events.all()
    return events.latest("sequence")


def verified(flow: ApprovalFlow) -> bool:
    """Whether the history of the flow, as the database gives it back, is unbroken."""
    flow = ApprovalFlow.objects.get(pk=flow.pk)
    return verify_flow(flow, flow.events.in_order()) is None
