"""Jobs and timers of visits, as the outbox holds them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import connections
from django.db.models import F, QuerySet
from django.utils import timezone

from django_workflow_engine.choices import ExecutionStatus, TaskKind
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

WAITING = (ExecutionStatus.PENDING, ExecutionStatus.FAILED)
NOT_NEEDED = "Not run: nobody needs it any more."


def drop_tasks(
    attachment: WorkflowAttachment, using: str, visits: Iterable[StageRun] | None = None
) -> None:
    """Give up the tasks that wait, of all visits or of some; a running one finds out itself."""
    rows = tasks_of(attachment, using)
    if visits is not None:
        rows = rows.filter(visit__in=[visit.pk for visit in visits if visit.pk is not None])
    _change(
        rows,
        (*WAITING, ExecutionStatus.HELD, ExecutionStatus.DEAD),
        status=ExecutionStatus.SKIPPED,
        finished_at=timezone.now(),
        error=NOT_NEEDED,
    )


def hold_tasks(attachment: WorkflowAttachment, using: str) -> None:
    """Let the tasks that wait stand still."""
    _change(tasks_of(attachment, using), WAITING, status=ExecutionStatus.HELD)


def release_tasks(attachment: WorkflowAttachment, using: str, held: timedelta) -> None:
    """Let them go on; what was left of their time is left again."""
    _change(
        tasks_of(attachment, using),
        (ExecutionStatus.HELD,),
        status=ExecutionStatus.PENDING,
        run_after=F("run_after") + held,
    )


def revive_tasks(attachment: WorkflowAttachment, using: str, visits: "QuerySet[StageRun]") -> None:
    """Let the tasks of visits that go on be done after all, if they were given up with them."""
    given_up = tasks_of(attachment, using).filter(visit__in=visits, error=NOT_NEEDED)
    _change(
        given_up,
        (ExecutionStatus.SKIPPED,),
        status=ExecutionStatus.PENDING,
        finished_at=None,
        error="",
    )


def results_of(attachment: WorkflowAttachment, using: str) -> dict[Any, Any]:
    """Return the results of the jobs that are done, the newest by stage."""
    rows = tasks_of(attachment, using).filter(action_type=TaskKind.JOB, status=ExecutionStatus.DONE)
    return dict(rows.order_by("pk").values_list("visit__stage_id", "result"))


def tasks_of(attachment: WorkflowAttachment, using: str) -> "QuerySet[ActionExecution]":
    rows = ActionExecution.objects.using(using)
    if attachment.pk is None:
        return rows.none()
    return rows.filter(attachment=attachment, visit__isnull=False)


def _change(
    rows: "QuerySet[ActionExecution]", statuses: Iterable[ExecutionStatus], **changes: Any
) -> None:
    """Change rows, except those that a runner has locked: it finds out itself, nobody waits."""
    skip_locked = connections[rows.db].features.has_select_for_update_skip_locked
    wanted = rows.filter(status__in=list(statuses)).select_for_update(skip_locked=skip_locked)
    keys = list(wanted.values_list("pk", flat=True))
    if keys:
        ActionExecution.objects.using(rows.db).filter(pk__in=keys).update(**changes)
