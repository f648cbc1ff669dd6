"""Closing rows by conditional updates, so that a row is decided once on any database."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus, FlowStatus
from approval_workflow.exceptions import FlowOnHold, StepAlreadyProcessed
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._locking import FlowWork, on_hold
from approval_workflow.statements import Update


def change_current(work: FlowWork, row: ApprovalInstance, **changes: Any) -> None:
    """Change a row that is current; raise `StepAlreadyProcessed` when it is not any more."""
    changes["updated_at"] = timezone.now()
    if not _current(work.using, changes, step=row.pk):
        raise already_processed(row)
    for name, value in changes.items():
        setattr(row, name, value)


@Update
def _current(step: Any) -> "QuerySet[ApprovalInstance]":
    return ApprovalInstance.objects.filter(pk=step).current()


def close(
    work: FlowWork,
    row: ApprovalInstance,
    status: ApprovalStatus,
    *,
    user: Any,
    comment: str,
    **changes: Any,
) -> None:
    """Close a current row with what its person decided."""
    change_current(
        work,
        row,
        status=status,
        action_user=user,
        comment=comment,
        acted_at=work.moment,
        closed_in_version=work.version,
        **changes,
    )


def cancel(work: FlowWork, rows: "QuerySet[ApprovalInstance]") -> int:
    """Cancel all these rows, whatever they are; return how many there were."""
    return rows.using(work.using).update(**_cancelled(work))


def cancel_rest_of_step(work: FlowWork, row: ApprovalInstance) -> int:
    """Cancel the open rows of the step that nobody needs any more; return how many."""
    return _open_in_step(work.using, _cancelled(work), **_step_of(row))


def cancel_rest_of_voice(work: FlowWork, row: ApprovalInstance) -> int:
    """Cancel the open rows of those who share the row's voice; return how many."""
    return _open_with_voice(work.using, _cancelled(work), **_step_of(row), voice=row.voice)


def cancel_unfinished(work: FlowWork) -> int:
    """Cancel all open rows of the flow, and those to come; return how many."""
    if work.nothing_else_is_open:
        return 0
    return _unfinished(work.using, _cancelled(work), flow=work.flow.pk)


def _cancelled(work: FlowWork) -> dict[str, Any]:
    return {
        "status": ApprovalStatus.CANCELLED,
        "acted_at": work.moment,
        "updated_at": work.moment,
        "closed_in_version": work.version,
    }


def _step_of(row: ApprovalInstance) -> dict[str, Any]:
    flow, round_number, number, track = row.step_key
    return {"flow": flow, "round_number": round_number, "number": number, "track": track}


@Update
def _open_in_step(
    flow: Any, round_number: Any, number: Any, track: Any
) -> "QuerySet[ApprovalInstance]":
    return ApprovalInstance.objects.filter(
        flow=flow, round=round_number, step_number=number, parallel_group=track
    ).current()


@Update
def _open_with_voice(
    flow: Any, round_number: Any, number: Any, track: Any, voice: Any
) -> "QuerySet[ApprovalInstance]":
    return _open_in_step.rows(flow, round_number, number, track).filter(voice=voice)


@Update
def _unfinished(flow: Any) -> "QuerySet[ApprovalInstance]":
    return ApprovalInstance.objects.filter(flow=flow).unfinished()


def cancel_rows(work: FlowWork, rows: Iterable[ApprovalInstance]) -> int:
    """Cancel these rows where they are current or pending; return how many were."""
    keys = [row.pk for row in rows]
    return cancel(work, ApprovalInstance.objects.filter(pk__in=keys).unfinished())


def end_flow(work: FlowWork, status: FlowStatus) -> None:
    """Mark the flow as ended; it is stored when the work is saved.

    Where handlers listen it is stored at once, so that they can start the object's next flow.
    """
    work.flow.status = status
    work.flow.is_open = None
    work.flow.held_at = None
    work.flow.completed_at = timezone.now()
    if work.handlers:
        work.write_flow()


def already_processed(row: ApprovalInstance) -> StepAlreadyProcessed | FlowOnHold:
    if row.status == ApprovalStatus.ON_HOLD:
        return on_hold()
    return StepAlreadyProcessed(
        _("This step has been decided already: %(status)s.") % {"status": row.get_status_display()},
        status=row.status,
        instance=row.pk,
    )
