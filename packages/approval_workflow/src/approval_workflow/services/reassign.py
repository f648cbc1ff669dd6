"""Give somebody's part in a step to somebody else, as a manager."""

from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus, EventKind
from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._acting import require_current
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.services._handover import checked_successor, hand_over
from approval_workflow.services._locking import work_on_flow


def reassign(
    instance: ApprovalInstance,
    user: Any,
    *,
    assign_to: Any,
    reason: str,
    expected_version: int | None = None,
) -> ApprovalInstance:
    """Let `assign_to` act in place of the assigned person; they need not hold the step's role.

    Whether `user` may do this is for the caller to decide (the API and the admin ask for the
    permission to change approval steps); the history names them and the reason, which is required.
    Returns the new row.

    Events: `reassigned`. Raises `InvalidInput` without a reason, `InvalidDelegate`,
    `StepAlreadyProcessed`, `StepNotOpen`, `FlowOnHold`, `VersionConflict`.
    """
    user, reason = checked_person("user", user), checked_text("reason", reason)
    if not reason.strip():
        raise InvalidInput("reason: " + _("expected why the step is given to somebody else."))
    with work_on_flow(flow_id=instance.flow_id, expected_version=expected_version) as work:
        row = ApprovalInstance.objects.using(work.using).get(pk=instance.pk)
        row.flow = work.flow
        require_current(row, instance)
        successor = checked_successor(work, row, assign_to, argument="assign_to")
        taken_over = hand_over(
            work, row, successor, ApprovalStatus.REASSIGNED, user=user, comment=reason
        )
        work.events.add(
            EventKind.REASSIGNED,
            instance=row,
            actor=user,
            comment=reason,
            from_status=ApprovalStatus.CURRENT,
            to_status=ApprovalStatus.REASSIGNED,
            step=row.step_number,
            reassigned_to=str(successor.pk),
        )
    bring_up_to_date(instance, row)
    return taken_over
