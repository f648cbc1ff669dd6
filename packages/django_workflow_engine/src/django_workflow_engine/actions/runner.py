"""Running due actions: each at least once, in the order of its transition, by one runner only.

A row goes through up to three transactions:

1. *claim*: it becomes RUNNING and its attempts are counted. Rows that another runner has locked
   are passed over.
2. *run*: the function is called and the row becomes DONE. What the function writes to the same
   database is committed together with that mark, or not at all.
3. *failure*, in place of a mark that was rolled back: the row becomes FAILED, due again later, or
   DEAD after `MAX_ATTEMPTS`.

A runner that is killed leaves a RUNNING row without a lock; it is claimed again after
`GRACE_PERIOD`. The number of attempts tells the claims apart, so that a runner that was only slow
finds that the row is not its own any more. Effects outside the database can happen twice; the
context's `idempotency_key` is for them.
"""

import json
import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, router, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone, translation

from django_workflow_engine.actions.calling import call
from django_workflow_engine.actions.context import build_context, load_attachment
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.exceptions import ActionFailed, ActionNotAllowed
from django_workflow_engine.function_paths import load_function
from django_workflow_engine.models import ActionExecution
from django_workflow_engine.signals import action_finished

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
# The wait after the first failure; each further one is BACKOFF_FACTOR times as long, and up to
# BACKOFF_JITTER of it is added at random: about 1, 4, 16 and 64 minutes.
BACKOFF_BASE = timedelta(minutes=1)
BACKOFF_FACTOR = 4
BACKOFF_JITTER = 0.25
# How long a claimed row that nobody has locked is left to the runner that claimed it.
GRACE_PERIOD = timedelta(minutes=1)

BATCH_SIZE = 100
ERROR_LENGTH = 10_000
RESULT_LENGTH = 1_000

_random = SystemRandom()


def run_transition(transition: UUID, using: str | None = None) -> dict[str, int]:
    """Run what is due of one transition; return how many are `done`, `failed` and `dead`."""
    using = using or router.db_for_write(ActionExecution)
    rows = _due(using, timezone.now()).filter(transition=transition).order_by("position")
    return _run(list(rows.values_list("pk", flat=True)), using)


def run_due(limit: int | None = None, using: str | None = None) -> dict[str, int]:
    """Run what is due, oldest first; return how many are `done`, `failed` and `dead`.

    At most `limit` rows are tried. Any number of these may run at the same time.
    """
    using = using or router.db_for_write(ActionExecution)
    return _run(_due_keys(using), using, limit)


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts."""
    times: int = BACKOFF_FACTOR ** (attempts - 1)
    return BACKOFF_BASE * times * (1 + _random.uniform(0, BACKOFF_JITTER))


def _run(keys: Any, using: str, limit: int | None = None) -> dict[str, int]:
    tally: Counter[str] = Counter({"done": 0, "failed": 0, "dead": 0})
    for key in keys:
        if limit is not None and tally.total() >= limit:
            break
        outcome = _run_one(key, using)
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


def _run_one(key: int, using: str) -> ExecutionStatus | None:
    """Run one row; return what it came to, or None when it was not this runner's."""
    row = _claim(key, using)
    if row is None:
        return None
    outcome = row.status if row.status == ExecutionStatus.DEAD else _run_claimed(row, using)
    if outcome in (ExecutionStatus.DONE, ExecutionStatus.DEAD):
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


def _claim(key: int, using: str) -> ActionExecution | None:
    """Make a due row this runner's own; None when it is not to be had or not its turn yet."""
    earlier = ActionExecution.objects.using(using).filter(
        transition=OuterRef("transition"),
        position__lt=OuterRef("position"),
        status__in=(ExecutionStatus.PENDING, ExecutionStatus.RUNNING),
    )
    skip_locked = connections[using].features.has_select_for_update_skip_locked
    with transaction.atomic(using=using):
        now = timezone.now()
        due = _due(using, now).filter(~Exists(earlier), pk=key)
        row = due.select_for_update(skip_locked=skip_locked).first()
        if row is None:
            return None
        if row.status == ExecutionStatus.RUNNING and row.attempts >= MAX_ATTEMPTS:
            error = "The process that ran it ended before the function returned."
            return row if _mark(row, using, **_dead(error)) else None
        changes = {
            "status": ExecutionStatus.RUNNING,
            "attempts": row.attempts + 1,
            "started_at": now,
        }
        return row if _mark(row, using, **changes) else None


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
    }
    if not _mark(row, using, **changes):
        raise ActionFailed("The row was changed by somebody else while the function ran.")


def _fail(row: ActionExecution, error: Exception, using: str) -> ExecutionStatus | None:
    """Record a failure whose effects have been rolled back; None when the row was lost."""
    text = _text(error)
    final = isinstance(error, ActionNotAllowed) or row.attempts >= MAX_ATTEMPTS
    changes = _dead(text) if final else _failed(row, text)
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
        MAX_ATTEMPTS,
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


def _text(error: Exception) -> str:
    """The message first, then the traceback; no NUL, which PostgreSQL does not store."""
    if isinstance(error, ActionFailed | ActionNotAllowed):
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
