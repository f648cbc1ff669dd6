"""One side of a comparison: a template or a version as it is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from django_workflow_engine.choices import WorkflowStrategy
from django_workflow_engine.definition import (
    FIELD_OF_KEY,
    ActionDefinition,
    ApprovalDefinition,
    PipelineDefinition,
    PlaceDefinition,
    WorkflowDefinition,
    compile_definition,
)
from django_workflow_engine.definition.grouping import word_of
from django_workflow_engine.differences.parts import Others
from django_workflow_engine.differences.words import name_of
from django_workflow_engine.models import Pipeline, WorkFlow
from django_workflow_engine.versions import template_name

# The fields of the workflow's own row that are told as they are.
OWN_FIELDS = ("status", "is_active", "strategy", "creates_permissions")

# From the fields of an approval to the keys that are stored.
KEY_OF_FIELD = {name: key for key, name in FIELD_OF_KEY.items()}
ACTION_FIELDS = (
    "parameters",
    "conditions",
    "when",
    "compensation",
    "execution",
    "failure_policy",
    "order",
)
PLACE_FIELDS = (
    "name_en",
    "name_ar",
    "color",
    "kind",
    "skip_when",
    "approve_when",
    "routes",
    "max_visits",
    "job",
    "timer",
    "statuses",
)

Values = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """What is compared of a workflow."""

    definition: WorkflowDefinition
    # The fields of the workflow's own row, and the department of each pipeline.
    values: Values
    departments: Mapping[Any, tuple[Any, Any] | None]

    @classmethod
    def read(cls, workflow: WorkFlow) -> "Side":
        """Read a template or a version as it is stored now: six statements."""
        row = WorkFlow.objects.get(pk=workflow.pk)
        values = {
            "name_en": template_name(row, "name_en"),
            "name_ar": template_name(row, "name_ar"),
            "company": row.company_id,
            **{name: getattr(row, name) for name in OWN_FIELDS},
        }
        columns = ("pk", "department_content_type_id", "department_id")
        departments = {
            key: (content_type, department) if department is not None else None
            for key, content_type, department in Pipeline.objects.filter(
                workflow_id=row.pk
            ).values_list(*columns)
        }
        return cls(compile_definition(row.pk), values, departments)

    @property
    def stages(self) -> list[PlaceDefinition]:
        return [place for place in self.definition.places if place.stage_id is not None]

    def pipeline_values(self, pipeline: PipelineDefinition) -> Values:
        return {
            "name_en": pipeline.name_en,
            "name_ar": pipeline.name_ar,
            "department": self.departments.get(pipeline.id),
            **self._beside(f"pipeline:{pipeline.id}"),
        }

    def place_values(self, place: PlaceDefinition) -> Values:
        return {
            **{name: getattr(place, name) for name in PLACE_FIELDS},
            "code": place.code,
            **self._beside(f"{place.level}:{place.id}"),
        }

    def _beside(self, branch: str) -> Values:
        """Which branches run beside this one, and how many of them all are waited for."""
        for group in self.definition.groups.values():
            if branch in group.branches:
                others = [places[0] for key, places in group.branches.items() if key != branch]
                everything = group.needed == len(group.branches)
                return {
                    "beside": Others(
                        frozenset(place.template_key for place in others),
                        tuple(_branch_name(place, branch) for place in others),
                    ),
                    "join": "all" if everything else group.needed,
                }
        return {"beside": None, "join": None}

    def approvals(self, level: str, key: Any) -> tuple[ApprovalDefinition, ...]:
        """The approvals of a workflow, pipeline or stage; none where people are asked elsewhere."""
        places = (place for place in self.definition.places if place.level == level)
        return next((place.approvals for place in places if place.id == key), ())

    def actions(self, level: str, key: Any) -> list[tuple[str, ActionDefinition]]:
        """The active actions of a level with their events; the workflow's include the defaults."""
        keys = {(level, key)} if level != WorkflowStrategy.WORKFLOW else WORKFLOW_LEVELS
        return [
            (event, action)
            for (found, event), actions in self.definition.actions_by_level.items()
            if found in keys
            for action in actions
        ]

    def keys(self) -> Iterator[tuple[str, Any]]:
        """Yield what fields name, with the field."""
        yield from self.values.items()
        for place in self.definition.places:
            for approval in place.approvals:
                yield from approval_values(approval).items()


WORKFLOW_LEVELS = {("workflow", None), ("default", None)}


def is_called_by_name(place: PlaceDefinition) -> bool:
    """Whether its code is the word that is made of its name, or that with a number."""
    word = word_of(place.name_en)
    return place.code == word or place.code.removeprefix(f"{word}_").isdigit()


def _branch_name(place: PlaceDefinition, branch: str) -> str:
    """What a branch is called: a pipeline where pipelines run side by side."""
    is_pipeline = branch.startswith("pipeline:") and place.pipeline is not None
    return name_of(place.pipeline if is_pipeline else place)


def approval_values(approval: ApprovalDefinition) -> Values:
    """Return what an approval says, by the keys that are stored."""
    return {
        KEY_OF_FIELD.get(field.name, field.name): getattr(approval, field.name)
        for field in fields(approval)
    }


def action_values(action: ActionDefinition) -> Values:
    return {name: getattr(action, name) for name in ACTION_FIELDS}
