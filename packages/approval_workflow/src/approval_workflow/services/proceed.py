"""Go on with a flow that waits for something else than a person's decision."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services._advance import follow, note
from approval_workflow.services._closing import cancel_open, cancel_rows, cancel_unfinished
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.services._locking import FlowWork, require_running, work_on_flow
from approval_workflow.services._opening import open_steps
from approval_workflow.types import Continuation


def continue_flow(
    flow: ApprovalFlow,
    answer: Continuation | Iterable[Mapping[str, Any]] = (),
    *,
    afresh: bool = False,
    drop: Collection[int] = (),
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Let a flow go on as `answer` says, which is what a handler answers; return what is current.

    For handlers that made the flow wait: what they waited for has come. While other steps are open,
    new ones open beside them, as tracks of the same number; without new ones nothing happens but
    the answer's notes, unless it `joins`. Where nothing is open and the answer has nothing to ask,
    steps that were added open, else the flow is completed. `afresh`: all that is open or to come is
    cancelled first; `drop`: the steps with these keys are.

    Events: `noted`, `steps_added`, `step_opened`, `flow_completed`, `flow_held`. Raises
    `FlowOnHold`, `FlowEnded`, `InvalidSteps`, `NobodyEligible`, `VersionConflict`, `InvalidInput`.
    """
    answer = Continuation.of(answer)
    with work_on_flow(flow_id=flow.pk, expected_version=expected_version) as work:
        require_running(work.flow)
        if afresh:
            cancel_unfinished(work)
        elif answer.joins:
            cancel_open(work)
        if drop:
            rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow)
            cancel_rows(work, rows.filter(pk__in=drop))
        current = _continue(work, answer)
    bring_up_to_date(flow, work.flow)
    return current


def _continue(work: FlowWork, answer: Continuation) -> ApprovalInstance | None:
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow).order_by("-round")
    if answer.rejects:
        return follow(work, answer, _with_flow(work, rows.first()))
    beside = rows.current().select_related("assigned_to").first()
    if beside is not None:
        if answer.steps or answer.hold:
            waits = Continuation(
                steps=answer.steps, waits=True, hold=answer.hold, notes=answer.notes
            )
            return follow(work, waits, beside, beside=True)
        note(work, answer)
        return beside
    pending = list(rows.pending().order_by("step_number", "parallel_group", "pk"))
    if pending and not (answer.steps or answer.waits or answer.hold):
        note(work, answer)
        first = [row for row in pending if row.step_number == pending[0].step_number]
        for row in first:
            row.flow = work.flow
        return open_steps(work, first)[0]
    last = rows.order_by("-round", "-step_number", "-pk").first()
    return follow(work, answer, _with_flow(work, last))


def _with_flow(work: FlowWork, row: ApprovalInstance | None) -> ApprovalInstance | None:
    if row is not None:
        row.flow = work.flow
    return row
