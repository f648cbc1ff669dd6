"""Steps and history of a flow, as pages show them."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.admin.people import person_label
from approval_workflow.admin.targets import fetch_objects
from approval_workflow.exceptions import ApprovalMisconfigured
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.queries import timeline
from approval_workflow.strategies import get_strategy


@dataclass(frozen=True)
class StepRow:
    """A step with what only Python knows to say of it."""

    step: ApprovalInstance
    asked: str
    strategy: str


@dataclass(frozen=True)
class EventRow:
    """A row of the history, with the names of people who may have left."""

    event: ApprovalEvent
    actor: str
    on_behalf_of: str


def flow_context(flow: ApprovalFlow | None) -> dict[str, Any]:
    """Return `steps` and `events` of a flow, as the templates want them."""
    if flow is None:
        return {"steps": [], "events": []}
    return {"steps": _steps(flow), "events": _events(flow)}


def asked(step: ApprovalInstance) -> str:
    """Return who is asked in a step: the person, or the role while nobody has been chosen."""
    if step.assigned_to is not None:
        return str(step.assigned_to)
    role = step.assigned_role
    return str(role) if role is not None else _("a role that has been deleted")


def strategy_label(value: str) -> str:
    """Return the name of a strategy; of one that is not installed any more, its value."""
    try:
        return str(get_strategy(value).label) if value else ""
    except ApprovalMisconfigured:
        return value


def _steps(flow: ApprovalFlow) -> list[StepRow]:
    steps = list(flow.instances.select_related("assigned_to", "action_user").in_order())
    waiting = [step for step in steps if step.assigned_to_id is None]
    fetch_objects(waiting, "assigned_role", "assigned_role_content_type")
    return [
        StepRow(step, asked(step), strategy_label(step.role_selection_strategy)) for step in steps
    ]


def _events(flow: ApprovalFlow) -> list[EventRow]:
    return [
        EventRow(
            event,
            person_label(event.actor, event.actor_id),
            person_label(event.on_behalf_of, event.on_behalf_of_id),
        )
        for event in timeline(flow)
    ]
