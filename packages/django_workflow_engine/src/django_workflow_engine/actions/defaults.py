"""The default actions: those that every new template has until it has actions of its own.

E-mails, or what `WORKFLOW_ACTIONS_CONFIG` says. They are rows of the workflow's level with
`is_default` set, the last level of the inheritance.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models
from django.db.models.signals import post_save

from django_workflow_engine.actions.configured import configured_defaults
from django_workflow_engine.choices import ActionType
from django_workflow_engine.conf import settings
from django_workflow_engine.definition import ActionDefinition
from django_workflow_engine.models import WorkFlow, WorkflowAction
from django_workflow_engine.signals import templates_created

HANDLERS = "django_workflow_engine.action_handlers"

# Function in HANDLERS, and who gets the e-mail.
DEFAULTS: dict[ActionType, tuple[str, list[str]]] = {
    ActionType.AFTER_APPROVE: ("send_approval_notification", ["creator"]),
    ActionType.AFTER_REJECT: ("send_rejection_notification", ["creator"]),
    ActionType.AFTER_RESUBMISSION: (
        "send_resubmission_notification",
        ["creator", "current_approver"],
    ),
    ActionType.AFTER_DELEGATE: ("send_delegation_notification", ["delegated_to", "creator"]),
    ActionType.AFTER_MOVE_STAGE: ("send_stage_move_notification", ["creator"]),
}


def default_recipients(event: ActionType) -> list[str]:
    return list(DEFAULTS[event][1])


def make_default_actions(workflows: Iterable[WorkFlow], using: str) -> None:
    """Give new templates their default actions, all in one statement; snapshots get none."""
    if not settings.auto_create_actions:
        return
    values = list(_default_values())
    rows = [
        _default_action(each, workflow)
        for workflow in workflows
        if not workflow.is_hidden
        for each in values
    ]
    # They belong to the first revision, so they do not make a new one.
    unguarded: models.QuerySet[WorkflowAction] = models.QuerySet(WorkflowAction, using=using)
    unguarded.bulk_create(rows)


def new_default_actions() -> list[WorkflowAction]:
    """Return what a new template would get, of no workflow and unsaved."""
    if not settings.auto_create_actions:
        return []
    return [_default_action(each) for each in _default_values()]


def _default_action(values: dict[str, Any], workflow: WorkFlow | None = None) -> WorkflowAction:
    return WorkflowAction(workflow=workflow, is_default=True, **values)


def _default_values() -> Iterator[dict[str, Any]]:
    """Yield the fields of each default action: the project's own, else the e-mails."""
    configured = configured_defaults()
    if configured is None:
        for event, (function, recipients) in DEFAULTS.items():
            yield {
                "action_type": event,
                "function_path": f"{HANDLERS}.{function}",
                "parameters": {"recipients": list(recipients)},
            }
        return
    for name, actions in configured.items():
        yield from ({"action_type": name, **_fields(action)} for action in actions)


def _fields(action: ActionDefinition) -> dict[str, Any]:
    return {
        "function_path": action.function_path,
        "parameters": dict(action.parameters),
        "conditions": dict(action.conditions),
        "when": action.when,
        "compensation": action.compensation,
        "execution": action.execution,
        "failure_policy": action.failure_policy,
        "order": action.order,
    }


def connect() -> None:
    """Have default actions made for templates created one by one and in bulk."""
    post_save.connect(_on_save, sender=WorkFlow, dispatch_uid="workflow_default_actions")
    templates_created.connect(_on_bulk_create, dispatch_uid="workflow_default_actions")


def _on_save(instance: WorkFlow, created: bool, raw: bool, using: str, **_kwargs: Any) -> None:
    # Fixtures bring their own actions along.
    if created and not raw:
        make_default_actions([instance], using)


def _on_bulk_create(workflows: list[WorkFlow], using: str, **_kwargs: Any) -> None:
    make_default_actions(workflows, using)
