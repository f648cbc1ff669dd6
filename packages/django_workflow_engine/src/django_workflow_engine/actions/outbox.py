"""The outbox: due actions are written with the transition that makes them due, and run after it.

Where an action runs is fixed in its row. INLINE rows run at once, inside the transaction, in their
order. The others run after commit, in their order too: PROCESS rows here until a CELERY row comes
whose turn it is, and everything from there on by a worker. So order counts more than place.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from django.db import router, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from approval_workflow.statements import Insert
from django_workflow_engine.actions import runner
from django_workflow_engine.actions.screening import screen
from django_workflow_engine.choices import ActionExecutionMode, ActionType, ExecutionStatus
from django_workflow_engine.conf import settings
from django_workflow_engine.models import ActionExecution, WorkflowAttachment

# What runs a transition after commit, in this order. By path: Celery, and with it the module of
# tasks, may be missing.
RUNNERS = {
    ActionExecutionMode.PROCESS: "django_workflow_engine.actions.runner.run_in_process",
    ActionExecutionMode.CELERY: "django_workflow_engine.tasks.send_transition",
}


_insert = Insert(ActionExecution)


class Action(Protocol):
    """What an action is known by here."""

    @property
    def id(self) -> Any: ...
    @property
    def function_path(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...
    @property
    def conditions(self) -> Mapping[str, Any]: ...
    @property
    def when(self) -> str: ...
    @property
    def compensation(self) -> str: ...
    @property
    def execution(self) -> str: ...
    @property
    def failure_policy(self) -> str: ...


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
    rows = []
    for place, action in enumerate(actions, start=position):
        row = ActionExecution(
            attachment=attachment,
            action_id=action.id,
            action_type=event,
            function_path=action.function_path,
            parameters=dict(action.parameters),
            context=fixed,
            execution=action.execution or settings.action_execution,
            failure_policy=action.failure_policy,
            compensation=action.compensation,
            transition=transition,
            position=place,
            run_after=now,
        )
        row.conditions = action.conditions
        row.when = action.when
        rows.append(row)
    return rows


def enqueue(rows: Sequence[ActionExecution], using: str | None = None) -> None:
    """Write due actions in one statement, and see to it that they run where they are meant to.

    Their conditions are asked first, in one more statement where there are any. A failing action
    does not reach the caller.
    """
    if not rows:
        return
    using = using or router.db_for_write(ActionExecution)
    screen(rows)
    _insert(using, rows)
    modes: dict[UUID, set[str]] = defaultdict(set)
    for row in rows:
        if row.status == ExecutionStatus.PENDING:
            modes[row.transition].add(row.execution)
    for transition, wanted in modes.items():
        _schedule(transition, wanted, using)


def replay(execution: ActionExecution) -> bool:
    """Make an action that failed due again, with all its attempts; return whether it had failed.

    Later actions of its transition that were given up because of it are due again too.
    """
    using = execution._state.db or router.db_for_write(ActionExecution)
    with transaction.atomic(using=using):
        modes = make_due_again(execution, using)
        if modes:
            _schedule(execution.transition, modes, using)
    return bool(modes)


def make_due_again(execution: ActionExecution, using: str) -> set[str]:
    """Do what `replay` says but run nothing; return where the rows are to run, if any."""
    again = {
        "status": ExecutionStatus.PENDING,
        "attempts": 0,
        "run_after": timezone.now(),
        "finished_at": None,
    }
    rows = ActionExecution.objects.using(using)
    failed = (ExecutionStatus.FAILED, ExecutionStatus.DEAD)
    if not rows.filter(pk=execution.pk, status__in=failed).update(**again):
        return set()
    given_up = rows.filter(
        transition=execution.transition,
        status=ExecutionStatus.SKIPPED,
        result__stopped_by=execution.position,
    )
    modes = {execution.execution, *given_up.values_list("execution", flat=True)}
    given_up.update(**again, error="", result=None)
    return modes


def _schedule(transition: UUID, modes: Collection[str], using: str) -> None:
    """Run what is due of a transition at once, or after commit."""
    if ActionExecutionMode.INLINE in modes:
        runner.run_inline(transition, using)
    for mode, path in RUNNERS.items():
        if mode in modes:
            _after_commit(path, transition, using)


def _after_commit(path: str, transition: UUID, using: str) -> None:
    # Not a `partial`: Django names a function that failed, and a `partial` has no name.
    def run() -> None:
        import_string(path)(transition, using)

    transaction.on_commit(run, using=using, robust=True)
