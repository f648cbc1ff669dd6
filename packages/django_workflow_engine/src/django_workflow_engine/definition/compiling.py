"""From stored rows to a definition."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import router
from django.db.models import Model, Q
from django.utils.dateparse import parse_duration
from django.utils.translation import gettext_lazy

from approval_workflow.choices import ApprovalType
from django_workflow_engine.choices import StageKind, WorkflowStrategy
from django_workflow_engine.definition.grouping import Beside, codes_of, grouped
from django_workflow_engine.definition.parts import (
    DEFAULT_LEVEL,
    WORKFLOW_LEVEL,
    ActionDefinition,
    ApprovalDefinition,
    JobDefinition,
    Level,
    PipelineDefinition,
    PlaceDefinition,
    RouteDefinition,
    StatusDefinition,
    TimerDefinition,
)
from django_workflow_engine.definition.workflow import WorkflowDefinition
from django_workflow_engine.exceptions import InvalidConfiguration
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
    parse_pipeline_info,
    parse_stage_info,
)
from django_workflow_engine.schemas.places import END

# Definitions kept in a process.
CACHE_SIZE = 256

# What is wrong at a level that the strategy leaves out.
NOT_ASKED_FOR = gettext_lazy("The approvals here are never asked for: people are asked elsewhere.")
NO_STAGES_WANTED = gettext_lazy("There are stages, but people are asked in pipelines.")
NOT_NESTED = gettext_lazy(
    "This runs side by side with others, but its pipeline does already: that goes one level deep."
)
NO_PIPELINES_WANTED = gettext_lazy("There are pipelines, but the workflow itself asks people.")

T = TypeVar("T")

# The strategy that asks people at the level of a row, and the field of the row that says whom.
INFO_OF: Mapping[type[Model], tuple[str, str]] = {
    WorkFlow: (WorkflowStrategy.WORKFLOW.value, "workflow_info"),
    Pipeline: (WorkflowStrategy.PIPELINE.value, "pipeline_info"),
    Stage: (WorkflowStrategy.STAGE.value, "stage_info"),
}


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
    columns = (
        *("name_en", "name_ar", "strategy", "workflow_info", "cloned_from_id"),
        "creates_permissions",
    )
    workflow = WorkFlow.objects.using(using).only(*columns).get(pk=workflow_id)
    in_workflow = Pipeline.objects.using(using).filter(workflow_id=workflow_id)
    pipelines = list(in_workflow.order_by("order", "pk"))
    in_pipelines = Stage.objects.using(using).filter(pipeline__in=pipelines)
    stages = _grouped((row.pipeline_id, row) for row in in_pipelines.order_by("order", "pk"))
    rows = _Rows(workflow, pipelines, [row for one in pipelines for row in stages[one.pk]])
    places, groups = grouped(_restricted(PLACES_OF[workflow.strategy](rows), workflow))
    return WorkflowDefinition(
        id=workflow.pk,
        name_en=workflow.name_en,
        name_ar=workflow.name_ar,
        strategy=workflow.strategy,
        pipelines=tuple(rows.pipeline_of.values()),
        places=places,
        groups=groups,
        misplaced=tuple(_misplaced(rows)),
        actions_by_level=_actions(rows, using),
    )


def _restricted(items: list[Beside], workflow: WorkFlow) -> list[Beside]:
    """Note at the places whether deciding there takes a permission of the template."""
    if not workflow.creates_permissions:
        return items
    return [replace(item, place=replace(item.place, is_restricted=True)) for item in items]


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

    @cached_property
    def info_of(self) -> dict[Any, dict[str, Any]]:
        """The configuration of the pipelines."""
        return {
            row.pk: _parsed(row.name_en, parse_pipeline_info, row.pipeline_info)
            for row in self.pipelines
        }


def _pipeline(row: Pipeline) -> PipelineDefinition:
    return PipelineDefinition(
        id=row.pk,
        template_id=row.cloned_from_id or row.pk,
        name_en=row.name_en,
        name_ar=row.name_ar,
    )


def _stage_places(rows: _Rows) -> list[Beside]:
    codes = codes_of(rows.stages)
    return [
        Beside(
            _stage(row, rows.pipeline_of[row.pipeline_id], codes[row.pk]),
            row.stage_info,
            rows.info_of[row.pipeline_id],
        )
        for row in rows.stages
    ]


def _stage(row: Stage, pipeline: PipelineDefinition, code: str) -> PlaceDefinition:
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
        code=code,
        kind=info.get("kind", StageKind.APPROVAL.value),
        skip_when=info.get("skip_when", ""),
        approve_when=info.get("approve_when", ""),
        routes=_routes(info.get("routes", ())),
        max_visits=info.get("max_visits"),
        job=JobDefinition(**info["job"]) if "job" in info else None,
        timer=_timer(info["timer"]) if "timer" in info else None,
        statuses=tuple(StatusDefinition(**status) for status in info.get("statuses", ())),
    )


def _routes(stored: Iterable[Mapping[str, Any]]) -> tuple[RouteDefinition, ...]:
    """The routes by priority, the lowest number first; those of one in the order given."""
    ordered = sorted(stored, key=lambda route: route.get("priority", 0))
    return tuple(
        RouteDefinition(to="" if route["to"] == END else route["to"], when=route.get("when", ""))
        for route in ordered
    )


def _timer(stored: Mapping[str, Any]) -> TimerDefinition:
    return TimerDefinition(
        duration=parse_duration(stored["duration"]) if "duration" in stored else None,
        until=stored.get("until", ""),
    )


def _pipeline_places(rows: _Rows) -> list[Beside]:
    codes = codes_of(rows.pipelines)
    return [
        Beside(_pipeline_place(row, rows, codes[row.pk]), {}, rows.info_of[row.pk])
        for row in rows.pipelines
    ]


def _pipeline_place(row: Pipeline, rows: _Rows, code: str) -> PlaceDefinition:
    return PlaceDefinition(
        level=WorkflowStrategy.PIPELINE.value,
        id=row.pk,
        template_id=row.cloned_from_id or row.pk,
        name_en=row.name_en,
        name_ar=row.name_ar,
        order=row.order,
        pipeline=rows.pipeline_of[row.pk],
        approvals=_approvals(rows.info_of[row.pk]),
        code=code,
    )


def _workflow_place(rows: _Rows) -> list[Beside]:
    row = rows.workflow
    info = _parsed(row.name_en, parse_approvals_info, row.workflow_info)
    place = PlaceDefinition(
        level=WorkflowStrategy.WORKFLOW.value,
        id=row.pk,
        template_id=row.cloned_from_id or row.pk,
        name_en=row.name_en,
        name_ar=row.name_ar,
        approvals=_approvals(info),
    )
    return [Beside(place, {}, {})]


PLACES_OF: Mapping[str, Callable[[_Rows], list[Beside]]] = {
    WorkflowStrategy.STAGE.value: _stage_places,
    WorkflowStrategy.PIPELINE.value: _pipeline_places,
    WorkflowStrategy.WORKFLOW.value: _workflow_place,
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
    yield from _nested(rows)


def _nested(rows: _Rows) -> Iterator[tuple[str, Any]]:
    """Yield the stages that run side by side in pipelines that do."""
    beside = {row.pk for row in rows.pipelines if "parallel_group" in rows.info_of[row.pk]}
    for row in rows.stages:
        if row.pipeline_id in beside and "parallel_group" in row.stage_info:
            yield row.name_en, NOT_NESTED


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
        when=row.when,
        compensation=row.compensation,
        execution=row.execution,
        failure_policy=row.failure_policy,
        is_default=row.is_default,
    )


def _grouped(pairs: Iterable[tuple[Any, T]]) -> defaultdict[Any, list[T]]:
    groups: defaultdict[Any, list[T]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups
