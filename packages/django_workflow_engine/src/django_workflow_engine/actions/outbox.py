"""The outbox: due actions are written with the transition that makes them due, and run after it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from django.db import router, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from django_workflow_engine.actions import runner
from django_workflow_engine.choices import ActionExecutionMode, ActionType, ExecutionStatus
from django_workflow_engine.conf import settings
from django_workflow_engine.models import ActionExecution, WorkflowAttachment

# What runs a transition after commit. By path: Celery, and with it that module, may be missing.
RUNNERS = {
    ActionExecutionMode.PROCESS: "django_workflow_engine.actions.runner.run_transition",
    ActionExecutionMode.CELERY: "django_workflow_engine.tasks.send_transition",
}


class Action(Protocol):
    """What an action is known by here."""

    @property
    def id(self) -> Any: ...
    @property
    def function_path(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...


def due_actions(
    attachment: WorkflowAttachment,
    event: ActionType,
    actions: Iterable[Action],
    *,
    transition: UUID,
    position: int,
    context: Mapping[str, Any],
) -> list[ActionExecution]:
    """Return unsaved rows for the actions, in their order, counted on from `position`.

    `context` is JSON: keys of objects as "<name>_id" (see `actions.context`) and plain values. The
    language that is active is added, so that the action runs in it.
    """
    now = timezone.now()
    fixed = {"language": get_language(), **context}
    return [
        ActionExecution(
            attachment=attachment,
            action_id=action.id,
            action_type=event,
            function_path=action.function_path,
            parameters=dict(action.parameters),
            context=fixed,
            transition=transition,
            position=place,
            run_after=now,
        )
        for place, action in enumerate(actions, start=position)
    ]


def enqueue(rows: Sequence[ActionExecution], using: str | None = None) -> None:
    """Write due actions in one statement, and see to it that they run: `ACTION_EXECUTION`.

    A failing action does not reach the caller.
    """
    if not rows:
        return
    using = using or router.db_for_write(ActionExecution)
    ActionExecution.objects.using(using).bulk_create(rows)
    for transition in dict.fromkeys(row.transition for row in rows):
        _schedule(transition, using)


def replay(execution: ActionExecution) -> bool:
    """Make an action that failed due again, with all its attempts; return whether it had failed."""
    using = execution._state.db or router.db_for_write(ActionExecution)
    failed = (ExecutionStatus.FAILED, ExecutionStatus.DEAD)
    row = ActionExecution.objects.using(using).filter(pk=execution.pk, status__in=failed)
    changed = row.update(
        status=ExecutionStatus.PENDING, attempts=0, run_after=timezone.now(), finished_at=None
    )
    if changed:
        _schedule(execution.transition, using)
    return bool(changed)


def _schedule(transition: UUID, using: str) -> None:
    """Run what is due of a transition at once, or after commit."""
    mode = settings.action_execution
    if mode is ActionExecutionMode.INLINE:
        runner.run_transition(transition, using)
    else:
        # Not a `partial`: Django names a function that failed, and a `partial` has no name.
        def run() -> None:
            import_string(RUNNERS[mode])(transition, using)

        transaction.on_commit(run, using=using, robust=True)
