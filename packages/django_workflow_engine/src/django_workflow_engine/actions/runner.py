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

A runner that is killed leaves a RUNNING row without a lock; it is claimed again after
`GRACE_PERIOD`. The number of attempts tells the claims apart, so that a runner that was only slow
finds that the row is not its own any more. Effects outside the database can happen twice; the
context's `idempotency_key` is for them.
"""

import json
import logging
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, router, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone, translation

from django_workflow_engine.action_parameters import check_action_parameters
from django_workflow_engine.actions.calling import call
from django_workflow_engine.actions.context import build_context, load_attachment
from django_workflow_engine.choices import ActionExecutionMode, ExecutionStatus, FailurePolicy
from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import ActionFailed, ActionNotAllowed, InvalidConfiguration
from django_workflow_engine.function_paths import load_function
from django_workflow_engine.models import ActionExecution
from django_workflow_engine.signals import action_finished

logger = logging.getLogger(__name__)

# The first wait is ACTION_RETRY_DELAY; each further one is BACKOFF_FACTOR times as long, and up to
# BACKOFF_JITTER of it is added at random: about 1, 4, 16 and 64 minutes.
BACKOFF_FACTOR = 4
BACKOFF_JITTER = 0.25
LONGEST_WAIT = timedelta(days=1)
# How long a claimed row that nobody has locked is left to the runner that claimed it.
GRACE_PERIOD = timedelta(minutes=1)

BATCH_SIZE = 100
ERROR_LENGTH = 10_000
RESULT_LENGTH = 1_000
# Attempts that a row remembers, and how much of each error.
LOG_ENTRIES = 20
LOG_ERROR_LENGTH = 500

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
# Errors that trying again does not mend.
HOPELESS = (ActionNotAllowed, InvalidConfiguration)
KILLED = "The process that ran it ended before the function returned."

_random = SystemRandom()


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
    return _run(_due_keys(using), using, limit=limit)


def due_rows(using: str | None = None) -> QuerySet[ActionExecution]:
    """Return the rows that are due now, oldest first; some may wait for others of theirs."""
    using = using or router.db_for_write(ActionExecution)
    return _due(using, timezone.now()).order_by("pk")


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts, a day and a quarter at most."""
    delay = settings.action_retry_delay
    # Compared as numbers: a power of many attempts is too large for a time span.
    times: float = min(BACKOFF_FACTOR ** (attempts - 1), max(LONGEST_WAIT / delay, 1))
    return delay * times * (1 + _random.uniform(0, BACKOFF_JITTER))


def _run_modes(
    transition: UUID, using: str | None, mode: ActionExecutionMode | None = None
) -> dict[str, int]:
    using = using or router.db_for_write(ActionExecution)
    rows = _due(using, timezone.now()).filter(transition=transition).order_by("position")
    if mode is not None:
        rows = rows.filter(execution=mode)
    inline = mode is ActionExecutionMode.INLINE
    return _run(list(rows.values_list("pk", flat=True)), using, inline=inline)


def _run(
    keys: Iterable[int], using: str, *, limit: int | None = None, inline: bool = False
) -> dict[str, int]:
    tally: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    for key in keys:
        if limit is not None and tally.total() >= limit:
            break
        outcome = _run_one(key, using, inline=inline)
        if outcome is not None:
            tally[outcome.value] += 1
    return dict(tally)


def _due_keys(using: str) -> Iterator[int]:
    """Yield the keys of due rows. Keys ascend within a transition as its positions do."""
    last = 0
    while True:
        rows = _due(using, timezone.now()).filter(pk__gt=last).order_by("pk")
        keys = list(rows.values_list("pk", flat=True)[:BATCH_SIZE])
        yield from keys
        if len(keys) < BATCH_SIZE:
            return
        last = keys[-1]


def _due(using: str, now: datetime) -> QuerySet[ActionExecution]:
    waiting = Q(status__in=(ExecutionStatus.PENDING, ExecutionStatus.FAILED))
    abandoned = Q(status=ExecutionStatus.RUNNING, started_at__lte=now - GRACE_PERIOD)
    return ActionExecution.objects.using(using).filter(waiting | abandoned, run_after__lte=now)


def _run_one(key: int, using: str, *, inline: bool) -> ExecutionStatus | None:
    """Run one row; return what it came to, or None when it was not this runner's."""
    row = _claim(key, using, inline=inline)
    if row is None:
        return None
    outcome = row.status if row.status in GIVEN_UP else _run_claimed(row, using)
    if outcome in (ExecutionStatus.DONE, *GIVEN_UP):
        action_finished.send_robust(ActionExecution, attachment_id=row.attachment_id, using=using)
    return ExecutionStatus(outcome) if outcome is not None else None


def _run_claimed(row: ActionExecution, using: str) -> ExecutionStatus | None:
    try:
        with transaction.atomic(using=using):
            if not _mark(row, using, started_at=timezone.now()):
                return None
            _finish(row, _call(row, using), using)
    except Exception as error:  # noqa: BLE001  # whatever an action raises is its failure
        return _fail(row, error, using)
    return ExecutionStatus.DONE


def _claim(key: int, using: str, *, inline: bool = False) -> ActionExecution | None:
    """Make a due row this runner's own; None when it is not to be had or not its turn yet.

    The row comes back DEAD or SKIPPED where nothing is left to be called.
    """
    skip_locked = connections[using].features.has_select_for_update_skip_locked
    with transaction.atomic(using=using):
        now = timezone.now()
        due = _due(using, now).filter(~Exists(_awaited(using, inline=inline)), pk=key)
        stopped = due.annotate(stopped_by=Subquery(_stoppers(using)))
        row = stopped.select_for_update(skip_locked=skip_locked).first()
        if row is None:
            return None
        return row if _mark(row, using, **_claimed(row, now)) else None


def _earlier(using: str) -> QuerySet[ActionExecution]:
    """The rows before the one in hand, of the same transition."""
    return ActionExecution.objects.using(using).filter(
        transition=OuterRef("transition"), position__lt=OuterRef("position")
    )


def _awaited(using: str, *, inline: bool) -> QuerySet[ActionExecution]:
    """The earlier rows that the one in hand waits for."""
    untried = Q(status__in=(ExecutionStatus.PENDING, ExecutionStatus.RUNNING))
    stopping = Q(status=ExecutionStatus.FAILED, failure_policy=FailurePolicy.STOP)
    rows = _earlier(using).filter(untried | stopping)
    return rows.filter(execution=ActionExecutionMode.INLINE) if inline else rows


def _stoppers(using: str) -> QuerySet[ActionExecution, Any]:
    """The place of the earlier row that has failed for good and stops the one in hand."""
    dead = _earlier(using).filter(status=ExecutionStatus.DEAD, failure_policy=FailurePolicy.STOP)
    return dead.order_by("position").values("position")[:1]


def _claimed(row: Any, now: datetime) -> dict[str, Any]:
    """What a row in hand becomes: RUNNING, or what it comes to without a call."""
    if row.stopped_by is not None:
        return {
            "status": ExecutionStatus.SKIPPED,
            "finished_at": now,
            "result": {"stopped_by": row.stopped_by},
            "error": f"Not run: action {row.stopped_by} of the transition failed for good.",
        }
    killed = row.status == ExecutionStatus.RUNNING
    log = _logged(row, "killed", KILLED) if killed else {}
    if killed and row.attempts >= settings.action_max_attempts:
        return {**_dead(KILLED), **log}
    return {
        "status": ExecutionStatus.RUNNING,
        "attempts": row.attempts + 1,
        "started_at": now,
        **log,
    }


def _mark(row: ActionExecution, using: str, **changes: Any) -> bool:
    """Change the row if it still is what this runner knows; that also locks it."""
    known = ActionExecution.objects.using(using).filter(
        pk=row.pk, status=row.status, attempts=row.attempts
    )
    if known.update(**changes) == 0:
        return False
    for name, value in changes.items():
        setattr(row, name, value)
    return True


def _call(row: ActionExecution, using: str) -> Any:
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
    changes = {
        "status": ExecutionStatus.DONE,
        "finished_at": timezone.now(),
        "result": _storable(result),
        "error": "",
        **_logged(row, ExecutionStatus.DONE.value),
    }
    if not _mark(row, using, **changes):
        raise ActionFailed("The row was changed by somebody else while the function ran.")


def _fail(row: ActionExecution, error: Exception, using: str) -> ExecutionStatus | None:
    """Record a failure whose effects have been rolled back; None when the row was lost."""
    text = _text(error)
    attempts = settings.action_max_attempts
    final = isinstance(error, HOPELESS) or row.attempts >= attempts
    changes = _dead(text) if final else _failed(row, text)
    changes |= _logged(row, changes["status"].value, text)
    # The transaction in which the row may have been marked otherwise was rolled back.
    row.status = ExecutionStatus.RUNNING
    if not _mark(row, using, **changes):
        return None
    logger.log(
        logging.ERROR if final else logging.WARNING,
        "Action %s of workflow attachment %s failed (attempt %s of %s)",
        row.function_path,
        row.attachment_id,
        row.attempts,
        attempts,
        exc_info=error,
    )
    return ExecutionStatus(row.status)


def _failed(row: ActionExecution, error: str) -> dict[str, Any]:
    return {
        "status": ExecutionStatus.FAILED,
        "run_after": timezone.now() + backoff(row.attempts),
        "error": error,
    }


def _dead(error: str) -> dict[str, Any]:
    return {"status": ExecutionStatus.DEAD, "finished_at": timezone.now(), "error": error}


def _logged(row: ActionExecution, outcome: str, error: str = "") -> dict[str, Any]:
    """The log of the row with this attempt added; the oldest entries go."""
    entry = {
        "attempt": row.attempts,
        "started_at": row.started_at.isoformat() if row.started_at else None,
        "finished_at": timezone.now().isoformat(),
        "outcome": outcome,
        "error": error[:LOG_ERROR_LENGTH],
    }
    return {"log": [*row.log, entry][-LOG_ENTRIES:]}


def _text(error: Exception) -> str:
    """The message first, then the traceback; no NUL, which PostgreSQL does not store."""
    if isinstance(error, (ActionFailed, *HOPELESS)):
        text = str(error)
    else:
        lines = traceback.format_exception(error)
        text = f"{type(error).__name__}: {error}\n\n{''.join(lines)}"
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:ERROR_LENGTH]


def _storable(result: Any) -> Any:
    """The result as JSON, or a description of what JSON does not hold."""
    try:
        text = json.dumps(result, cls=DjangoJSONEncoder, allow_nan=False)
    except (TypeError, ValueError):
        return repr(result)[:RESULT_LENGTH]
    return repr(result)[:RESULT_LENGTH] if "\\u0000" in text else json.loads(text)
