"""Moving an object to another version while it waits for a job, a timer or a status."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.exceptions import Conflict
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import continue_flow
from approval_workflow.types import Continuation
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.definition import PlaceDefinition
from django_workflow_engine.models import StageRun
from django_workflow_engine.services._run import Run
from django_workflow_engine.services._tasks import tasks_of


def carry_over(
    run: Run,
    flow: ApprovalFlow,
    before: PlaceDefinition,
    goal: PlaceDefinition,
    told: Mapping[str, Any],
) -> None:
    """Let the object wait at the goal for what it waits for now; `told` goes into the history.

    Raises `Conflict` where the goal waits for something else.
    """
    visit = run.visits.at(before)
    if visit is None or not _waits_for_the_same(visit, before, goal):
        raise Conflict(
            _("It waits at '%(before)s' for something else than '%(after)s' waits for.")
            % {"before": before.label, "after": goal.label}
        )
    run.visits.change(visit, stage_id=goal.stage_id, pipeline_id=goal.pipeline_id)
    run.stand_at(goal)
    run.save()
    unfinished = tasks_of(run.attachment, run.using).filter(
        visit=visit, status__in=ExecutionStatus.unfinished()
    )
    for task in unfinished:
        task.context = {**task.context, **goal.keys}
        task.save(using=run.using, update_fields=["context"])
    note = {"what": "moved_to_version", **told, **goal.keys}
    continue_flow(flow, Continuation(waits=True, notes=[note]))


def _waits_for_the_same(visit: StageRun, before: PlaceDefinition, goal: PlaceDefinition) -> bool:
    has_status = not visit.status or goal.status(visit.status) is not None
    return (before.kind, before.job, before.timer) == (
        goal.kind,
        goal.job,
        goal.timer,
    ) and has_status
