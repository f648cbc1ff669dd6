"""Add steps to the end of a running flow."""

from collections.abc import Mapping, Sequence
from typing import Any

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services._adding import append_steps
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.services._locking import require_open, work_on_flow


def extend_flow(
    flow: ApprovalFlow,
    steps: Sequence[Mapping[str, Any]],
    user: Any = None,
    *,
    reason: str = "",
    expected_version: int | None = None,
) -> list[ApprovalInstance]:
    """Append steps, as `start_flow` takes them, after the last step; return the new pending rows.

    Numbers must be greater than those the round has; left out, they are numbered on. `user` is
    who the history names, with the reason. A flow on hold can be extended; one that waits goes on
    waiting.

    Events: `steps_added`. Raises `InvalidSteps`, `FlowEnded`, `VersionConflict`, `InvalidInput`.
    """
    user, reason = checked_person("user", user), checked_text("reason", reason)
    with work_on_flow(flow_id=flow.pk, expected_version=expected_version) as work:
        require_open(work.flow)
        rows = append_steps(work, steps, user, reason)
    bring_up_to_date(flow, work.flow)
    return rows
