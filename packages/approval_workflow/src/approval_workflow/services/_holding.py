"""Flows on hold: nobody may act in them, and their deadlines stand still."""

from datetime import datetime
from typing import Any

from django.db.models import F

from approval_workflow.choices import ApprovalStatus, EventKind, FlowStatus
from approval_workflow.deadlines import configured_calendar
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._locking import FlowWork


def put_on_hold(work: FlowWork, user: Any = None, *, reason: str = "") -> None:
    """Put a running flow on hold."""
    _rows(work).current().update(status=ApprovalStatus.ON_HOLD, updated_at=work.moment)
    work.flow.status = FlowStatus.ON_HOLD
    work.flow.held_at = work.moment
    work.events.add(
        EventKind.FLOW_HELD,
        actor=user,
        comment=reason,
        from_status=FlowStatus.IN_PROGRESS,
        to_status=FlowStatus.ON_HOLD,
    )
    work.call("on_hold", work.flow)


def take_off_hold(work: FlowWork, user: Any = None, *, reason: str = "") -> None:
    """Let a flow go on; what was left of the time of its open steps is left again."""
    held_at = work.flow.held_at or work.moment
    _put_deadlines_off(work, held_at)
    _rows(work).on_hold().update(status=ApprovalStatus.CURRENT, updated_at=work.moment)
    work.flow.status = FlowStatus.IN_PROGRESS
    work.flow.held_at = None
    work.events.add(
        EventKind.FLOW_RESUMED,
        actor=user,
        comment=reason,
        from_status=FlowStatus.ON_HOLD,
        to_status=FlowStatus.IN_PROGRESS,
        held_at=held_at.isoformat(),
    )
    work.call("on_resume", work.flow)


def _put_deadlines_off(work: FlowWork, held_at: datetime) -> None:
    rows = _rows(work).on_hold().exclude(due_at=None)
    calendar = configured_calendar()
    if calendar is None:
        rows.update(due_at=F("due_at") + (work.moment - held_at))
        return
    # The latest first: what was put off must not be taken for what is still to be.
    for due_at in sorted(set(rows.values_list("due_at", flat=True)), reverse=True):
        rows.filter(due_at=due_at).update(due_at=calendar.put_off(due_at, held_at, work.moment))


def _rows(work: FlowWork) -> Any:
    return ApprovalInstance.objects.using(work.using).filter(flow=work.flow)
