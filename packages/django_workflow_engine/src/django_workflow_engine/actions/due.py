"""Which rows are due, and which of them wait for earlier ones of their transition."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import router
from django.db.models import OuterRef, Q, QuerySet
from django.utils import timezone

from django_workflow_engine.choices import ActionExecutionMode, ExecutionStatus, FailurePolicy
from django_workflow_engine.models import ActionExecution

# How long a claimed row that nobody has locked is left to the runner that claimed it.
GRACE_PERIOD = timedelta(minutes=1)

BATCH_SIZE = 100


def due_rows(using: str | None = None) -> QuerySet[ActionExecution]:
    """Return the rows that are due now, oldest first; some may wait for others of theirs."""
    using = using or router.db_for_write(ActionExecution)
    return due_at(timezone.now(), using).order_by("pk")


def due_at(moment: datetime, using: str) -> QuerySet[ActionExecution]:
    """Return the rows that are due at the moment, in no order."""
    waiting = Q(status__in=(ExecutionStatus.PENDING, ExecutionStatus.FAILED))
    abandoned = Q(status=ExecutionStatus.RUNNING, started_at__lte=moment - GRACE_PERIOD)
    return ActionExecution.objects.using(using).filter(waiting | abandoned, run_after__lte=moment)


def due_keys(using: str) -> Iterator[int]:
    """Yield the keys of due rows. Keys ascend within a transition as its positions do."""
    last = 0
    while True:
        rows = due_rows(using).filter(pk__gt=last)
        keys = list(rows.values_list("pk", flat=True)[:BATCH_SIZE])
        yield from keys
        if len(keys) < BATCH_SIZE:
            return
        last = keys[-1]


def awaited(using: str, *, inline: bool) -> QuerySet[ActionExecution]:
    """Return the earlier rows that the one in hand waits for, as a subquery."""
    untried = Q(status__in=(ExecutionStatus.PENDING, ExecutionStatus.RUNNING))
    stopping = Q(status=ExecutionStatus.FAILED, failure_policy=FailurePolicy.STOP)
    rows = _earlier(using).filter(untried | stopping)
    return rows.filter(execution=ActionExecutionMode.INLINE) if inline else rows


def stoppers(using: str) -> QuerySet[ActionExecution, Any]:
    """Return the place of the earlier row that failed for good and stops the one in hand."""
    dead = _earlier(using).filter(status=ExecutionStatus.DEAD, failure_policy=FailurePolicy.STOP)
    return dead.order_by("position").values("position")[:1]


def _earlier(using: str) -> QuerySet[ActionExecution]:
    """The rows before the one in hand, of the same transition."""
    return ActionExecution.objects.using(using).filter(
        transition=OuterRef("transition"), position__lt=OuterRef("position")
    )
