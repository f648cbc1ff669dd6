"""Whose a row is: one runner makes it its own, and changes it only while it is."""

from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.db.models import Exists, Subquery
from django.utils import timezone

from django_workflow_engine.actions import outcomes
from django_workflow_engine.actions.due import awaited, due_at, stoppers
from django_workflow_engine.models import ActionExecution


def claim(key: int, using: str, *, inline: bool = False) -> ActionExecution | None:
    """Make a due row this runner's own; None when it is not to be had or not its turn yet.

    The row comes back DEAD or SKIPPED where nothing is left to be called.
    """
    skip_locked = connections[using].features.has_select_for_update_skip_locked
    with transaction.atomic(using=using):
        now = timezone.now()
        due = due_at(now, using).filter(~Exists(awaited(using, inline=inline)), pk=key)
        stopped = due.annotate(stopped_by=Subquery(stoppers(using)))
        row = stopped.select_for_update(skip_locked=skip_locked).first()
        if row is None:
            return None
        return row if mark(row, using, **_claimed(row, now)) else None


def mark(row: ActionExecution, using: str, **changes: Any) -> bool:
    """Change the row if it still is what this runner knows; that also locks it."""
    known = ActionExecution.objects.using(using).filter(
        pk=row.pk, status=row.status, attempts=row.attempts
    )
    if known.update(**changes) == 0:
        return False
    for name, value in changes.items():
        setattr(row, name, value)
    return True


def _claimed(row: Any, now: datetime) -> dict[str, Any]:
    if row.stopped_by is not None:
        return outcomes.skipped(row.stopped_by, now)
    return outcomes.running(row, now)
