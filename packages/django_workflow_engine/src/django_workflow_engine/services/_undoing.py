"""Putting an object back to where it was before the last decision."""

from collections.abc import Collection, Iterable
from uuid import UUID, uuid4

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.exceptions import CannotUndo
from approval_workflow.models import ApprovalInstance
from django_workflow_engine.actions import outbox
from django_workflow_engine.choices import (
    AttachmentStatus,
    ExecutionStatus,
    StageOutcome,
    TaskKind,
)
from django_workflow_engine.models import ActionExecution, StageRun
from django_workflow_engine.services._run import Run
from django_workflow_engine.services._tasks import WAITING, drop_tasks, revive_tasks

# Key in the context of an execution whose decision was undone.
UNDONE_KEY = "undone"


def take_back(run: Run, instance: ApprovalInstance) -> None:
    """Undo what the decision on this step did to the object's run.

    Visits that it began are `undone`, those that it ended go on. Actions that have not run yet do
    not run any more; those that have are compensated where they say how.
    """
    attachment, using = run.attachment, run.using
    visits = StageRun.objects.using(using).filter(attachment=attachment)
    begun = list(visits.filter(entered_by_step=instance.pk).exclude(outcome=StageOutcome.UNDONE))
    ended = visits.filter(left_by_step=instance.pk).exclude(pk__in=[visit.pk for visit in begun])
    _refuse_when_moved_on(run, instance, visits, begun, list(ended))
    drop_tasks(attachment, using, begun)
    revive_tasks(attachment, using, ended)
    now = timezone.now()
    visits.filter(pk__in=[visit.pk for visit in begun]).update(
        left_at=now, outcome=StageOutcome.UNDONE, problem="", left_by_step=None
    )
    ended.update(left_at=None, outcome="", left_by_step=None, finished_at=None)
    _reopen(run)
    _take_actions_back(run, instance)
    run.save()


def _refuse_when_moved_on(
    run: Run,
    instance: ApprovalInstance,
    visits: "QuerySet[StageRun]",
    begun: Iterable[StageRun],
    ended: Collection[StageRun],
) -> None:
    """Refuse where something else than the decision has moved the object since."""
    last = max((visit.pk for visit in (*begun, *ended)), default=None)
    left_since = any(visit.left_at and visit.left_by_step != instance.pk for visit in begun)
    entered_since = (
        last is not None
        and visits.filter(pk__gt=last).exclude(entered_by_step=instance.pk).exists()
    )
    ended_since = not run.attachment.is_open and not ended
    moved = left_since or entered_since or ended_since
    if moved or not _is_at_its_place(run, instance, visits):
        raise CannotUndo(_("The object has moved on since; the decision cannot be undone."))


def _is_at_its_place(run: Run, instance: ApprovalInstance, visits: "QuerySet[StageRun]") -> bool:
    """Whether the object would be where the step asks, if it waits for that step at all."""
    place = run.definition.named_in(instance.extra_fields)
    if place is None or not instance.parallel_required:
        return True
    here = visits.filter(stage_id=place.stage_id, pipeline_id=place.pipeline_id)
    return here.filter(Q(left_at=None) | Q(left_by_step=instance.pk)).exists()


def undone(rows: "QuerySet[ActionExecution]") -> "QuerySet[ActionExecution]":
    """Return the actions whose decisions were undone."""
    return rows.filter(context__has_key=UNDONE_KEY)


def _reopen(run: Run) -> None:
    attachment = run.attachment
    if not attachment.is_open:
        attachment.is_open = True
        attachment.completed_at = None
    attachment.status = AttachmentStatus.IN_PROGRESS
    run.stand_in_first_branch()
    run.fields.started()


def _take_actions_back(run: Run, instance: ApprovalInstance) -> None:
    executed = []
    rows = ActionExecution.objects.using(run.using).filter(
        attachment=run.attachment, context__instance_id=instance.pk
    )
    for row in rows.exclude(pk__in=undone(rows).values("pk")).order_by("pk"):
        if row.status in WAITING:
            row.status = ExecutionStatus.SKIPPED
            row.error = "Not run: the decision was undone."
            row.finished_at = timezone.now()
        elif row.status == ExecutionStatus.DONE:
            executed.append(row)
        row.context = {**row.context, UNDONE_KEY: True}
        row.save(using=run.using, update_fields=["status", "error", "finished_at", "context"])
    # The last effect is taken back first.
    transition = uuid4()
    compensated = [row for row in reversed(executed) if row.compensation]
    outbox.enqueue(
        [_compensation(row, transition, number) for number, row in enumerate(compensated)]
    )


def _compensation(row: ActionExecution, transition: UUID, position: int) -> ActionExecution:
    return ActionExecution(
        attachment=row.attachment,
        action_type=TaskKind.COMPENSATION,
        function_path=row.compensation,
        parameters=row.parameters,
        context={**row.context, "compensates_id": row.pk, "result": row.result},
        execution=row.execution,
        transition=transition,
        position=position,
        run_after=timezone.now(),
    )
