"""References of templates that broke since: roles, people, forms, departments, functions.

Configurations are checked when they are saved. What they name can be deleted afterwards, which is
found here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import ActionNotAllowed, InvalidConfiguration
from django_workflow_engine.function_paths import check_function_path
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.schemas import (
    existing_keys,
    parse_approvals_info,
    parse_form_info,
    parse_pipeline_info,
    parse_stage_info,
    reference_errors,
)
from django_workflow_engine.services._batches import in_batches

BATCH_SIZE = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to put right. As text: where it is, and what it is."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def broken_references(workflows: "QuerySet[WorkFlow]") -> Iterator[Problem]:
    """Yield what these workflows name and what is not there any more.

    Statements: a constant number for each batch of workflows.
    """
    for batch in in_batches(workflows.select_related("cloned_from"), BATCH_SIZE):
        yield from _Parts.of(batch, workflows.db).problems()


@dataclass(frozen=True)
class _Parts:
    """The rows of some workflows, and what each is called."""

    pipelines: Sequence[Pipeline]
    stages: Sequence[Stage]
    actions: Sequence[WorkflowAction]
    # By the name of the place, with the reader of what is stored there.
    configurations: Mapping[str, Sequence[tuple[Callable[[Any], dict[str, Any]], Any]]]
    names: Mapping[tuple[type, Any], str]

    @classmethod
    def of(cls, workflows: Sequence[WorkFlow], using: str) -> "_Parts":
        keys = [workflow.pk for workflow in workflows]
        pipelines = list(
            Pipeline.objects.using(using).filter(workflow__in=keys).order_by("order", "pk")
        )
        stages = list(
            Stage.objects.using(using).filter(pipeline__in=pipelines).order_by("order", "pk")
        )
        names: dict[tuple[type, Any], str] = {}
        for workflow in workflows:
            names[WorkFlow, workflow.pk] = name_of(workflow)
        for pipeline in pipelines:
            above = names[WorkFlow, pipeline.workflow_id]
            names[Pipeline, pipeline.pk] = f"{above} / {pipeline.name_en}"
        for stage in stages:
            above = names[Pipeline, stage.pipeline_id]
            names[Stage, stage.pk] = f"{above} / {stage.name_en}"
        actions = WorkflowAction.objects.using(using).active()
        return cls(
            pipelines=pipelines,
            stages=stages,
            actions=list(
                actions.filter(
                    Q(workflow__in=keys) | Q(pipeline__in=pipelines) | Q(stage__in=stages)
                ).order_by("action_type", "order", "pk")
            ),
            configurations={
                **{name_of(row): [(parse_approvals_info, row.workflow_info)] for row in workflows},
                **{
                    names[Pipeline, row.pk]: [(parse_pipeline_info, row.pipeline_info)]
                    for row in pipelines
                },
                **{
                    names[Stage, row.pk]: [
                        (parse_stage_info, row.stage_info),
                        (parse_form_info, row.form_info),
                    ]
                    for row in stages
                },
            },
            names=names,
        )

    def problems(self) -> Iterator[Problem]:
        yield from self._references()
        yield from self._departments()
        yield from self._functions()

    def _references(self) -> Iterator[Problem]:
        parsed: dict[str, dict[str, Any]] = {}
        for place, stored in self.configurations.items():
            try:
                parsed[place] = {
                    key: value for read, info in stored for key, value in read(info).items()
                }
            except InvalidConfiguration as error:
                yield from _problems(place, error.errors)
        for place, errors in reference_errors(parsed).items():
            yield from _problems(place, errors)

    def _departments(self) -> Iterator[Problem]:
        assigned = [row for row in self.pipelines if row.department_id]
        model = settings.department_model
        known = existing_keys(model, {str(row.department_id) for row in assigned})
        content_type = None if model is None else ContentType.objects.get_for_model(model).pk
        for row in assigned:
            if row.department_id not in known or row.department_content_type_id != content_type:
                yield Problem(
                    self.names[Pipeline, row.pk],
                    _("There is no department with the key '%(key)s'.")
                    % {"key": row.department_id},
                )

    def _functions(self) -> Iterator[Problem]:
        for place, path in self._named_functions():
            try:
                check_function_path(path)
            except (ActionNotAllowed, ImportError) as error:
                yield Problem(place, str(error))

    def _named_functions(self) -> Iterator[tuple[str, str]]:
        for row in self.actions:
            place = f"{self._name_of_level(row)}, {row.get_action_type_display()}"
            yield from ((place, path) for path in (row.function_path, row.compensation) if path)
        for stage in self.stages:
            job = stage.stage_info.get("job") if isinstance(stage.stage_info, Mapping) else None
            if isinstance(job, Mapping) and isinstance(job.get("function"), str):
                yield f"{self.names[Stage, stage.pk]}, job.function", job["function"]

    def _name_of_level(self, row: WorkflowAction) -> str:
        if row.stage_id is not None:
            return self.names[Stage, row.stage_id]
        if row.pipeline_id is not None:
            return self.names[Pipeline, row.pipeline_id]
        return self.names[WorkFlow, row.workflow_id]


def _problems(place: str, errors: Mapping[str, str]) -> Iterator[Problem]:
    for path, message in errors.items():
        yield Problem(f"{place}, {path}", message)


def name_of(workflow: WorkFlow) -> str:
    """Return what a template or a version of one is called in reports."""
    template = workflow.cloned_from
    if template is None:
        return workflow.slug or workflow.name_en
    return _("%(workflow)s, version %(version)s") % {
        "workflow": template.slug,
        "version": workflow.version,
    }
