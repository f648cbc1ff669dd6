"""Add steps to the end of a running flow."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Max

from approval_workflow.choices import EventKind
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._builder import build_instance
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.services._locking import FlowWork, require_open, work_on_flow
from approval_workflow.services._steps import parse_steps


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
    who the history names, with the reason.

    Events: `steps_added`. Raises `InvalidSteps`, `FlowEnded`, `VersionConflict`, `InvalidInput`.
    """
    user, reason = checked_person("user", user), checked_text("reason", reason)
    with work_on_flow(flow_id=flow.pk, expected_version=expected_version) as work:
        require_open(work.flow)
        rows = _build_following(work, steps)
        ApprovalInstance.objects.using(work.using).bulk_create(rows)
        numbers = [row.step_number for row in rows]
        work.events.add(EventKind.STEPS_ADDED, actor=user, comment=reason, steps=numbers)
    bring_up_to_date(flow, work.flow)
    return rows


def _build_following(work: FlowWork, steps: Sequence[Mapping[str, Any]]) -> list[ApprovalInstance]:
    """Return unsaved rows for steps that follow all those of the flow's present round."""
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow)
    places = rows.order_by("-round").values_list("round").annotate(last=Max("step_number"))
    # A flow that has only waited so far has no rows.
    round_number, last = places.first() or (1, 0)
    specs = parse_steps(steps, after=last)
    return [build_instance(work.flow, spec, round_number=round_number) for spec in specs]
