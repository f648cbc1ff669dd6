"""Whether a workflow can be run as it is."""

from django_workflow_engine.definition import (
    WorkflowDefinition,
    compile_definition,
    completeness_errors,
)
from django_workflow_engine.exceptions import InvalidConfiguration, WorkflowIncomplete
from django_workflow_engine.models import WorkFlow


def validate_completeness(workflow: WorkFlow) -> dict[str, str]:
    """Return what keeps the workflow, as it is stored, from being run: place and message.

    What is missing (pipelines, stages, approvals), what its strategy does not allow (approvals or
    stages at a level that is not asked), and configuration that was written around the checks.
    Empty: objects can be attached. Four statements for any size.
    """
    try:
        return completeness_errors(compile_definition(workflow.pk))
    except InvalidConfiguration as error:
        return dict(error.errors)


def require_complete(definition: WorkflowDefinition) -> None:
    """Raise `WorkflowIncomplete`, naming each place, unless objects can run on this."""
    errors = completeness_errors(definition)
    if errors:
        raise WorkflowIncomplete(errors)
