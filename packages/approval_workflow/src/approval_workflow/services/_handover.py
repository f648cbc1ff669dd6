"""Handing one's part in a step to somebody else: the row is closed, the other person gets one."""

from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus
from approval_workflow.deadlines import due_from
from approval_workflow.exceptions import InvalidDelegate
from approval_workflow.models import ApprovalInstance
from approval_workflow.permissions import is_excluded
from approval_workflow.services._builder import build_for
from approval_workflow.services._closing import close
from approval_workflow.services._locking import FlowWork, reload_user


def hand_over(
    work: FlowWork,
    row: ApprovalInstance,
    successor: Any,
    status: ApprovalStatus,
    *,
    user: Any,
    comment: str,
    **changes: Any,
) -> ApprovalInstance:
    """Close a current row with this status and return the row of the person who takes it over."""
    close(work, row, status, user=user, comment=comment)
    taken_over = build_for(row, successor, taken_over=True)
    taken_over.checked_in_at = row.checked_in_at
    taken_over.escalation_level = row.escalation_level
    # With the deadline goes whether it was dealt with.
    taken_over.timed_out_at = row.timed_out_at
    for name, value in changes.items():
        setattr(taken_over, name, value)
    taken_over.save(using=work.using, force_insert=True)
    row.__dict__["delegated_to"] = successor
    return taken_over


def new_deadline(row: ApprovalInstance) -> dict[str, Any]:
    """What gives the person who takes a row over the whole time that the step allows."""
    return {"due_at": due_from(timezone.now(), row.sla_duration), "timed_out_at": None}


def checked_successor(work: FlowWork, row: ApprovalInstance, person: Any, *, argument: str) -> Any:
    """Return the person as they are now; raise `InvalidDelegate` where they cannot take the step.

    Refused: no user, somebody inactive, whoever holds the row, whoever has a part in the step or
    had one and handed it on (a circle), and whom separation of duties keeps out.
    """
    if not isinstance(person, get_user_model()):
        raise InvalidDelegate(f"{argument}: " + _("expected the user who takes the step over."))
    successor = reload_user(person, work.using)
    if successor is None or not successor.is_active:
        raise InvalidDelegate(f"{argument}: " + _("this account is not active."))
    if successor.pk == row.assigned_to_id:
        raise InvalidDelegate(f"{argument}: " + _("a step cannot be handed to oneself."))
    if _has_part_in_step(row, successor):
        raise InvalidDelegate(f"{argument}: " + _("this person has a part in the step already."))
    if is_excluded(row, successor):
        raise InvalidDelegate(f"{argument}: " + _("this person may not act in this step."))
    return successor


def _has_part_in_step(row: ApprovalInstance, user: Any) -> bool:
    """Whether the person is asked, has voted, or handed their part on (a circle).

    Who has reassigned the part of somebody else has none.
    """
    rows = ApprovalInstance.objects.using(row._state.db).same_step(row)
    assigned = rows.filter(assigned_to=user)
    acted = rows.filter(action_user=user).exclude(status=ApprovalStatus.REASSIGNED)
    return (assigned | acted).exclude(status=ApprovalStatus.CANCELLED).exists()
