"""Reject a step."""

from typing import Any

from django.db.models import Model

from approval_workflow.choices import Action, ApprovalStatus, EventKind
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services._acting import Act, act_on
from approval_workflow.services._advance import advance
from approval_workflow.services._closing import cancel_rest_of_step
from approval_workflow.services._ending import reject_flow
from approval_workflow.services._voting import an_open_row, cast_vote
from approval_workflow.types import Outcome


def reject(
    instance_or_obj: Model,
    user: Any,
    *,
    comment: str = "",
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Reject a step, or the step of an object or a flow that waits for `user`.

    By default the flow ends. Where the step's `rejection_policy` is "out_of_reach" it ends only
    when the approvals needed cannot be reached any more; until then this is one vote against.

    Returns None when the flow has ended, else an open instance.
    Events: `rejected`, and `flow_rejected` when it ends the flow.
    Raises as `approve` does, but for `InvalidFormData`.
    """
    return act_on(
        instance_or_obj,
        user,
        Action.REJECT,
        _reject,
        comment=comment,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
    )


def _reject(act: Act) -> tuple[ApprovalEvent, ApprovalInstance | None]:
    act.work.call("before_reject", act.row)
    decision = cast_vote(act)
    event = act.record(
        EventKind.REJECTED,
        from_status=ApprovalStatus.CURRENT,
        outcome=decision.outcome.value,
    )
    if decision.outcome is Outcome.REJECTED:
        reject_flow(act)
        return event, None
    if decision.outcome is Outcome.OPEN:
        return event, an_open_row(act)
    # Enough approvals were there already: this vote only made the outcome certain.
    cancel_rest_of_step(act.work, act.row)
    act.work.call("on_step_approved", act.row)
    result = advance(act.work, act.row)
    act.work.call("after_approve", act.row)
    return event, result
