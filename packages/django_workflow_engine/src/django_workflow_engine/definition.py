"""A workflow compiled to frozen values: order of places, approvals, effective actions.

A snapshot cannot change, so it is compiled once in a process and moving on reads no row of it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import router
from django.db.models import Model, Q
from django.utils.dateparse import parse_duration
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approval_workflow.choices import ApprovalType, RejectionPolicy
from django_workflow_engine.choices import (
    ActionType,
    AttachmentStatus,
    FailurePolicy,
    WorkflowStrategy,
)
from django_workflow_engine.exceptions import InvalidConfiguration, UnknownPipeline, UnknownStage
from django_workflow_engine.models import (
    Pipeline,
    Stage,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.schemas import (
    parse_approvals_info,
    parse_form_info,
    parse_stage_info,
)

# Definitions kept in a process.
CACHE_SIZE = 256

# What is wrong at a level that the strategy leaves out.
NOT_ASKED_FOR = gettext_lazy("The approvals here are never asked for: people are asked elsewhere.")
NO_STAGES_WANTED = gettext_lazy("There are stages, but people are asked in pipelines.")
NO_PIPELINES_WANTED = gettext_lazy("There are pipelines, but the workflow itself asks people.")

T = TypeVar("T")

# The strategy that asks people at the level of a row, and the field of the row that says whom.
INFO_OF: Mapping[type[Model], tuple[str, str]] = {
    WorkFlow: (WorkflowStrategy.WORKFLOW.value, "workflow_info"),
    Pipeline: (WorkflowStrategy.PIPELINE.value, "pipeline_info"),
    Stage: (WorkflowStrategy.STAGE.value, "stage_info"),
}


# A level of the inheritance and the key of its row; the last two levels have no key.
Level = tuple[str, Any]
WORKFLOW_LEVEL: Level = ("workflow", None)
DEFAULT_LEVEL: Level = ("default", None)


@dataclass(frozen=True, kw_only=True)
class ApprovalDefinition:
    """One approval of a place. Fields that its kind does not have are empty.

    Names that the stored keys do not have: `kind`, `role_id`, `strategy`, `user_id`, `form_id`,
    `base_user_id`, `timeout_user_id`.
    """

    # An `ApprovalTypes` value.
    kind: str
    role_id: Any = None
    # Empty where no role is asked.
    strategy: str = ""
    user_id: Any = None
    assigned_field: str = ""
    assigned_resolver: str = ""
    # Numbers of the strategy, as `StepSpec` has them.
    quorum_count: int | None = None
    percentage_required: Decimal | None = None
    hierarchy_levels: int | None = None
    base_user_id: Any = None
    dynamic_source: str = ""
    # Its own form, else that of the stage.
    form_id: Any = None
    step_approval_type: str = ApprovalType.APPROVE.value
    allow_higher_level: bool = True
    rejection_policy: str = RejectionPolicy.FIRST.value
    exclude_starter: bool = False
    exclude_deciders: bool = False
    parallel_group: str = ""
    parallel_required: bool = True
    sla_duration: timedelta | None = None
    timeout_action: str = ""
    timeout_user_id: Any = None
    max_escalation_level: int | None = None
    extra_fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PipelineDefinition:
    """`template_id` is the key in the template; `id` is the same where no snapshot was taken."""

    id: Any
    template_id: Any
    name_en: str
    name_ar: str


@dataclass(frozen=True, kw_only=True)
class PlaceDefinition:
    """Where an object stands while people are asked.

    By the workflow's strategy this is a stage, a pipeline, or the workflow itself; `id` is the key
    of that. `template_id` as in `PipelineDefinition`.
    """

    # A `WorkflowStrategy` value.
    level: str
    id: Any
    template_id: Any
    name_en: str
    name_ar: str
    order: int = 0
    color: str = ""
    # None where the workflow itself asks.
    pipeline: PipelineDefinition | None = None
    approvals: tuple[ApprovalDefinition, ...] = ()

    @property
    def stage_id(self) -> Any:
        """The key of the stage, or None where the place is none."""
        return self.id if self.level == WorkflowStrategy.STAGE else None

    @property
    def pipeline_id(self) -> Any:
        """The key of the pipeline, or None where the workflow itself asks."""
        return self.pipeline.id if self.pipeline is not None else None

    @property
    def label(self) -> str:
        """Where the place is, in words."""
        if self.level == WorkflowStrategy.STAGE and self.pipeline is not None:
            return f"{self.pipeline.name_en} / {self.name_en}"
        return self.name_en

    @property
    def keys(self) -> dict[str, Any]:
        """The keys by which steps and events name the place."""
        if self.level == WorkflowStrategy.WORKFLOW:
            return {"workflow_id": self.id}
        keys = {"pipeline_id": self.pipeline_id}
        return {"stage_id": self.id, **keys} if self.stage_id is not None else keys

    @property
    def template_key(self) -> str:
        """What names the place in all versions of a template."""
        return f"{self.level}:{self.template_id}"

    @property
    def action_levels(self) -> tuple[Level, ...]:
        """The levels that have actions for this place, the nearest first."""
        levels = [("stage", self.stage_id), ("pipeline", self.pipeline_id)]
        own = tuple((name, key) for name, key in levels if key is not None)
        return (*own, WORKFLOW_LEVEL, DEFAULT_LEVEL)


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


@dataclass(frozen=True, kw_only=True)
class WorkflowDefinition:
    """A workflow as objects pass it; `places` are in the order in which they are passed."""

    id: Any
    name_en: str
    name_ar: str
    # A `WorkflowStrategy` value: what the places are.
    strategy: str
    pipelines: tuple[PipelineDefinition, ...]
    places: tuple[PlaceDefinition, ...]
    # What is stored at levels that the strategy leaves out: where, and what is wrong with it (lazy,
    # for a definition is kept while languages change).
    misplaced: tuple[tuple[str, Any], ...] = ()
    # Active actions in order, by level and event.
    actions_by_level: Mapping[tuple[Level, str], tuple[ActionDefinition, ...]] = field(repr=False)

    @property
    def first(self) -> PlaceDefinition:
        """The place that objects start at; raises `UnknownStage` when there is none."""
        if not self.places:
            raise UnknownStage(_("The workflow '%(name)s' has no stages.") % {"name": self.name_en})
        return self.places[0]

    def place(self, key: Any) -> PlaceDefinition:
        """Return the place with this key in what the object runs on."""
        return self.places[self.position(key)]

    def resolve(self, key: Any) -> PlaceDefinition:
        """Return the place with this key, which may be the template's or the snapshot's."""
        if str(key) in self._positions:
            return self.places[self._positions[str(key)]]
        for place in self.places:
            if str(place.template_id) == str(key):
                return place
        raise self._unknown(key)

    def position(self, key: Any) -> int:
        """Return how many places come before this one."""
        try:
            return self._positions[str(key)]
        except KeyError:
            raise self._unknown(key) from None

    def after(self, key: Any) -> PlaceDefinition | None:
        """Return the place that follows, or None at the end."""
        return next(iter(self.places[self.position(key) + 1 :]), None)

    def current(self, attachment: WorkflowAttachment) -> PlaceDefinition | None:
        """Return where the attachment's object stands; None before the start and at the end."""
        if attachment.started_at is None or attachment.status == AttachmentStatus.COMPLETED:
            return None
        key = {
            WorkflowStrategy.STAGE.value: attachment.current_stage_id,
            WorkflowStrategy.PIPELINE.value: attachment.current_pipeline_id,
            WorkflowStrategy.WORKFLOW.value: self.id,
        }[self.strategy]
        return self.place(key) if key is not None else None

    def named_in(self, keys: Mapping[str, Any]) -> PlaceDefinition | None:
        """Return the place that `PlaceDefinition.keys` were noted of, or None."""
        position = self._positions.get(str(keys.get(f"{self.strategy}_id")))
        return self.places[position] if position is not None else None

    def actions(self, event: ActionType, key: Any = None) -> tuple[ActionDefinition, ...]:
        """Return the actions that follow an event at the place with this key, in order.

        Stage, pipeline, workflow: the nearest level that has active ones counts, alone; the default
        actions only where none of them has any. Without a place the workflow's own count.
        """
        levels: Iterable[Level] = (WORKFLOW_LEVEL, DEFAULT_LEVEL)
        if key is not None:
            levels = self.place(key).action_levels
        found = (self.actions_by_level.get((level, str(event)), ()) for level in levels)
        return next((actions for actions in found if actions), ())

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {str(place.id): position for position, place in enumerate(self.places)}

    def _unknown(self, key: Any) -> UnknownStage | UnknownPipeline:
        known = ", ".join(f"{place.template_id} ({place.name_en})" for place in self.places)
        names = {"stage": key, "pipeline": key, "name": self.name_en, "known": known}
        if self.strategy == WorkflowStrategy.PIPELINE:
            return UnknownPipeline(
                _(
                    "There is no pipeline %(pipeline)s in the workflow '%(name)s'; it has:"
                    " %(known)s."
                )
                % names,
                pipeline=key,
            )
        return UnknownStage(
            _("There is no stage %(stage)s in the workflow '%(name)s'; it has: %(known)s.") % names,
            stage=key,
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
    columns = ("name_en", "name_ar", "strategy", "workflow_info", "cloned_from_id")
    workflow = WorkFlow.objects.using(using).only(*columns).get(pk=workflow_id)
    in_workflow = Pipeline.objects.using(using).filter(workflow_id=workflow_id)
    pipelines = list(in_workflow.order_by("order", "pk"))
    in_pipelines = Stage.objects.using(using).filter(pipeline__in=pipelines)
    stages = _grouped((row.pipeline_id, row) for row in in_pipelines.order_by("order", "pk"))
    rows = _Rows(workflow, pipelines, [row for one in pipelines for row in stages[one.pk]])
    return WorkflowDefinition(
        id=workflow.pk,
        name_en=workflow.name_en,
        name_ar=workflow.name_ar,
        strategy=workflow.strategy,
        pipelines=tuple(rows.pipeline_of.values()),
        places=PLACES_OF[workflow.strategy](rows),
        misplaced=tuple(_misplaced(rows)),
        actions_by_level=_actions(rows, using),
    )


def completeness_errors(definition: WorkflowDefinition) -> dict[str, str]:
    """Return what is missing before objects can run on this, and what may not be: by place."""
    errors: dict[str, str] = {}
    needs_pipelines = definition.strategy != WorkflowStrategy.WORKFLOW
    if needs_pipelines and not definition.pipelines:
        _note(errors, definition.name_en, _("The workflow has no pipelines."))
    used = {place.pipeline_id for place in definition.places}
    for pipeline in definition.pipelines:
        if needs_pipelines and pipeline.id not in used:
            _note(errors, pipeline.name_en, _("The pipeline has no stages."))
    for place in definition.places:
        if not place.approvals:
            _note(errors, place.label, str(NO_APPROVALS[place.level]))
    for label, message in definition.misplaced:
        _note(errors, label, str(message))
    return errors


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


@dataclass(frozen=True)
class _Rows:
    """The stored rows of a workflow, in order."""

    workflow: WorkFlow
    pipelines: Sequence[Pipeline]
    stages: Sequence[Stage]

    @cached_property
    def pipeline_of(self) -> dict[Any, PipelineDefinition]:
        return {row.pk: _pipeline(row) for row in self.pipelines}


def _pipeline(row: Pipeline) -> PipelineDefinition:
    return PipelineDefinition(
        id=row.pk,
        template_id=row.cloned_from_id or row.pk,
        name_en=row.name_en,
        name_ar=row.name_ar,
    )


def _stage_places(rows: _Rows) -> tuple[PlaceDefinition, ...]:
    return tuple(_stage(row, rows.pipeline_of[row.pipeline_id]) for row in rows.stages)


def _stage(row: Stage, pipeline: PipelineDefinition) -> PlaceDefinition:
    label = f"{pipeline.name_en} / {row.name_en}"
    info = _parsed(label, parse_stage_info, row.stage_info)
    form = _parsed(label, parse_form_info, row.form_info)
    return PlaceDefinition(
        level=WorkflowStrategy.STAGE.value,
        id=row.pk,
        template_id=row.cloned_from_id or row.pk,
        name_en=row.name_en,
        name_ar=row.name_ar,
        order=row.order,
        color=info.get("color", ""),
        pipeline=pipeline,
        approvals=_approvals(info, form.get("required_form")),
    )


def _pipeline_places(rows: _Rows) -> tuple[PlaceDefinition, ...]:
    return tuple(
        PlaceDefinition(
            level=WorkflowStrategy.PIPELINE.value,
            id=row.pk,
            template_id=row.cloned_from_id or row.pk,
            name_en=row.name_en,
            name_ar=row.name_ar,
            order=row.order,
            pipeline=rows.pipeline_of[row.pk],
            approvals=_approvals(_parsed(row.name_en, parse_approvals_info, row.pipeline_info)),
        )
        for row in rows.pipelines
    )


def _workflow_place(rows: _Rows) -> tuple[PlaceDefinition, ...]:
    row = rows.workflow
    info = _parsed(row.name_en, parse_approvals_info, row.workflow_info)
    return (
        PlaceDefinition(
            level=WorkflowStrategy.WORKFLOW.value,
            id=row.pk,
            template_id=row.cloned_from_id or row.pk,
            name_en=row.name_en,
            name_ar=row.name_ar,
            approvals=_approvals(info),
        ),
    )


PLACES_OF: Mapping[str, Callable[[_Rows], tuple[PlaceDefinition, ...]]] = {
    WorkflowStrategy.STAGE.value: _stage_places,
    WorkflowStrategy.PIPELINE.value: _pipeline_places,
    WorkflowStrategy.WORKFLOW.value: _workflow_place,
}
NO_APPROVALS: Mapping[str, Any] = {
    WorkflowStrategy.STAGE.value: gettext_lazy("The stage has no approvals."),
    WorkflowStrategy.PIPELINE.value: gettext_lazy("The pipeline has no approvals."),
    WorkflowStrategy.WORKFLOW.value: gettext_lazy("The workflow has no approvals."),
}


def _misplaced(rows: _Rows) -> Iterator[tuple[str, Any]]:
    """Yield what is stored at a level that the strategy leaves out."""
    strategy, workflow = rows.workflow.strategy, rows.workflow
    if strategy != WorkflowStrategy.WORKFLOW and _has_approvals(workflow.workflow_info):
        yield workflow.name_en, NOT_ASKED_FOR
    if strategy == WorkflowStrategy.WORKFLOW:
        if rows.pipelines:
            yield workflow.name_en, NO_PIPELINES_WANTED
        return
    with_stages = {row.pipeline_id for row in rows.stages}
    for row in rows.pipelines:
        if strategy == WorkflowStrategy.STAGE and _has_approvals(row.pipeline_info):
            yield row.name_en, NOT_ASKED_FOR
        if strategy == WorkflowStrategy.PIPELINE and row.pk in with_stages:
            yield row.name_en, NO_STAGES_WANTED


def _has_approvals(info: Any) -> bool:
    return isinstance(info, Mapping) and bool(info.get("approvals"))


def _parsed(label: str, parse: Callable[[Any], dict[str, Any]], info: Any) -> dict[str, Any]:
    try:
        return parse(info)
    except InvalidConfiguration as error:
        raise InvalidConfiguration(
            {f"{label}, {path}": message for path, message in error.errors.items()}
        ) from error


# From the keys that are stored to the fields of the definition.
FIELD_OF_KEY = {
    "approval_type": "kind",
    "user_role": "role_id",
    "role_selection_strategy": "strategy",
    "approval_user": "user_id",
    "required_form": "form_id",
    "hierarchy_base_user": "base_user_id",
    "timeout_delegate_to": "timeout_user_id",
}
# How values are read that JSON cannot hold.
VALUE_OF_KEY: Mapping[str, Callable[[Any], Any]] = {
    "percentage_required": lambda number: Decimal(str(number)),
    "sla_duration": parse_duration,
}


def _approvals(info: Mapping[str, Any], form_id: Any = None) -> tuple[ApprovalDefinition, ...]:
    return tuple(_approval(stored, form_id) for stored in info.get("approvals", ()))


def _approval(stored: Mapping[str, Any], form_id: Any) -> ApprovalDefinition:
    """`form_id` is asked for where the approval names no form, and takes one."""
    if stored.get("step_approval_type") != ApprovalType.MOVE and form_id is not None:
        stored = {"required_form": form_id, **stored}
    return ApprovalDefinition(
        **{
            FIELD_OF_KEY.get(key, key): VALUE_OF_KEY.get(key, _as_it_is)(value)
            for key, value in stored.items()
        }
    )


def _as_it_is(value: Any) -> Any:
    return value


def _actions(found: _Rows, using: str) -> dict[tuple[Level, str], tuple[ActionDefinition, ...]]:
    # By keys that are known by now: each part of the condition has an index of its own.
    rows = (
        WorkflowAction.objects.using(using)
        .active()
        .filter(
            Q(workflow_id=found.workflow.pk)
            | Q(pipeline_id__in=[row.pk for row in found.pipelines])
            | Q(stage_id__in=[row.pk for row in found.stages])
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
