"""Cancel a running flow."""

from typing import Any

from django.db.models import Model

from approval_workflow.choices import EventKind, FlowStatus
from approval_workflow.models import ApprovalFlow
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._closing import cancel_unfinished, end_flow
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.services._locking import no_flow, require_open, work_on_flow


def cancel_flow(
    flow_or_obj: Model,
    user: Any = None,
    *,
    reason: str = "",
    expected_version: int | None = None,
) -> ApprovalFlow:
    """Cancel a flow, or the running flow of an object; all open and later steps are cancelled.

    Whether `user` may do this is for the caller to decide; the history names them.

    Events: `flow_cancelled`. Raises `NoCurrentStep`, `FlowEnded`, `VersionConflict`,
    `InvalidInput`.
    """
    by_flow = isinstance(flow_or_obj, ApprovalFlow)
    named = {"flow_id": flow_or_obj.pk} if by_flow else {"obj": flow_or_obj}
    user, reason = checked_person("user", user), checked_text("reason", reason)
    with work_on_flow(**named, expected_version=expected_version) as work:
        if not by_flow and not work.flow.is_open:
            raise no_flow()
        require_open(work.flow)
        cancelled = cancel_unfinished(work)
        end_flow(work, FlowStatus.CANCELLED)
        work.events.add(
            EventKind.FLOW_CANCELLED,
            actor=user,
            comment=reason,
            from_status=FlowStatus.IN_PROGRESS,
            to_status=FlowStatus.CANCELLED,
            steps_cancelled=cancelled,
        )
        work.call("on_cancel", work.flow)
    if isinstance(flow_or_obj, ApprovalFlow):
        bring_up_to_date(flow_or_obj, work.flow)
    return work.flow
