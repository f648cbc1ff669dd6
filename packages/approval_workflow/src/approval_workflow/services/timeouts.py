"""What happens before and at the deadline of a step.

Each row is dealt with in a transaction of its own, on its locked flow, and looked at again there:
several sweepers at a time, or one that was killed, make nothing happen twice.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from approval_workflow.choices import ApprovalStatus, EventKind
from approval_workflow.conf import settings
from approval_workflow.exceptions import NoCurrentStep
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._closing import change_current
from approval_workflow.services._deadline_acts import act_at_deadline
from approval_workflow.services._locking import FlowWork, work_on_flow

logger = logging.getLogger("approval_workflow")


@dataclass(slots=True)
class SweepResult:
    """What one sweep did: reminders, deadlines dealt with, and steps that could not be."""

    reminded: int = 0
    timed_out: int = 0
    failed: int = 0


def process_deadlines(*, limit: int | None = None) -> SweepResult:
    """Remind the people of steps that are due soon, and deal with the deadlines that have passed.

    `limit` is the most steps to deal with of each kind; the oldest deadlines come first. A step
    that a handler refuses to let go on is logged, counted as failed and tried again in the next
    sweep; it keeps no other step from being dealt with. A deadline at which nobody can take the
    step over is only noted in the history; the step stays with its people.

    Events: `reminded`, `timed_out` and those of the action.
    """
    now = timezone.now()
    result = SweepResult()
    for key, flow_id in list(_overdue(now)):
        if result.timed_out == limit:
            break
        result.timed_out += _attempt(_time_out, key, flow_id, result)
    for key, flow_id in list(_to_remind(now)):
        if result.reminded == limit:
            break
        result.reminded += _attempt(_remind, key, flow_id, result)
    return result


def remind(instance: ApprovalInstance, user: Any = None, *, reason: str = "") -> bool:
    """Remind the people of an open step now; return whether it was open, and not on hold.

    Events: `reminded`. Raises `InvalidInput`.
    """
    user, reason = checked_person("user", user), checked_text("reason", reason)
    return _on_current(
        instance.pk, instance.flow_id, lambda work, row: _note(work, row, user, reason)
    )


def _overdue(now: datetime) -> Any:
    rows = ApprovalInstance.objects.current().filter(due_at__lte=now, timed_out_at=None)
    return rows.exclude(timeout_action="").order_by("due_at", "pk").values_list("pk", "flow_id")


def _to_remind(now: datetime) -> Any:
    before = settings.remind_before
    if before is None:
        return ApprovalInstance.objects.none().values_list("pk", "flow_id")
    rows = ApprovalInstance.objects.current().filter(due_at__lte=now + before, reminded_at=None)
    return rows.order_by("due_at", "pk").values_list("pk", "flow_id")


def _attempt(
    deal: "Callable[[FlowWork, ApprovalInstance], bool]",
    key: int,
    flow_id: int,
    result: SweepResult,
) -> int:
    try:
        return int(_on_current(key, flow_id, deal))
    except Exception:  # what one flow's handler raises must not stop the sweep
        result.failed += 1
        logger.exception("The deadline of approval step %s could not be dealt with", key)
        return 0


def _on_current(
    key: int, flow_id: int, deal: "Callable[[FlowWork, ApprovalInstance], bool]"
) -> bool:
    """Deal with a row under the lock of its flow, if it is still current."""
    try:
        with work_on_flow(flow_id=flow_id) as work:
            rows = ApprovalInstance.objects.using(work.using).select_related("assigned_to")
            row = rows.filter(pk=key).current().first()
            if row is None:
                return False
            row.flow = work.flow
            return deal(work, row)
    except NoCurrentStep:
        return False


def _remind(work: FlowWork, row: ApprovalInstance) -> bool:
    if row.reminded_at is not None:
        return False
    return _note(work, row, None, "")


def _note(work: FlowWork, row: ApprovalInstance, user: Any, reason: str) -> bool:
    change_current(work, row, reminded_at=timezone.now())
    work.events.add(
        EventKind.REMINDED,
        instance=row,
        actor=user,
        comment=reason,
        from_status=ApprovalStatus.CURRENT,
        to_status=ApprovalStatus.CURRENT,
        step=row.step_number,
        due_at=row.due_at.isoformat() if row.due_at else None,
    )
    return True


def _time_out(work: FlowWork, row: ApprovalInstance) -> bool:
    due = row.due_at is not None and row.due_at <= timezone.now()
    if row.timed_out_at is not None or not due or not row.timeout_action:
        return False
    row.action_user = None
    act = act_at_deadline(work, row)
    work.events.add(
        EventKind.TIMED_OUT,
        instance=row,
        from_status=ApprovalStatus.CURRENT,
        to_status=ApprovalStatus.CURRENT,
        step=row.step_number,
        timeout_action=row.timeout_action,
        acted=act is not None,
    )
    change_current(work, row, timed_out_at=timezone.now())
    if act is not None:
        act()
    return True
