"""Cancel a running flow."""

from typing import Any

from django.db.models import Model

from approval_workflow.choices import EventKind, FlowStatus
from approval_workflow.models import ApprovalFlow
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._closing import cancel_unfinished, end_flow
from approval_workflow.services._locking import require_open, work_on


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
    user, reason = checked_person("user", user), checked_text("reason", reason)
    with work_on(flow_or_obj, expected_version) as work:
        require_open(work.flow)
        before = work.flow.status
        cancelled = cancel_unfinished(work)
        end_flow(work, FlowStatus.CANCELLED)
        work.events.add(
            EventKind.FLOW_CANCELLED,
            actor=user,
            comment=reason,
            from_status=before,
            to_status=FlowStatus.CANCELLED,
            steps_cancelled=cancelled,
        )
        work.call("on_cancel", work.flow)
    return work.flow
