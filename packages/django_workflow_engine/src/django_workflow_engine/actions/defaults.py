"""The default actions: e-mails that every new template has until it has actions of its own.

They are rows of the workflow's level with `is_default` set, the last level of the inheritance.
"""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.signals import post_save

from django_workflow_engine.choices import ActionType
from django_workflow_engine.conf import settings
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
    rows = [
        WorkflowAction(
            workflow=workflow,
            action_type=event,
            function_path=f"{HANDLERS}.{function}",
            parameters={"recipients": list(recipients)},
            is_default=True,
        )
        for workflow in workflows
        if not workflow.is_hidden
        for event, (function, recipients) in DEFAULTS.items()
    ]
    # They belong to the first revision, so they do not make a new one.
    unguarded: models.QuerySet[WorkflowAction] = models.QuerySet(WorkflowAction, using=using)
    unguarded.bulk_create(rows)


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
