"""Templates as they are stored, as plain data with the keys of the database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from django_workflow_engine.files.layout import (
    ACTION,
    LISTS,
    PIPELINE,
    STAGE,
    WORKFLOW,
    Plain,
    ordered,
)
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction

# Columns that hold JSON, whose objects come in no certain order.
JSON_KEYS = (
    "workflow_info",
    "pipeline_info",
    "stage_info",
    "form_info",
    "parameters",
    "conditions",
)
# Where a key of the layout is not the attribute of the row.
ATTRIBUTES = {"company": "company_id", "department": "department_id"}


@dataclass(frozen=True)
class StoredTemplate:
    """One template with the rows below it, in order; default actions are a level of their own."""

    workflow: WorkFlow
    pipelines: Sequence[Pipeline]
    stages: Mapping[Any, Sequence[Stage]]
    actions: Mapping[tuple[str, Any], Sequence[WorkflowAction]]

    def plain(self) -> Plain:
        """Return it as complete plain data."""
        return {
            **_values(self.workflow, WORKFLOW),
            "actions": self._actions("workflow", self.workflow),
            "default_actions": self._actions("default", self.workflow),
            "pipelines": [
                {
                    **_values(pipeline, PIPELINE),
                    "actions": self._actions("pipeline", pipeline),
                    "stages": [
                        {**_values(stage, STAGE), "actions": self._actions("stage", stage)}
                        for stage in self.stages[pipeline.pk]
                    ],
                }
                for pipeline in self.pipelines
            ],
        }

    def _actions(self, level: str, row: Any) -> list[Plain]:
        return [action_values(action) for action in self.actions[level, row.pk]]


def read_templates(workflows: Iterable[WorkFlow], using: str) -> list[StoredTemplate]:
    """Read what is below these templates: three statements, however many."""
    templates = list(workflows)
    pipelines = list(
        Pipeline.objects.using(using).filter(workflow__in=templates).order_by("order", "pk")
    )
    stages = list(Stage.objects.using(using).filter(pipeline__in=pipelines).order_by("order", "pk"))
    actions = WorkflowAction.objects.using(using).filter(
        Q(workflow__in=templates) | Q(pipeline__in=pipelines) | Q(stage__in=stages)
    )
    pipelines_of = defaultdict(list)
    for pipeline in pipelines:
        pipelines_of[pipeline.workflow_id].append(pipeline)
    stages_of = defaultdict(list)
    for stage in stages:
        stages_of[stage.pipeline_id].append(stage)
    actions_of = defaultdict(list)
    for action in actions.order_by("action_type", "order", "pk"):
        actions_of[_level(action)].append(action)
    return [StoredTemplate(row, pipelines_of[row.pk], stages_of, actions_of) for row in templates]


def _level(action: WorkflowAction) -> tuple[str, Any]:
    if action.stage_id is not None:
        return "stage", action.stage_id
    if action.pipeline_id is not None:
        return "pipeline", action.pipeline_id
    return "default" if action.is_default else "workflow", action.workflow_id


def action_values(action: WorkflowAction) -> Plain:
    """Return an action as plain data."""
    return _values(action, ACTION)


def _values(row: Any, keys: Mapping[str, Any]) -> Plain:
    values = {key: getattr(row, ATTRIBUTES.get(key, key)) for key in keys if key not in LISTS}
    return {key: ordered(value) if key in JSON_KEYS else value for key, value in values.items()}
