"""Send a flow back for corrections, with new steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import Action, ApprovalStatus, EventKind
from approval_workflow.exceptions import InvalidSteps
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services._acting import Act, act_on
from approval_workflow.services._builder import build_instance
from approval_workflow.services._closing import cancel_unfinished, close
from approval_workflow.services._opening import insert_steps
from approval_workflow.services._steps import parse_steps


def request_resubmission(
    instance_or_obj: Model,
    user: Any,
    *,
    resubmission_steps: Sequence[Mapping[str, Any]] | None,
    comment: str = "",
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Ask for corrections: close the step, cancel what is open or to come, and start a new round.

    `resubmission_steps`, as `start_flow` takes them, make up the new round; their numbers may
    repeat those of the round before. Returns the first new step.

    Events: `resubmission_requested`, `steps_added`, `step_opened`.
    Raises as `approve` does, and `InvalidSteps`.
    """

    def execute(act: Act) -> tuple[ApprovalEvent, ApprovalInstance | None]:
        return _resubmit(act, resubmission_steps)

    return act_on(
        instance_or_obj,
        user,
        Action.RESUBMIT,
        execute,
        comment=comment,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
    )


def _resubmit(
    act: Act, steps: Sequence[Mapping[str, Any]] | None
) -> tuple[ApprovalEvent, ApprovalInstance | None]:
    if not steps:
        raise InvalidSteps({"resubmission_steps": _("Resubmission needs at least one step.")})
    specs = parse_steps(steps)
    act.work.call("before_resubmission", act.row)
    status = ApprovalStatus.NEEDS_RESUBMISSION
    close(act.work, act.row, status, user=act.user, comment=act.comment)
    cancel_unfinished(act.work)
    event = act.record(EventKind.RESUBMISSION_REQUESTED, from_status=ApprovalStatus.CURRENT)
    act.work.call("on_resubmission", act.row)
    next_round = act.row.round + 1
    rows = [build_instance(act.work.flow, spec, round_number=next_round) for spec in specs]
    act.work.events.add(
        EventKind.STEPS_ADDED, round=next_round, steps=[row.step_number for row in rows]
    )
    current = insert_steps(act.work, rows)
    act.work.call("after_resubmission", act.row)
    return event, current[0]
