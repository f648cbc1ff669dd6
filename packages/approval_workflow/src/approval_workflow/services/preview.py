"""Say who would be asked, without starting anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from approval_workflow.exceptions import NobodyEligible
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.querysets import key_of
from approval_workflow.services._arguments import checked_person
from approval_workflow.services._builder import build_instance
from approval_workflow.services._opening import (
    eligible,
    require_enough,
    require_not_excluded,
    selection_for,
    voices_of,
)
from approval_workflow.services._steps import parse_steps
from approval_workflow.strategies import strategy_of


@dataclass(frozen=True, slots=True)
class StepPreview:
    """Who would be asked in one step, how many approvals it needs, and why these people.

    Where one of several is picked when the step opens, `people` are all of them. Nobody: `needed`
    is 0 and the reason says why the step could not open.
    """

    step: int
    parallel_group: str
    people: tuple[Any, ...]
    needed: int
    reason: str


def preview_steps(
    obj: Model, steps: Sequence[Mapping[str, Any]], started_by: Any = None
) -> list[StepPreview]:
    """Return who would be asked now if `start_flow` were called with these arguments.

    Nothing is written, and no turn is taken. Who may not act because they decided in an earlier
    step is not known before. Raises `InvalidSteps`, `InvalidInput`.
    """
    started_by = checked_person("started_by", started_by)
    flow = ApprovalFlow(
        content_type=ContentType.objects.get_for_model(obj),
        object_id=key_of(obj),
        started_by=started_by,
    )
    flow.target = obj
    return [_preview(build_instance(flow, spec, round_number=1)) for spec in parse_steps(steps)]


def _preview(row: ApprovalInstance) -> StepPreview:
    try:
        people, needed = _asked(row)
    except NobodyEligible as error:
        return StepPreview(row.step_number, row.parallel_group, (), 0, error.message)
    reason = str(strategy_of(row).label)
    return StepPreview(row.step_number, row.parallel_group, people, needed, reason)


def _asked(row: ApprovalInstance) -> tuple[tuple[Any, ...], int]:
    excluded = _excluded(row)
    if not row.has_strategy:
        require_not_excluded(row, excluded)
        return (row.assigned_to,), 1
    strategy, selection = selection_for(row, excluded)
    asked = require_enough(row, eligible(selection, strategy.preview(selection)))
    return tuple(person.user for person in asked), strategy.needed(voices_of(asked), row)


def _excluded(row: ApprovalInstance) -> frozenset[Any]:
    starter = row.flow.started_by_id if row.exclude_starter else None
    return frozenset() if starter is None else frozenset([starter])
