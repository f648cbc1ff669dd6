"""Ending a flow: completed, or rejected by a decision or by what a handler answers."""

from typing import Any

from approval_workflow.choices import EventKind, FlowStatus
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._acting import Act
from approval_workflow.services._closing import cancel_unfinished, end_flow
from approval_workflow.services._locking import FlowWork


def complete_flow(work: FlowWork, row: ApprovalInstance | None) -> None:
    """End the flow; `row` is the one that was decided last, None where nobody has decided."""
    _end(work, FlowStatus.COMPLETED, EventKind.FLOW_COMPLETED)
    work.call("on_final_approve", row)


def reject_flow(act: Act) -> None:
    """End the flow: the act's step is rejected, everything unfinished is cancelled."""
    told = {
        "instance": act.row,
        "actor": act.user,
        "on_behalf_of": act.permission.on_behalf_of,
    }
    _reject(act.work, act.row, **told)


def reject_without_decision(work: FlowWork, row: ApprovalInstance | None) -> None:
    """End the flow as rejected by no step; `row` is the one that was decided last, or None."""
    _reject(work, row)


def _reject(work: FlowWork, row: ApprovalInstance | None, **told: Any) -> None:
    _end(work, FlowStatus.REJECTED, EventKind.FLOW_REJECTED, **told)
    work.call("on_reject", row)
    work.call("after_reject", row)


def _end(work: FlowWork, status: FlowStatus, kind: EventKind, **told: Any) -> None:
    cancel_unfinished(work)
    end_flow(work, status)
    work.events.add(kind, from_status=FlowStatus.IN_PROGRESS, to_status=status, **told)
