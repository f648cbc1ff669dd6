"""What follows when a step is satisfied: wait, open the next number, ask for more, or complete."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Min, Subquery

from approval_workflow.choices import ApprovalStatus, EventKind, FlowStatus
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._builder import build_instance
from approval_workflow.services._closing import cancel_unfinished, end_flow
from approval_workflow.services._locking import FlowWork
from approval_workflow.services._opening import insert_steps, open_steps
from approval_workflow.services._steps import parse_steps


def advance(work: FlowWork, row: ApprovalInstance) -> ApprovalInstance | None:
    """Move the flow on after the step of `row` was satisfied; return what is current, or None."""
    unfinished = _current_and_next(work, row)
    waiting_for = [step for step in unfinished if _holds_back(step, row)]
    if waiting_for:
        return waiting_for[0]
    following = [step for step in unfinished if step.status == ApprovalStatus.PENDING]
    if following:
        return open_steps(work, following)[0]
    return _continue_or_complete(work, row)


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


def _continue_or_complete(work: FlowWork, row: ApprovalInstance) -> ApprovalInstance | None:
    steps = _asked_for(work, row)
    if steps:
        # No step is left, so the row's own number is the last of its round.
        specs = parse_steps(steps, after=row.step_number)
        rows = [build_instance(work.flow, spec, round_number=row.round) for spec in specs]
        work.events.add(EventKind.STEPS_ADDED, steps=[step.step_number for step in rows])
        return insert_steps(work, rows)[0]
    cancel_unfinished(work)
    end_flow(work, FlowStatus.COMPLETED)
    work.events.add(
        EventKind.FLOW_COMPLETED,
        from_status=FlowStatus.IN_PROGRESS,
        to_status=FlowStatus.COMPLETED,
    )
    work.call("on_final_approve", row)
    return None


def _asked_for(work: FlowWork, row: ApprovalInstance) -> Sequence[Any]:
    """The steps of the first handler that has any."""
    for handler in work.handlers:
        steps = list(handler.next_steps(row))
        if steps:
            return steps
    return ()
