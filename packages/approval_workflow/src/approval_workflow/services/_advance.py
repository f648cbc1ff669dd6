"""What follows when a step is satisfied: wait, open the next number, ask for more, or complete."""

from typing import Any

from django.db.models import Min, Subquery

from approval_workflow.choices import ApprovalStatus, EventKind, FlowStatus
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._adding import add_steps
from approval_workflow.services._closing import cancel_open, cancel_unfinished, end_flow
from approval_workflow.services._holding import put_on_hold
from approval_workflow.services._locking import FlowWork
from approval_workflow.services._opening import open_steps
from approval_workflow.types import Continuation


def advance(work: FlowWork, row: ApprovalInstance) -> ApprovalInstance | None:
    """Move the flow on after the step of `row` was satisfied; return what is current, or None."""
    if row.parallel_group:
        in_track = _asked(work, "next_in_track", row)
        note(work, in_track)
        if in_track.steps and not in_track.joins:
            return _held(work, in_track, add_steps(work, in_track.steps, row, beside=True)[0])
        if in_track.joins:
            cancel_open(work)
        if in_track.hold:
            return _held(work, in_track, None)
    unfinished = _current_and_next(work, row)
    waiting_for = [step for step in unfinished if _holds_back(step, row)]
    if waiting_for:
        return waiting_for[0]
    following = [step for step in unfinished if step.status == ApprovalStatus.PENDING]
    if following:
        return open_steps(work, following)[0]
    return follow(work, _asked(work, "next_steps", row), row)


def follow(
    work: FlowWork, answer: Continuation, row: ApprovalInstance | None, *, beside: bool = False
) -> ApprovalInstance | None:
    """Do what the answer says, in a flow that asks for nothing else; return what is current.

    `row` is the last that was decided; None where nobody has been asked yet.
    """
    note(work, answer)
    current = None
    if answer.steps:
        current = add_steps(work, answer.steps, row, beside=beside)[0]
    elif answer.rejects:
        reject(work, row)
    elif not (answer.waits or answer.hold):
        complete(work, row)
    return _held(work, answer, current)


def note(work: FlowWork, answer: Continuation) -> None:
    """Tell in the history what the handler wants to be told."""
    for told in answer.notes:
        work.events.add(EventKind.NOTED, **told)


def complete(work: FlowWork, row: ApprovalInstance | None) -> None:
    cancel_unfinished(work)
    end_flow(work, FlowStatus.COMPLETED)
    work.events.add(
        EventKind.FLOW_COMPLETED,
        from_status=FlowStatus.IN_PROGRESS,
        to_status=FlowStatus.COMPLETED,
    )
    work.call("on_final_approve", row)


def reject(work: FlowWork, row: ApprovalInstance | None) -> None:
    """End the flow as rejected without a decision on a step."""
    cancel_unfinished(work)
    end_flow(work, FlowStatus.REJECTED)
    work.events.add(
        EventKind.FLOW_REJECTED,
        from_status=FlowStatus.IN_PROGRESS,
        to_status=FlowStatus.REJECTED,
    )
    work.call("on_reject", row)
    work.call("after_reject", row)


def _held(
    work: FlowWork, answer: Continuation, current: ApprovalInstance | None
) -> ApprovalInstance | None:
    """Put the flow on hold where the answer says so, which leaves nothing current."""
    if not answer.hold:
        return current
    put_on_hold(work, reason=answer.hold)
    return None


def _current_and_next(work: FlowWork, row: ApprovalInstance) -> list[ApprovalInstance]:
    """The open rows of the row's step number and later ones, and those to come of the next."""
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow, round=row.round)
    number = rows.pending().order_by().values("flow").annotate(first=Min("step_number"))
    here = rows.current().filter(step_number__gte=row.step_number)
    there = rows.pending().filter(step_number=Subquery(number.values("first")))
    found = (
        (here | there).select_related("assigned_to").order_by("step_number", "parallel_group", "pk")
    )
    return [_with_flow(step, work) for step in found]


def _with_flow(step: ApprovalInstance, work: FlowWork) -> ApprovalInstance:
    step.flow = work.flow
    return step


def _holds_back(step: ApprovalInstance, row: ApprovalInstance) -> bool:
    """Whether the next number cannot open yet.

    A later number may be open already: the row was on an optional track that the flow did not
    wait for.
    """
    if step.status != ApprovalStatus.CURRENT:
        return False
    return step.parallel_required or step.step_number > row.step_number


def _asked(work: FlowWork, hook: str, row: Any) -> Continuation:
    """The answer of the first handler that has one."""
    for handler in work.handlers:
        answer = Continuation.of(getattr(handler, hook)(row))
        if answer:
            return answer
    return Continuation()
