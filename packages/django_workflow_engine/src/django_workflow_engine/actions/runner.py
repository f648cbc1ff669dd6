"""Running due actions: each at least once, in the order of its transition, by one runner only.

A row goes through up to three transactions:

1. *claim*: it becomes RUNNING and its attempts are counted. Rows that another runner has locked
   are passed over.
2. *run*: the function is called and the row becomes DONE. What the function writes to the same
   database is committed together with that mark, or not at all.
3. *failure*, in place of a mark that was rolled back: the row becomes FAILED, due again later, or
   DEAD after `ACTION_MAX_ATTEMPTS`.

A row waits for the earlier ones of its transition that nobody has tried yet, and for those that
have failed where their policy is "stop". It is SKIPPED when such a one is dead.

A runner that is killed leaves a RUNNING row without a lock; it is claimed again after a grace
period. The number of attempts tells the claims apart, so that a runner that was only slow finds
that the row is not its own any more. Effects outside the database can happen twice; the context's
`idempotency_key` is for them.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

from django.db import router, transaction
from django.utils import timezone, translation

from django_workflow_engine.action_parameters import check_action_parameters
from django_workflow_engine.actions import outcomes
from django_workflow_engine.actions.calling import call
from django_workflow_engine.actions.claims import mark, take
from django_workflow_engine.actions.context import build_context, load_attachment
from django_workflow_engine.actions.due import all_due, due_of_transition, due_rows
from django_workflow_engine.actions.retry import backoff
from django_workflow_engine.choices import ActionExecutionMode, ExecutionStatus, TaskKind
from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import ActionFailed
from django_workflow_engine.function_paths import load_function
from django_workflow_engine.models import ActionExecution
from django_workflow_engine.signals import action_finished, task_done

__all__ = ["backoff", "due_rows", "run_due", "run_in_process", "run_inline", "run_transition"]

logger = logging.getLogger(__name__)

OUTCOMES = tuple(
    status.value
    for status in (
        ExecutionStatus.DONE,
        ExecutionStatus.FAILED,
        ExecutionStatus.DEAD,
        ExecutionStatus.SKIPPED,
    )
)
# What a row may come to without its function being called.
GIVEN_UP = (ExecutionStatus.DEAD, ExecutionStatus.SKIPPED)
# Rows that wait for their time alone.
WITHOUT_FUNCTION = (TaskKind.TIMER, TaskKind.CONTINUE)


def run_transition(transition: UUID, using: str | None = None) -> dict[str, int]:
    """Run what is due of one transition, wherever it was meant to run.

    Return how many are `done`, `failed`, `dead` and `skipped`.
    """
    return _run_modes(transition, using)


def run_in_process(transition: UUID, using: str) -> dict[str, int]:
    """Run what is due of one transition in the process that made it."""
    return _run_modes(transition, using, ActionExecutionMode.PROCESS)


def run_inline(transition: UUID, using: str) -> dict[str, int]:
    """Run what is due at once, inside the transaction; what runs after commit is not waited for."""
    return _run_modes(transition, using, ActionExecutionMode.INLINE)


def run_due(limit: int | None = None, using: str | None = None) -> dict[str, int]:
    """Run what is due, oldest first; return how many are `done`, `failed`, `dead` and `skipped`.

    At most `limit` rows are tried. Any number of these may run at the same time.
    """
    using = using or router.db_for_write(ActionExecution)
    return _run(all_due(using), using, limit=limit)


def _run_modes(
    transition: UUID, using: str | None, mode: ActionExecutionMode | None = None
) -> dict[str, int]:
    using = using or router.db_for_write(ActionExecution)
    rows = due_of_transition(transition, using, mode)
    return _run(rows, using, inline=mode is ActionExecutionMode.INLINE)


def _run(
    rows: Iterable[ActionExecution], using: str, *, limit: int | None = None, inline: bool = False
) -> dict[str, int]:
    tally: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    for row in rows:
        if limit is not None and tally.total() >= limit:
            break
        outcome = _run_one(row, using, inline=inline)
        if outcome is not None:
            tally[outcome.value] += 1
    return dict(tally)


def _run_one(due: ActionExecution, using: str, *, inline: bool) -> ExecutionStatus | None:
    """Run one row; return what it came to, or None when it was not this runner's."""
    row = take(due, using, inline=inline)
    if row is None:
        return None
    outcome = row.status if row.status in GIVEN_UP else _run_claimed(row, using)
    if outcome in (ExecutionStatus.DONE, *GIVEN_UP):
        action_finished.send_robust(ActionExecution, attachment_id=row.attachment_id, using=using)
    return ExecutionStatus(outcome) if outcome is not None else None


def _run_claimed(row: ActionExecution, using: str) -> ExecutionStatus | None:
    try:
        with transaction.atomic(using=using):
            if not mark(row, using, started_at=timezone.now()):
                return None
            _finish(row, _call(row, using), using)
            task_done.send(ActionExecution, execution=row, using=using)
    except Exception as error:  # noqa: BLE001  # whatever an action raises is its failure
        return _fail(row, error, using)
    return ExecutionStatus.DONE


def _call(row: ActionExecution, using: str) -> Any:
    if row.action_type in WITHOUT_FUNCTION:
        return None
    function = load_function(row.function_path)
    check_action_parameters(function, row.parameters)
    attachment = load_attachment(row, using)
    context = build_context(row, attachment, using)
    with _language(row):
        return call(function, attachment, row.parameters, context)


def _language(row: ActionExecution) -> AbstractContextManager[None]:
    """Activate the language in which the event happened."""
    language = row.context.get("language")
    return translation.override(language) if language else nullcontext()


def _finish(row: ActionExecution, result: Any, using: str) -> None:
    if not mark(row, using, **outcomes.done(row, result)):
        raise ActionFailed("The row was changed by somebody else while the function ran.")


def _fail(row: ActionExecution, error: Exception, using: str) -> ExecutionStatus | None:
    """Record a failure whose effects have been rolled back; None when the row was lost."""
    # The transaction in which the row may have been marked otherwise was rolled back.
    row.status = ExecutionStatus.RUNNING
    if not mark(row, using, **outcomes.failed(row, error)):
        return None
    logger.log(
        logging.ERROR if row.status == ExecutionStatus.DEAD else logging.WARNING,
        "Action %s of workflow attachment %s failed (attempt %s of %s)",
        row.function_path,
        row.attachment_id,
        row.attempts,
        settings.action_max_attempts,
        exc_info=error,
    )
    return ExecutionStatus(row.status)
