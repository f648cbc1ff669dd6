"""Default actions in files: written down only where they are not those of the project."""

from collections.abc import Iterable, Sequence

from django_workflow_engine.action_rules import action_mistakes
from django_workflow_engine.actions.defaults import new_default_actions
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.files.layout import Plain
from django_workflow_engine.files.reading import action_values
from django_workflow_engine.models import WorkFlow, WorkflowAction

KEY = "default_actions"


def without_own(workflows: Sequence[Plain]) -> list[Plain]:
    """Return complete workflows; default actions that new templates get here are None in them."""
    own = _in_order(new_default_actions())
    return [
        {**workflow, KEY: None} if _sorted(workflow[KEY]) == own else workflow
        for workflow in workflows
    ]


def write_default_actions(workflow: WorkFlow, wanted: Sequence[Plain], using: str) -> None:
    """Make these the default actions of a template, if they are not.

    Raises `InvalidConfiguration` with all errors by path.
    """
    stored = WorkflowAction.objects.using(using).filter(workflow=workflow, is_default=True)
    actions = [WorkflowAction(workflow=workflow, is_default=True, **values) for values in wanted]
    if _in_order(stored.order_by("pk")) == _in_order(actions):
        return
    errors = {
        f"{KEY}[{number}].{path}": message
        for number, action in enumerate(actions)
        for path, message in action_mistakes(
            action.function_path,
            action.parameters,
            action.conditions,
            action.target_models(),
            when=action.when,
            compensation=action.compensation,
        ).items()
    }
    if errors:
        raise InvalidConfiguration(errors)
    stored.delete()
    WorkflowAction.objects.using(using).bulk_create(actions)


def _in_order(actions: Iterable[WorkflowAction]) -> list[Plain]:
    return _sorted(action_values(action) for action in actions)


def _sorted(actions: Iterable[Plain]) -> list[Plain]:
    """In their order of running; databases disagree about that of their events."""
    return sorted(actions, key=lambda action: (str(action["action_type"]), action["order"]))
