"""The places of templates, as statistics group the visits of all versions by them.

A place is a stage, or a pipeline or the workflow itself where those ask people. Visits of all
versions of a template count for the template's own place. One that has been removed from the
template is known by its English name and that of its pipeline.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import MD5, Cast, Coalesce, Concat

from django_workflow_engine.choices import WorkflowStrategy
from django_workflow_engine.models import Pipeline, Stage, WorkFlow

STAGE = WorkflowStrategy.STAGE.value
PIPELINE = WorkflowStrategy.PIPELINE.value
WORKFLOW = WorkflowStrategy.WORKFLOW.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`id` is the key in the template; None where nobody is asked there any more."""

    level: str
    id: Any
    name_en: str
    name_ar: str
    pipeline: str
    workflow_id: Any
    workflow: str
    # Templates by name, their places in order, and then those that were removed.
    order: tuple[Any, ...] = field(compare=False)


def place_of_visit() -> Any:
    """Return the place of a `StageRun` as an expression: a text, the same in all versions."""
    return Case(
        When(stage__isnull=False, then=_place_of_stage("stage__", "attachment__workflow__")),
        When(
            pipeline__isnull=False, then=_place_of_pipeline("pipeline__", "attachment__workflow__")
        ),
        default=_key(WORKFLOW, template_of("attachment__workflow__")),
        output_field=CharField(),
    )


def template_of(workflow: str) -> Any:
    """Return the key of the template behind a workflow, as an expression; `workflow` is a path."""
    return Coalesce(F(f"{workflow}cloned_from_id"), F(f"{workflow}id"))


def workflow_key(template_id: Any) -> str:
    """Return the place that a workflow itself is."""
    return f"{WORKFLOW}-{template_id}"


def read_places(
    templates: "QuerySet[WorkFlow]",
    stage_ids: Iterable[Any],
    pipeline_ids: Iterable[Any],
    visited: Collection[str],
) -> tuple[dict[str, Place], dict[tuple[str, str], str]]:
    """Return the places of the templates and where these rows are, in three statements.

    Places are those of the templates, by their strategy, and those that were `visited`. The first
    dictionary has them by the text that `place_of_visit` gives. The second leads there from the
    level and key (as text) of each row.
    """
    workflows = {workflow.pk: workflow for workflow in templates}
    places = {
        workflow_key(workflow.pk): _workflow_place(workflow)
        for workflow in workflows.values()
        if workflow.strategy == WORKFLOW or workflow_key(workflow.pk) in visited
    }
    keys = {}
    for level, rows in (
        (STAGE, _stages(workflows, stage_ids)),
        (PIPELINE, _pipelines(workflows, pipeline_ids)),
    ):
        # Templates come last: what the place is called there counts.
        for row in rows.order_by("-of_snapshot", "pk"):
            keys[level, str(row.pk)] = row.place
            place = _place(level, row)
            if row.place in visited or (place.id is not None and place.workflow_id in workflows):
                places[row.place] = place
    return places, keys


def _stages(workflows: Any, keys: Iterable[Any]) -> "QuerySet[Any]":
    asking = _asking(workflows, STAGE)
    return (
        Stage.objects.filter(Q(pipeline__workflow__in=asking) | Q(pk__in=list(keys)))
        .annotate(
            place=_place_of_stage("", "pipeline__workflow__"),
            of_snapshot=F("pipeline__workflow__is_hidden"),
        )
        .select_related("pipeline__workflow__cloned_from")
    )


def _pipelines(workflows: Any, keys: Iterable[Any]) -> "QuerySet[Any]":
    asking = _asking(workflows, PIPELINE)
    return (
        Pipeline.objects.filter(Q(workflow__in=asking) | Q(pk__in=list(keys)))
        .annotate(place=_place_of_pipeline("", "workflow__"), of_snapshot=F("workflow__is_hidden"))
        .select_related("workflow__cloned_from")
    )


def _asking(workflows: Any, level: str) -> Collection[Any]:
    return [key for key, workflow in workflows.items() if workflow.strategy == level]


def _place(level: str, row: Any) -> Place:
    pipeline = row.pipeline if level == STAGE else row
    workflow = pipeline.workflow.cloned_from or pipeline.workflow
    removed = row.of_snapshot
    return Place(
        level=level,
        id=None if removed else row.pk,
        name_en=row.name_en,
        name_ar=row.name_ar,
        pipeline=pipeline.name_en,
        workflow_id=workflow.pk,
        workflow=workflow.name_en,
        order=(
            *(workflow.name_en, workflow.pk, removed),
            *(pipeline.order, pipeline.pk, row.order, row.pk),
        ),
    )


def _workflow_place(workflow: WorkFlow) -> Place:
    removed = workflow.strategy != WORKFLOW
    return Place(
        level=WORKFLOW,
        id=None if removed else workflow.pk,
        name_en=workflow.name_en,
        name_ar=workflow.name_ar,
        pipeline="",
        workflow_id=workflow.pk,
        workflow=workflow.name_en,
        order=(workflow.name_en, workflow.pk, removed),
    )


def _place_of_stage(path: str, workflow: str) -> Any:
    return _place_of(STAGE, path, workflow, f"{path}pipeline__name_en", f"{path}name_en")


def _place_of_pipeline(path: str, workflow: str) -> Any:
    return _place_of(PIPELINE, path, workflow, f"{path}name_en")


def _place_of(level: str, path: str, workflow: str, *names: str) -> Any:
    removed = Q(**{f"{workflow}is_hidden": True, f"{path}cloned_from__isnull": True})
    return Case(
        When(removed, then=_key(f"removed-{level}", template_of(workflow), *map(MD5, names))),
        # NULL in a template.
        default=_key(level, Coalesce(F(f"{path}cloned_from_id"), F(f"{path}id"))),
        output_field=CharField(),
    )


def _key(prefix: str, key: Any, *rest: Any) -> Any:
    return Concat(Value(f"{prefix}-"), Cast(key, CharField()), *rest, output_field=CharField())
