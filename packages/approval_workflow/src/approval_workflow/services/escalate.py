"""Hand a step to somebody above."""

from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import Action, ApprovalStatus, EventKind
from approval_workflow.exceptions import InvalidDelegate
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.roles import everybody_above
from approval_workflow.services._acting import Act, act_on
from approval_workflow.services._handover import checked_successor, hand_over, new_deadline
from approval_workflow.services._locking import FlowWork
from approval_workflow.services.delegate import require_asked


def escalate(
    instance_or_obj: Model,
    user: Any,
    *,
    escalate_to: Any = None,
    comment: str = "",
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Let somebody above the assigned person act in this step instead.

    Without `escalate_to`, that is the first person above who can take it, by the manager field,
    then by the role tree. At most `max_escalation_level` times, where the step says so. The
    deadline starts anew. Returns the new row.

    Events: `escalated`. Raises as `delegate` does; `InvalidDelegate` also when nobody is above.
    """

    def execute(act: Act) -> tuple[ApprovalEvent, ApprovalInstance | None]:
        require_asked(act)
        taken_over = hand_up(act, successor_above(act.work, act.row, escalate_to))
        return act.record(
            EventKind.ESCALATED,
            from_status=ApprovalStatus.CURRENT,
            escalated_to=str(taken_over.assigned_to_id),
            level=taken_over.escalation_level,
        ), taken_over

    return act_on(
        instance_or_obj,
        user,
        Action.ESCALATE,
        execute,
        comment=comment,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
    )


def successor_above(work: FlowWork, row: ApprovalInstance, escalate_to: Any = None) -> Any:
    """Return who takes the row over when it is escalated; raise `InvalidDelegate` for nobody."""
    limit = row.max_escalation_level
    if limit is not None and row.escalation_level >= limit:
        raise InvalidDelegate(
            _("This step cannot be escalated more than %(limit)s times.") % {"limit": limit}
        )
    if escalate_to is None:
        return _first_above(work, row)
    return checked_successor(work, row, escalate_to, argument="escalate_to")


def hand_up(act: Act, successor: Any) -> ApprovalInstance:
    """Escalate the act's row, with the hooks; recording it is for the caller."""
    row = act.row
    act.work.call("before_escalate", row)
    taken_over = hand_over(
        act.work,
        row,
        successor,
        ApprovalStatus.ESCALATED,
        user=act.user,
        comment=act.comment,
        escalation_level=row.escalation_level + 1,
        **new_deadline(row),
    )
    act.work.call("on_escalate", row)
    act.work.call("after_escalate", row)
    return taken_over


def _first_above(work: FlowWork, row: ApprovalInstance) -> Any:
    """The nearest person above the row's person who can take the step over."""
    for person in (person for level in everybody_above(row.assigned_to) for person in level):
        try:
            return checked_successor(work, row, person, argument="escalate_to")
        except InvalidDelegate:
            continue
    raise InvalidDelegate(_("There is nobody above who can take this step over."))
