"""Whose a row is: one runner makes it its own, and changes it only while it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.db.models import Exists, QuerySet, Subquery
from django.utils import timezone

from approval_workflow.statements import Update
from django_workflow_engine.actions import outcomes
from django_workflow_engine.actions.due import WAITING, awaited, due_at, stoppers
from django_workflow_engine.models import ActionExecution


def take(row: ActionExecution, using: str, *, inline: bool = False) -> ActionExecution | None:
    """Make a row that was read as due this runner's own, as `claim` does.

    One statement, where the row is as it was read and nothing keeps it from running.
    """
    # InnoDB locks what an update asks about other rows, too: runners would meet there.
    asks_freely = connections[using].vendor != "mysql"
    if asks_freely and row.status in WAITING:
        known = {name: getattr(row, name) for name in ("status", "attempts", "run_after")}
        changes = outcomes.running(row, timezone.now())
        if (_free_inline if inline else _free)(using, changes, row=row.pk, **known):
            _set(row, changes)
            return row
    return claim(row.pk, using, inline=inline)


def _as_read(row: Any, status: Any, attempts: Any, run_after: Any) -> QuerySet[ActionExecution]:
    """The row, unless anything has happened to it since, which changes at least one of these."""
    known = {"status": status, "attempts": attempts, "run_after": run_after}
    return ActionExecution.objects.filter(~Exists(stoppers(None)), pk=row, **known)


@Update
def _free(row: Any, status: Any, attempts: Any, run_after: Any) -> QuerySet[ActionExecution]:
    as_read = _as_read(row, status, attempts, run_after)
    return as_read.filter(~Exists(awaited(None, inline=False)))


@Update
def _free_inline(row: Any, status: Any, attempts: Any, run_after: Any) -> QuerySet[ActionExecution]:
    as_read = _as_read(row, status, attempts, run_after)
    return as_read.filter(~Exists(awaited(None, inline=True)))


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
    if not _known(using, changes, row=row.pk, status=row.status, attempts=row.attempts):
        return False
    _set(row, changes)
    return True


@Update
def _known(row: Any, status: Any, attempts: Any) -> QuerySet[ActionExecution]:
    return ActionExecution.objects.filter(pk=row, status=status, attempts=attempts)


def _set(row: ActionExecution, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        setattr(row, name, value)


def _claimed(row: Any, now: datetime) -> dict[str, Any]:
    if row.stopped_by is not None:
        return outcomes.skipped(row.stopped_by, now)
    return outcomes.running(row, now)
