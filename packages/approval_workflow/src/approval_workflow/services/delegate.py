"""Hand one's part in a step to somebody else."""

from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import Action, ApprovalStatus, EventKind
from approval_workflow.exceptions import ApprovalPermissionDenied, InvalidDelegate
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services._acting import Act, act_on
from approval_workflow.services._handover import checked_successor, hand_over


def delegate(
    instance_or_obj: Model,
    user: Any,
    *,
    delegate_to: Any,
    comment: str = "",
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Let `delegate_to` act in this step instead; they need not hold the step's role.

    Not to oneself, nor to somebody inactive, who has a part in the step or handed it on before, or
    whom separation of duties keeps out. The delegate's vote counts as this one would have; the
    deadline stays. Returns the delegate's row.

    Events: `delegated`. Raises as `approve` does, and `InvalidDelegate`.
    """

    def execute(act: Act) -> tuple[ApprovalEvent, ApprovalInstance | None]:
        return _delegate(act, delegate_to)

    return act_on(
        instance_or_obj,
        user,
        Action.DELEGATE,
        execute,
        comment=comment,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
    )


def require_asked(act: Act) -> None:
    """Refuse whoever may act only because they hold the role: the part is somebody else's."""
    if act.permission.code == "role_holder" and act.row.assigned_to_id is not None:
        raise ApprovalPermissionDenied(
            _("Only the person asked can hand a step on."), reason="not_assigned"
        )


def _delegate(act: Act, delegate_to: Any) -> tuple[ApprovalEvent, ApprovalInstance]:
    require_asked(act)
    successor = checked_successor(act.work, act.row, delegate_to, argument="delegate_to")
    if successor.pk == act.user.pk:
        raise InvalidDelegate("delegate_to: " + _("a step cannot be handed to oneself."))
    act.work.call("before_delegate", act.row)
    taken_over = hand_over(
        act.work,
        act.row,
        successor,
        ApprovalStatus.DELEGATED,
        user=act.user,
        comment=act.comment,
    )
    event = act.record(
        EventKind.DELEGATED, from_status=ApprovalStatus.CURRENT, delegated_to=str(successor.pk)
    )
    act.work.call("on_delegate", act.row)
    act.work.call("after_delegate", act.row)
    return event, taken_over
