"""What a row becomes: the new values of its fields after each thing that can happen to it."""

import json
import traceback
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from django_workflow_engine.actions.retry import backoff
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import ActionFailed, ActionNotAllowed, InvalidConfiguration
from django_workflow_engine.models import ActionExecution

ERROR_LENGTH = 10_000
RESULT_LENGTH = 1_000
# Attempts that a row remembers, and how much of each error.
LOG_ENTRIES = 20
LOG_ERROR_LENGTH = 500

# Errors that trying again does not mend.
HOPELESS = (ActionNotAllowed, InvalidConfiguration)
KILLED = "The process that ran it ended before the function returned."


def running(row: ActionExecution, now: datetime) -> dict[str, Any]:
    """Return what a row in hand becomes; one left by a runner that died may be dead itself."""
    killed = row.status == ExecutionStatus.RUNNING
    log = _logged(row, "killed", KILLED) if killed else {}
    if killed and _attempts_are_used_up(row):
        return {**_dead(KILLED), **log}
    return {
        "status": ExecutionStatus.RUNNING,
        "attempts": row.attempts + 1,
        "started_at": now,
        **log,
    }


def skipped(stopped_by: int, now: datetime) -> dict[str, Any]:
    """Return what a row becomes behind one that failed for good, named by its position."""
    return {
        "status": ExecutionStatus.SKIPPED,
        "finished_at": now,
        "result": {"stopped_by": stopped_by},
        "error": f"Not run: action {stopped_by} of the transition failed for good.",
    }


def done(row: ActionExecution, result: Any) -> dict[str, Any]:
    """Return what a row becomes whose function returned the result."""
    return {
        "status": ExecutionStatus.DONE,
        "finished_at": timezone.now(),
        "result": _storable(result),
        "error": "",
        **_logged(row, ExecutionStatus.DONE.value),
    }


def failed(row: ActionExecution, error: Exception) -> dict[str, Any]:
    """Return what a row becomes whose function raised: FAILED and due again later, or DEAD."""
    text = _text(error)
    final = isinstance(error, HOPELESS) or _attempts_are_used_up(row)
    changes = _dead(text) if final else _due_again(row, text)
    return changes | _logged(row, changes["status"].value, text)


def _attempts_are_used_up(row: ActionExecution) -> bool:
    return row.attempts >= settings.action_max_attempts


def _due_again(row: ActionExecution, error: str) -> dict[str, Any]:
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
