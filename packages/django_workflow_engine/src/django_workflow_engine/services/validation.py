"""Whether a workflow can be run as it is."""

from collections.abc import Callable, Iterator
from typing import Any

from django_workflow_engine.conditions import models_on
from django_workflow_engine.definition import (
    WorkflowDefinition,
    compile_definition,
    completeness_errors,
    is_complete,
)
from django_workflow_engine.exceptions import (
    InvalidConfiguration,
    InvalidExpression,
    WorkflowIncomplete,
)
from django_workflow_engine.expressions import check_condition, check_moment
from django_workflow_engine.models import WorkFlow

# Judges an expression for the models whose objects it is for.
Check = Callable[[str, Any], None]


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
    if not is_complete(definition):
        raise WorkflowIncomplete(completeness_errors(definition))


def _expression_errors(
    definition: WorkflowDefinition, slug: str | None
) -> Iterator[tuple[str, str]]:
    """Yield where conditions name what is not there, and what is wrong."""
    models = models_on(slug)
    for label, check, text in _expressions(definition):
        try:
            check(text, models)
        except InvalidExpression as error:
            yield label, f"'{text}': {error.message}"


def _expressions(definition: WorkflowDefinition) -> Iterator[tuple[str, Check, str]]:
    """Yield all expressions of a workflow, each with where it is and what judges it."""
    for place in definition.places:
        routes = (route.when for route in place.routes)
        for text in filter(None, (place.skip_when, place.approve_when, *routes)):
            yield place.label, check_condition, text
        if place.timer is not None and place.timer.until:
            yield place.label, check_moment, place.timer.until
    for actions in definition.actions_by_level.values():
        for action in actions:
            if action.when:
                yield definition.name_en, check_condition, action.when
