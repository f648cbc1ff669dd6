"""A workflow compiled to frozen values: order of stages, approvals, effective actions.

A snapshot cannot change, so it is compiled once in a process and moving on reads no row of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import router
from django.db.models import Q
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalType, RejectionPolicy
from django_workflow_engine.choices import ActionType, FailurePolicy
from django_workflow_engine.exceptions import InvalidConfiguration, UnknownStage
from django_workflow_engine.models import (
    Pipeline,
    Stage,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.schemas import parse_stage_info

# Definitions kept in a process.
CACHE_SIZE = 256

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ApprovalDefinition:
    """One approval of a stage. Exactly one of `role_id` and `user_id` is set."""

    # An `ApprovalTypes` value.
    kind: str
    role_id: Any = None
    # Empty where a user is asked.
    strategy: str = ""
    user_id: Any = None
    form_id: Any = None
    step_approval_type: str = ApprovalType.APPROVE.value
    allow_higher_level: bool = True
    rejection_policy: str = RejectionPolicy.FIRST.value


@dataclass(frozen=True, kw_only=True)
class PipelineDefinition:
    """`template_id` is the key in the template; `id` is the same where no snapshot was taken."""

    id: Any
    template_id: Any
    name_en: str
    name_ar: str


@dataclass(frozen=True, kw_only=True)
class StageDefinition:
    """`template_id` as in `PipelineDefinition`."""

    id: Any
    template_id: Any
    name_en: str
    name_ar: str
    order: int
    color: str
    pipeline: PipelineDefinition
    approvals: tuple[ApprovalDefinition, ...]


@dataclass(frozen=True, kw_only=True)
class ActionDefinition:
    # None where no row says so but `WORKFLOW_ACTIONS_CONFIG`.
    id: Any
    function_path: str
    parameters: Mapping[str, Any]
    order: int
    conditions: Mapping[str, Any] = field(default_factory=dict)
    # Empty: as ACTION_EXECUTION says.
    execution: str = ""
    failure_policy: str = FailurePolicy.CONTINUE.value
    is_default: bool = False


# A level of the inheritance and the key of its row; the last two levels have no key.
Level = tuple[str, Any]
WORKFLOW_LEVEL: Level = ("workflow", None)
DEFAULT_LEVEL: Level = ("default", None)


@dataclass(frozen=True, kw_only=True)
class WorkflowDefinition:
    """A workflow as objects pass it; `stages` runs through all pipelines in order."""

    id: Any
    name_en: str
    name_ar: str
    pipelines: tuple[PipelineDefinition, ...]
    stages: tuple[StageDefinition, ...]
    # Active actions in order, by level and event.
    actions_by_level: Mapping[tuple[Level, str], tuple[ActionDefinition, ...]] = field(repr=False)

    @property
    def first(self) -> StageDefinition:
        """The stage that objects start at; raises `UnknownStage` when there is none."""
        if not self.stages:
            raise UnknownStage(_("The workflow '%(name)s' has no stages.") % {"name": self.name_en})
        return self.stages[0]

    def stage(self, stage_id: Any) -> StageDefinition:
        """Return the stage with this key in what the object runs on."""
        return self.stages[self.position(stage_id)]

    def resolve(self, stage_id: Any) -> StageDefinition:
        """Return the stage with this key, which may be the template's or the snapshot's."""
        key = str(stage_id)
        if key in self._positions:
            return self.stages[self._positions[key]]
        for stage in self.stages:
            if str(stage.template_id) == key:
                return stage
        raise self._unknown(stage_id)

    def position(self, stage_id: Any) -> int:
        """Return how many stages come before this one."""
        try:
            return self._positions[str(stage_id)]
        except KeyError:
            raise self._unknown(stage_id) from None

    def after(self, stage_id: Any) -> StageDefinition | None:
        """Return the stage that follows, in the same pipeline or the next, or None at the end."""
        return next(iter(self.stages[self.position(stage_id) + 1 :]), None)

    def actions(self, event: ActionType, stage_id: Any = None) -> tuple[ActionDefinition, ...]:
        """Return the actions that follow an event at a stage, in order.

        Stage, pipeline, workflow: the nearest level that has active ones counts, alone; the default
        actions only where none of them has any. Without a stage the workflow's own count.
        """
        levels = [WORKFLOW_LEVEL, DEFAULT_LEVEL]
        if stage_id is not None:
            stage = self.stage(stage_id)
            levels = [("stage", stage.id), ("pipeline", stage.pipeline.id), *levels]
        found = (self.actions_by_level.get((level, str(event)), ()) for level in levels)
        return next((actions for actions in found if actions), ())

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {str(stage.id): position for position, stage in enumerate(self.stages)}

    def _unknown(self, stage_id: Any) -> UnknownStage:
        known = ", ".join(f"{stage.template_id} ({stage.name_en})" for stage in self.stages)
        return UnknownStage(
            _("There is no stage %(stage)s in the workflow '%(name)s'; it has: %(known)s.")
            % {"stage": stage_id, "name": self.name_en, "known": known},
            stage=stage_id,
        )


def definition_of(attachment: WorkflowAttachment) -> WorkflowDefinition:
    """Return the definition of what the attachment's object runs on.

    On a snapshot this reads nothing once it was compiled in this process; on a template it reads
    whether the template has changed.
    """
    using = attachment._state.db or router.db_for_write(WorkFlow)
    if attachment.snapshot_key is not None:
        return _compiled(attachment.workflow_id, attachment.snapshot_key, None, using)
    key, revision = (
        WorkFlow.objects.using(using).values_list("key", "revision").get(pk=attachment.workflow_id)
    )
    return _compiled(attachment.workflow_id, key, revision, using)


def compile_definition(workflow_id: Any, using: str | None = None) -> WorkflowDefinition:
    """Read a workflow, template or snapshot, and return its definition: four statements.

    Raises `InvalidConfiguration` when what a stage stores is not what a stage can be made of.
    """
    using = using or router.db_for_write(WorkFlow)
    workflow = WorkFlow.objects.using(using).only("name_en", "name_ar").get(pk=workflow_id)
    pipelines = {
        row.pk: _pipeline(row)
        for row in Pipeline.objects.using(using)
        .filter(workflow_id=workflow_id)
        .order_by("order", "pk")
    }
    stages = _stages(pipelines, using)
    return WorkflowDefinition(
        id=workflow.pk,
        name_en=workflow.name_en,
        name_ar=workflow.name_ar,
        pipelines=tuple(pipelines.values()),
        stages=stages,
        actions_by_level=_actions(workflow_id, pipelines, stages, using),
    )


def completeness_errors(definition: WorkflowDefinition) -> dict[str, str]:
    """Return what is missing before objects can run on this: place and message."""
    if not definition.pipelines:
        return {definition.name_en: _("The workflow has no pipelines.")}
    used = {stage.pipeline.id for stage in definition.stages}
    errors: dict[str, str] = {}
    for pipeline in definition.pipelines:
        if pipeline.id not in used:
            _note(errors, pipeline.name_en, _("The pipeline has no stages."))
    for stage in definition.stages:
        if not stage.approvals:
            _note(errors, place_of(stage), _("The stage has no approvals."))
    return errors


def place_of(stage: StageDefinition) -> str:
    """Return where a stage is, in words."""
    return f"{stage.pipeline.name_en} / {stage.name_en}"


def _note(errors: dict[str, str], place: str, message: str) -> None:
    """Add an error; places of one name are numbered."""
    number = sum(known == place or known.startswith(f"{place} (") for known in errors)
    errors[f"{place} ({number + 1})" if number else place] = message


@lru_cache(maxsize=CACHE_SIZE)
def _compiled(
    workflow_id: Any,
    key: UUID,  # noqa: ARG001  # tells contents apart that had the same row key
    revision: int | None,  # noqa: ARG001  # as above, for templates
    using: str,
) -> WorkflowDefinition:
    return compile_definition(workflow_id, using)


def _pipeline(row: Pipeline) -> PipelineDefinition:
    return PipelineDefinition(
        id=row.pk,
        template_id=row.cloned_from_id or row.pk,
        name_en=row.name_en,
        name_ar=row.name_ar,
    )


def _stages(pipelines: Mapping[Any, PipelineDefinition], using: str) -> tuple[StageDefinition, ...]:
    rows = Stage.objects.using(using).filter(pipeline_id__in=pipelines).order_by("order", "pk")
    of_pipeline = _grouped((row.pipeline_id, row) for row in rows)
    return tuple(
        _stage(row, pipeline) for key, pipeline in pipelines.items() for row in of_pipeline[key]
    )


def _stage(row: Stage, pipeline: PipelineDefinition) -> StageDefinition:
    try:
        info = parse_stage_info(row.stage_info)
    except InvalidConfiguration as error:
        place = f"{pipeline.name_en} / {row.name_en}"
        raise InvalidConfiguration(
            {f"{place}, {path}": message for path, message in error.errors.items()}
        ) from error
    return StageDefinition(
        id=row.pk,
        template_id=row.cloned_from_id or row.pk,
        name_en=row.name_en,
        name_ar=row.name_ar,
        order=row.order,
        color=info.get("color", ""),
        pipeline=pipeline,
        approvals=tuple(_approval(approval) for approval in info.get("approvals", ())),
    )


# From the keys that a stage stores to the fields of the definition.
FIELD_OF_KEY = {
    "approval_type": "kind",
    "user_role": "role_id",
    "role_selection_strategy": "strategy",
    "approval_user": "user_id",
    "required_form": "form_id",
}


def _approval(stored: Mapping[str, Any]) -> ApprovalDefinition:
    return ApprovalDefinition(
        **{FIELD_OF_KEY.get(key, key): value for key, value in stored.items()}
    )


def _actions(
    workflow_id: Any,
    pipelines: Iterable[Any],
    stages: Sequence[StageDefinition],
    using: str,
) -> dict[tuple[Level, str], tuple[ActionDefinition, ...]]:
    # By keys that are known by now: each part of the condition has an index of its own.
    rows = (
        WorkflowAction.objects.using(using)
        .active()
        .filter(
            Q(workflow_id=workflow_id)
            | Q(pipeline_id__in=list(pipelines))
            | Q(stage_id__in=[stage.id for stage in stages])
        )
        .order_by("order", "pk")
    )
    grouped = _grouped(((_level(row), row.action_type), row) for row in rows)
    return {place: tuple(_action(row) for row in found) for place, found in grouped.items()}


def _level(row: WorkflowAction) -> Level:
    if row.is_default:
        return DEFAULT_LEVEL
    if row.stage_id is not None:
        return ("stage", row.stage_id)
    if row.pipeline_id is not None:
        return ("pipeline", row.pipeline_id)
    return WORKFLOW_LEVEL


def _action(row: WorkflowAction) -> ActionDefinition:
    return ActionDefinition(
        id=row.pk,
        function_path=row.function_path,
        parameters=row.parameters,
        order=row.order,
        conditions=row.conditions,
        execution=row.execution,
        failure_policy=row.failure_policy,
        is_default=row.is_default,
    )


def _grouped(pairs: Iterable[tuple[Any, T]]) -> defaultdict[Any, list[T]]:
    groups: defaultdict[Any, list[T]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups
