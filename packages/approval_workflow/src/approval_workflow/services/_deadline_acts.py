"""What is done with a row whose deadline has passed; nobody acts, so the history names nobody.

A step that anybody of a role can decide is escalated once, in the part of one of those asked; a
vote is escalated in each part that is still open. Whoever a step is delegated to gets one part of
it. The others who are asked keep theirs.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from approval_workflow.choices import Action, ApprovalStatus, EventKind, TimeoutAction
from approval_workflow.exceptions import InvalidDelegate
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._acting import Act
from approval_workflow.services._advance import advance
from approval_workflow.services._closing import cancel_rest_of_step, close
from approval_workflow.services._ending import reject_flow
from approval_workflow.services._handover import checked_successor, hand_over, new_deadline
from approval_workflow.services._locking import FlowWork
from approval_workflow.services.escalate import hand_up, successor_above
from approval_workflow.strategies import strategy_of
from approval_workflow.types import Permission

SYSTEM = Permission(True, "system", "")


def act_at_deadline(work: FlowWork, row: ApprovalInstance) -> Callable[[], None] | None:
    """Return what is to be done with the row, or None where nobody can take it over."""
    action = TimeoutAction(row.timeout_action)
    if action is TimeoutAction.APPROVE:
        return partial(_approve, work, row)
    if action is TimeoutAction.REJECT:
        return partial(_reject, work, row)
    if _is_handed_on(row, action):
        return None
    hand_on, successor_of = _HAND_ON[action]
    try:
        return partial(hand_on, work, row, successor_of(work, row))
    except InvalidDelegate:
        return None


def _is_handed_on(row: ApprovalInstance, action: TimeoutAction) -> bool:
    """Whether another part of the step was handed on at this deadline, and that is enough."""
    if action is TimeoutAction.ESCALATE and not strategy_of(row).admits_new_holders:
        return False
    handed_on = ApprovalInstance.objects.same_step(row).filter(
        due_at=row.due_at,
        timed_out_at__isnull=False,
        status__in=(ApprovalStatus.ESCALATED, ApprovalStatus.DELEGATED),
    )
    return handed_on.exists()


def _named(work: FlowWork, row: ApprovalInstance) -> Any:
    named = row.timeout_delegate_to
    return checked_successor(work, row, named, argument="timeout_delegate_to")


def _escalate(work: FlowWork, row: ApprovalInstance, successor: Any) -> None:
    act = _system_act(work, row, Action.ESCALATE)
    taken_over = hand_up(act, successor)
    act.record(
        EventKind.ESCALATED,
        from_status=ApprovalStatus.CURRENT,
        escalated_to=str(successor.pk),
        level=taken_over.escalation_level,
    )


def _delegate(work: FlowWork, row: ApprovalInstance, successor: Any) -> None:
    act = _system_act(work, row, Action.DELEGATE)
    work.call("before_delegate", row)
    # At the next deadline there is nobody else to delegate to.
    later = {"timeout_action": "", "timeout_delegate_to": None, **new_deadline(row)}
    status = ApprovalStatus.DELEGATED
    hand_over(work, row, successor, status, user=None, comment="", **later)
    act.record(
        EventKind.DELEGATED, from_status=ApprovalStatus.CURRENT, delegated_to=str(successor.pk)
    )
    work.call("on_delegate", row)
    work.call("after_delegate", row)


def _approve(work: FlowWork, row: ApprovalInstance) -> None:
    """The whole step is approved, whatever votes are missing."""
    act = _system_act(work, row, Action.APPROVE)
    work.call("before_approve", row)
    close(work, row, ApprovalStatus.APPROVED, user=None, comment="")
    cancel_rest_of_step(work, row)
    act.record(EventKind.APPROVED, from_status=ApprovalStatus.CURRENT, outcome="approved")
    work.call("on_approve", row)
    work.call("on_step_approved", row)
    advance(work, row)
    work.call("after_approve", row)


def _reject(work: FlowWork, row: ApprovalInstance) -> None:
    act = _system_act(work, row, Action.REJECT)
    work.call("before_reject", row)
    close(work, row, ApprovalStatus.REJECTED, user=None, comment="")
    act.record(EventKind.REJECTED, from_status=ApprovalStatus.CURRENT, outcome="rejected")
    reject_flow(act)


def _system_act(work: FlowWork, row: ApprovalInstance, action: Action) -> Act:
    return Act(work, action, row, None, SYSTEM, None, "", None)


_HAND_ON: dict[TimeoutAction, tuple[Callable[..., None], Callable[..., Any]]] = {
    TimeoutAction.ESCALATE: (_escalate, successor_above),
    TimeoutAction.DELEGATE: (_delegate, _named),
}
