"""Templates that the operations run on, and what is known of their snapshots beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from benchmarks.operations.people import approver, new_object
from django_workflow_engine.actions import workflow_action
from django_workflow_engine.definition import compile_definition
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.services import attach_workflow_to_object
from django_workflow_engine.versions import current_snapshot

NOTHING = "benchmark_nothing"


@workflow_action(NOTHING)
def nothing(workflow_attachment: Any, action_parameters: Any, **context: Any) -> None:
    """An action that costs nothing itself."""


@dataclass(frozen=True)
class Version:
    """A template and its snapshot, as who writes by hand knows them already."""

    template: WorkFlow
    workflow: WorkFlow
    key: UUID
    # Keys of stage and pipeline, in order.
    places: Sequence[tuple[Any, Any]]
    # Keys of the actions by event.
    actions: dict[str, Any]


def make_template(stages: int) -> WorkFlow:
    """Return a new template in which each stage asks one person."""
    template = WorkFlow.objects.create(name_en="Purchase")
    pipeline = Pipeline.objects.create(workflow=template, name_en="Pipeline", order=1)
    approval = {"approval_type": "USER", "approval_user": approver().pk}
    Stage.objects.bulk_create(
        Stage(
            pipeline=pipeline,
            name_en=f"Stage {number}",
            order=number,
            stage_info={"approvals": [approval]},
        )
        for number in range(1, stages + 1)
    )
    return template


def make_version(stages: int, events: Sequence[str] = ()) -> Version:
    """Return a template with one action for each event; objects run on its snapshot already."""
    template = make_template(stages)
    WorkflowAction.objects.bulk_create(
        WorkflowAction(workflow=template, action_type=event, function_path=NOTHING)
        for event in events
    )
    attach_workflow_to_object(new_object(), template)
    workflow = current_snapshot(template)
    rows = WorkflowAction.objects.filter(workflow=workflow)
    return Version(
        template=template,
        workflow=workflow,
        key=workflow.key,
        places=[
            (place.stage_id, place.pipeline_id) for place in compile_definition(workflow.pk).places
        ],
        actions={row.action_type: row.pk for row in rows},
    )
