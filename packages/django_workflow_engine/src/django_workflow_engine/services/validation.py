"""Whether a workflow can be run as it is."""

from collections.abc import Iterator

from django_workflow_engine.conditions import models_on
from django_workflow_engine.definition import (
    PlaceDefinition,
    WorkflowDefinition,
    compile_definition,
    completeness_errors,
)
from django_workflow_engine.exceptions import (
    InvalidConfiguration,
    InvalidExpression,
    WorkflowIncomplete,
)
from django_workflow_engine.expressions import check_condition, check_moment
from django_workflow_engine.models import WorkFlow


def validate_completeness(workflow: WorkFlow) -> dict[str, str]:
    """Return what keeps the workflow, as it is stored, from being run: place and message.

    What is missing (pipelines, stages, approvals), what its strategy does not allow (approvals or
    stages at a level that is not asked), conditions that objects of the models which the settings
    put on the workflow cannot answer, and configuration that was written around the checks. Empty:
    objects can be attached. Four statements for any size.
    """
    try:
        definition = compile_definition(workflow.pk)
    except InvalidConfiguration as error:
        return dict(error.errors)
    return completeness_errors(definition, _expression_errors(definition, workflow.slug))


def require_complete(definition: WorkflowDefinition) -> None:
    """Raise `WorkflowIncomplete`, naming each place, unless objects can run on this."""
    errors = completeness_errors(definition)
    if errors:
        raise WorkflowIncomplete(errors)


def _expression_errors(
    definition: WorkflowDefinition, slug: str | None
) -> Iterator[tuple[str, str]]:
    """Yield the places with conditions that name what is not there, and what is wrong."""
    models = models_on(slug)
    for place in definition.places:
        for check, texts in (
            (check_condition, _conditions_of(place)),
            (check_moment, [place.timer.until] if place.timer and place.timer.until else []),
        ):
            for text in texts:
                try:
                    check(text, models)
                except InvalidExpression as error:
                    yield place.label, f"'{text}': {error.message}"


def _conditions_of(place: PlaceDefinition) -> list[str]:
    named = (place.skip_when, place.approve_when, *(route.when for route in place.routes))
    return [text for text in named if text]
