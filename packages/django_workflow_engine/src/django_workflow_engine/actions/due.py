"""Which rows are due, and which of them wait for earlier ones of their transition."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import router
from django.db.models import OuterRef, Q, QuerySet
from django.utils import timezone

from approval_workflow.statements import Select
from django_workflow_engine.choices import ActionExecutionMode, ExecutionStatus, FailurePolicy
from django_workflow_engine.models import ActionExecution

# How long a claimed row that nobody has locked is left to the runner that claimed it.
GRACE_PERIOD = timedelta(minutes=1)

BATCH_SIZE = 100
# Rows in these states are taken up when their time has come.
WAITING = (ExecutionStatus.PENDING, ExecutionStatus.FAILED)


def due_rows(using: str | None = None) -> QuerySet[ActionExecution]:
    """Return the rows that are due now, oldest first; some may wait for others of theirs."""
    using = using or router.db_for_write(ActionExecution)
    return due_at(timezone.now(), using).order_by("pk")


def due_at(moment: datetime, using: str) -> QuerySet[ActionExecution]:
    """Return the rows that are due at the moment, in no order."""
    return _due(moment, moment - GRACE_PERIOD).using(using)


def due_of_transition(
    transition: UUID, using: str, mode: ActionExecutionMode | None = None
) -> list[ActionExecution]:
    """Return the rows of a transition that are due now, in their order; of all modes or of one."""
    moment = timezone.now()
    asked = {"transition": transition, "moment": moment, "before": moment - GRACE_PERIOD}
    if mode is None:
        return _of_transition(using, **asked)
    return _of_mode(using, **asked, mode=mode)


@Select
def _of_transition(transition: Any, moment: Any, before: Any) -> QuerySet[ActionExecution]:
    return _due(moment, before).filter(transition=transition).order_by("position")


@Select
def _of_mode(transition: Any, moment: Any, before: Any, mode: Any) -> QuerySet[ActionExecution]:
    return _of_transition.rows(transition, moment, before).filter(execution=mode)


def _due(moment: Any, before: Any) -> QuerySet[ActionExecution]:
    """The rows that are due, and those claimed before another moment, whose runner may be gone."""
    waiting = Q(status__in=WAITING)
    abandoned = Q(status=ExecutionStatus.RUNNING, started_at__lte=before)
    return ActionExecution.objects.filter(waiting | abandoned, run_after__lte=moment)


def all_due(using: str) -> Iterator[ActionExecution]:
    """Yield due rows by their keys, which ascend within a transition as its positions do."""
    last = 0
    while True:
        rows = list(due_rows(using).filter(pk__gt=last)[:BATCH_SIZE])
        yield from rows
        if len(rows) < BATCH_SIZE:
            return
        last = rows[-1].pk


def awaited(using: str | None, *, inline: bool) -> QuerySet[ActionExecution]:
    """Return the earlier rows that the one in hand waits for, as a subquery."""
    untried = Q(status__in=(ExecutionStatus.PENDING, ExecutionStatus.RUNNING))
    stopping = Q(status=ExecutionStatus.FAILED, failure_policy=FailurePolicy.STOP)
    rows = _earlier(using).filter(untried | stopping)
    return rows.filter(execution=ActionExecutionMode.INLINE) if inline else rows


def stoppers(using: str | None) -> QuerySet[ActionExecution, Any]:
    """Return the place of the earlier row that failed for good and stops the one in hand."""
    dead = _earlier(using).filter(status=ExecutionStatus.DEAD, failure_policy=FailurePolicy.STOP)
    return dead.order_by("position").values("position")[:1]


def _earlier(using: str | None) -> QuerySet[ActionExecution]:
    """The rows before the one in hand, of the same transition."""
    return ActionExecution.objects.using(using).filter(
        transition=OuterRef("transition"), position__lt=OuterRef("position")
    )
