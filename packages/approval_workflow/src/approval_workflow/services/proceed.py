"""Go on with a flow that waits for something else than a person's decision."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from approval_workflow.choices import ApprovalStatus
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.queries import CAST
from approval_workflow.services._adding import append_steps
from approval_workflow.services._advance import follow, follow_beside, held, note
from approval_workflow.services._dropping import (
    drop_open,
    drop_steps,
    drop_unfinished,
    rows_of_round,
)
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.services._locking import FlowWork, require_running, work_on_flow
from approval_workflow.services._opening import open_steps
from approval_workflow.types import Continuation


def continue_flow(
    flow: ApprovalFlow,
    answer: Continuation | Iterable[Mapping[str, object]] = (),
    *,
    afresh: bool = False,
    drop: Collection[int] = (),
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Let a flow go on as `answer` says, which is what a handler answers; return what is current.

    For handlers that made the flow wait: what they waited for has come. While other steps are open,
    new ones open beside them, as tracks of the same number; without new ones nothing happens but
    the answer's notes, unless it `joins`. Where nothing is open, steps that were added before open,
    and new ones come after them; where there are none, the answer is followed as that of
    `next_steps` is: with nothing to ask and nothing to wait for, the flow is completed. `afresh`:
    all that is open or to come is cancelled first; `drop`: the steps of the rows with these keys.

    Events: `noted`, `steps_dropped`, `steps_added`, `step_opened`, `flow_completed`,
    `flow_rejected`, `flow_held`.
    Raises `FlowOnHold`, `FlowEnded`, `InvalidSteps`, `NobodyEligible`, `VersionConflict`,
    `InvalidInput`.
    """
    answer = Continuation.of(answer)
    with work_on_flow(flow_id=flow.pk, expected_version=expected_version) as work:
        require_running(work.flow)
        if afresh or answer.ends_rejected:
            drop_unfinished(work)
        elif drop:
            drop_steps(work, drop)
        elif answer.joins:
            drop_open(work)
        current = _continue(work, answer)
    bring_up_to_date(flow, work.flow)
    return current


def _continue(work: FlowWork, answer: Continuation) -> ApprovalInstance | None:
    rows = rows_of_round(work)
    open_rows = [row for row in rows if row.status == ApprovalStatus.CURRENT]
    if open_rows:
        # The last of them: an optional track may be late.
        opened = follow_beside(work, answer, open_rows[-1])
        return opened if answer.steps or answer.hold else open_rows[0]
    if any(row.status == ApprovalStatus.PENDING for row in rows):
        return _open_next(work, answer)
    return follow(work, answer, _last_decided(rows))


def _open_next(work: FlowWork, answer: Continuation) -> ApprovalInstance | None:
    """Open the next of the steps that were added while the flow waited."""
    note(work, answer)
    if answer.steps:
        append_steps(work, answer.steps)
    elif answer.stays_open:
        return held(work, answer, None)
    pending = [row for row in rows_of_round(work) if row.status == ApprovalStatus.PENDING]
    following = [row for row in pending if row.step_number == pending[0].step_number]
    return held(work, answer, open_steps(work, following)[0])


def _last_decided(rows: Sequence[ApprovalInstance]) -> ApprovalInstance | None:
    """The row whose vote was cast last, as far as the present round goes."""
    decided = [row for row in rows if row.status in CAST and row.acted_at is not None]
    return max(decided, key=lambda row: (row.acted_at, row.pk), default=None)
