"""Approve a step."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.utils import timezone

from approval_workflow.choices import Action, ApprovalStatus, ApprovalType, EventKind
from approval_workflow.forms import check_form_data
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services._acting import Act, act_on
from approval_workflow.services._advance import advance
from approval_workflow.services._closing import cancel_rest_of_step, change_current
from approval_workflow.services._ending import reject_flow
from approval_workflow.services._voting import an_open_row, cast_vote
from approval_workflow.types import Decision, Outcome


def approve(
    instance_or_obj: Model,
    user: Any,
    *,
    comment: str = "",
    form_data: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Approve a step, or the step of an object or a flow that waits for `user`.

    Returns the next current instance, an open instance of the same step while its vote goes on, or
    None when the flow has ended, waits or was put on hold. In a step of the kind "check in and
    verify" the first call checks in and returns the instance, still current.

    Events: `approved` (or `checked_in`), then those of what follows.
    Raises `ApprovalPermissionDenied`, `StepAlreadyProcessed`, `StepNotOpen`, `NoCurrentStep`,
    `FlowOnHold`, `InvalidFormData`, `VersionConflict`, `IdempotencyKeyReused`, and `NobodyEligible`
    when the next step cannot open.
    """

    def execute(act: Act) -> tuple[ApprovalEvent, ApprovalInstance | None]:
        if act.row.approval_type == ApprovalType.CHECK_IN_VERIFY and not act.row.checked_in_at:
            return _check_in(act), act.row
        return _approve(act, form_data)

    return act_on(
        instance_or_obj,
        user,
        Action.APPROVE,
        execute,
        comment=comment,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
    )


def _check_in(act: Act) -> ApprovalEvent:
    change_current(act.work, act.row, checked_in_at=timezone.now())
    return act.record(EventKind.CHECKED_IN, from_status=ApprovalStatus.CURRENT)


def _approve(
    act: Act, form_data: Mapping[str, Any] | None
) -> tuple[ApprovalEvent, ApprovalInstance | None]:
    check_form_data(act.row, form_data)
    act.work.call("before_approve", act.row)
    decision = cast_vote(act, form_data=form_data)
    event = act.record(
        EventKind.APPROVED,
        from_status=ApprovalStatus.CURRENT,
        outcome=decision.outcome.value,
    )
    result = _apply(act, decision)
    act.work.call("after_approve", act.row)
    return event, result


def _apply(act: Act, decision: Decision) -> ApprovalInstance | None:
    """Do what the votes mean now, and return what is current after it."""
    if decision.outcome is Outcome.APPROVED and act.row.has_strategy:
        cancel_rest_of_step(act.work, act.row)
    act.work.call("on_approve", act.row)
    if decision.outcome is Outcome.OPEN:
        return an_open_row(act)
    if decision.outcome is Outcome.REJECTED:
        reject_flow(act)
        return None
    act.work.call("on_step_approved", act.row)
    return advance(act.work, act.row)
