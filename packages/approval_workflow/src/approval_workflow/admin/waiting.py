"""Who may act on a flow now, and why, in words about them rather than to them."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.admin.directions import isolated
from approval_workflow.admin.steps import asked, strategy_label
from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import ApprovalMisconfigured
from approval_workflow.explain import Explanation, explain_approvers
from approval_workflow.models import ApprovalFlow, ApprovalInstance


@dataclass(frozen=True)
class Concerned:
    """A person, whether they may act, and why or why not."""

    name: str
    allowed: bool
    why: str


@dataclass(frozen=True)
class WaitingRow:
    """An open step and the people concerned by it."""

    step: ApprovalInstance
    asked: str
    strategy: str
    people: list[Concerned] = field(default_factory=list)


def waiting_context(flow: ApprovalFlow | None) -> dict[str, Any]:
    """Return `waiting`, the open steps, and `waiting_problem`, why they cannot be explained.

    And `is_on_hold`, whether they wait for the flow to be resumed.
    """
    if flow is None or not flow.is_open:
        return {"waiting": [], "waiting_problem": "", "is_on_hold": False}
    rows = {
        step.pk: WaitingRow(step, asked(step), strategy_label(step.role_selection_strategy))
        for step in flow.instances.asked().select_related("assigned_to").in_order()
    }
    problem = ""
    try:
        for explanation in explain_approvers(flow):
            # Decided between the two statements: not waiting any more.
            if explanation.instance.pk in rows:
                rows[explanation.instance.pk].people.append(_concerned(explanation))
    except ApprovalMisconfigured as error:
        problem = error.message
    is_on_hold = flow.status == FlowStatus.ON_HOLD
    return {"waiting": list(rows.values()), "waiting_problem": problem, "is_on_hold": is_on_hold}


def _concerned(explanation: Explanation) -> Concerned:
    permission = explanation.permission
    return Concerned(
        name=str(explanation.user),
        allowed=permission.allowed,
        why=_why(permission.code, permission.on_behalf_of) or permission.reason,
    )


def _why(code: str, person: Any) -> str:
    """Say of somebody what `can_act` says to them; "" for a code that is not known here."""
    if person is not None:
        words = {
            "substitute": _("stands in for %(person)s"),
            "senior": _("is above %(person)s in the role tree"),
        }
        return words.get(code, "") % {"person": isolated(person)}
    return {
        "assigned": _("is asked"),
        "role_holder": _("holds the role that is asked"),
        "on_hold": _("is asked, but the flow is on hold"),
        "inactive": _("is asked, but the account is not active"),
        "left_role": _("is asked, but does not hold the role any more"),
        "already_voted": _("has voted in this step already"),
        "claimed": _("is asked, but somebody else has taken the step"),
        "separation_of_duties": _("is asked, but started the flow or has decided in it"),
    }.get(code, "")
