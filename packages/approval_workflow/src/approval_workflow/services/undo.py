"""Take the last decision back."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus, EventKind, FlowStatus
from approval_workflow.conf import settings
from approval_workflow.exceptions import ApprovalPermissionDenied, CannotUndo
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services._arguments import checked_text
from approval_workflow.services._closing import cancel
from approval_workflow.services._locking import FlowWork, on_hold, reload_user, work_on

DECISIONS = (EventKind.APPROVED, EventKind.REJECTED, EventKind.RESUBMISSION_REQUESTED)


def undo_decision(
    flow_or_obj: Model,
    user: Any,
    *,
    reason: str = "",
    expected_version: int | None = None,
) -> ApprovalInstance:
    """Take back the last decision of a flow, or of an object's newest flow; return its row.

    Possible for who made it, within `APPROVAL_UNDO_PERIOD`, while nothing has happened after it but
    reminders. The row is current again, as are the others that the decision closed; what it opened
    is to come again, and what it added is cancelled; a flow that it ended is open again. The
    history keeps both, with the data of the step's form, and the turn of a role's rotation is not
    given back.

    Events: `decision_undone`. Raises `CannotUndo`, `ApprovalPermissionDenied`, `FlowOnHold`,
    `NoCurrentStep`, `VersionConflict`, `InvalidInput`.
    """
    reason = checked_text("reason", reason)
    with work_on(flow_or_obj, expected_version, ended=True) as work:
        if work.flow.status == FlowStatus.ON_HOLD:
            raise on_hold()
        period = _undo_period()
        decision, row = _last_decision(work)
        acting = reload_user(user, work.using)
        _require_own(decision, acting)
        if timezone.now() - decision.created_at > period:
            raise CannotUndo(_("The time in which this decision could be undone has passed."))
        _require_last(work, decision, row)
        _reopen(work)
        before, form_data = row.status, row.form_data
        _take_back(work, decision, row)
        work.events.add(
            EventKind.DECISION_UNDONE,
            instance=row,
            actor=acting,
            comment=reason,
            from_status=before,
            to_status=ApprovalStatus.CURRENT,
            step=row.step_number,
            decision=decision.sequence,
            form_data=form_data,
        )
        # Hooks see who is acting, as before every other act.
        row.action_user = acting
        work.call("on_undo", row)
        row.action_user = None
    return row


def _undo_period() -> timedelta:
    period = settings.undo_period
    if period is None:
        raise CannotUndo(_("Decisions cannot be undone here."))
    return period


def _last_decision(work: FlowWork) -> tuple[ApprovalEvent, ApprovalInstance]:
    decision = (
        _events(work)
        .filter(kind__in=DECISIONS)
        .select_related("instance__assigned_to")
        .order_by("-sequence")
        .first()
    )
    if decision is None or decision.instance is None or decision.actor_id is None:
        raise CannotUndo(_("The last decision in this flow is nobody's."), status=work.flow.status)
    decision.instance.flow = work.flow
    return decision, decision.instance


def _require_own(decision: ApprovalEvent, user: Any) -> None:
    if user is None or not user.is_active or decision.actor_id != user.pk:
        raise ApprovalPermissionDenied(
            _("Only who made the last decision may undo it."), reason="not_your_decision"
        )


def _require_last(work: FlowWork, decision: ApprovalEvent, row: ApprovalInstance) -> None:
    """Raise when something has changed the flow after the act that closed the row.

    Every act makes the flow's version one higher, and each reminder is one.
    """
    later = _events(work).filter(sequence__gt=decision.sequence)
    reminders = later.filter(kind=EventKind.REMINDED).count()
    if row.closed_in_version is None or work.version != row.closed_in_version + 1 + reminders:
        last = later.exclude(kind=EventKind.REMINDED).latest("sequence")
        raise CannotUndo(
            _("Something has happened after the decision: %(event)s.")
            % {"event": last.get_kind_display()},
            status=work.flow.status,
        )


def _reopen(work: FlowWork) -> None:
    """Open the flow again where the decision ended it; at once, for its object may have another."""
    if work.flow.is_open:
        return
    work.flow.status = FlowStatus.IN_PROGRESS
    work.flow.is_open = True
    work.flow.completed_at = None
    try:
        with transaction.atomic(using=work.using):
            work.write_flow()
    except IntegrityError as error:
        raise CannotUndo(
            _("A new approval flow runs on this object; this one cannot go on.")
        ) from error


def _take_back(work: FlowWork, decision: ApprovalEvent, row: ApprovalInstance) -> None:
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow)
    consequences = list(
        _events(work)
        .filter(
            sequence__gt=decision.sequence,
            kind__in=(EventKind.STEPS_ADDED, EventKind.STEP_OPENED),
        )
        .select_related("instance")
        .order_by("sequence")
    )
    closed = rows.filter(closed_in_version=row.closed_in_version).exclude(pk=row.pk)
    closed_keys = list(closed.values_list("pk", "started_at"))
    # Before others open: the rows of one person in one step may be current one at a time.
    cancel(work, rows.filter(_added(consequences, row)).unfinished())
    for event in consequences:
        if event.kind == EventKind.STEP_OPENED and event.instance is not None:
            _send_back(work, event.instance)
    again = {"acted_at": None, "closed_in_version": None, "updated_at": work.moment}
    started = [key for key, started_at in closed_keys if started_at is not None]
    to_come = [key for key, started_at in closed_keys if started_at is None]
    rows.filter(pk__in=started).update(status=ApprovalStatus.CURRENT, **again)
    rows.filter(pk__in=to_come).update(status=ApprovalStatus.PENDING, **again)
    undecided = {"action_user": None, "comment": "", "form_data": None}
    changes = {"status": ApprovalStatus.CURRENT, **undecided, **again}
    rows.filter(pk=row.pk).update(**changes)
    for name, value in changes.items():
        setattr(row, name, value)


def _added(events: Sequence[ApprovalEvent], row: ApprovalInstance) -> Q:
    """What the rows of the steps that were added have in common."""
    added = Q(pk__in=())
    for event in events:
        if event.kind == EventKind.STEPS_ADDED:
            steps = Q(round=event.data.get("round", row.round), step_number__in=event.data["steps"])
            if "tracks" in event.data:
                steps &= Q(parallel_group__in=event.data["tracks"])
            added |= steps
    return added


def _send_back(work: FlowWork, step: ApprovalInstance) -> None:
    """Make an open step one that is to come: its first row waits again, the others are gone."""
    rows = ApprovalInstance.objects.using(work.using).same_step(step).current()
    cancel(work, rows.exclude(pk=step.pk))
    waiting: dict[str, Any] = {
        "status": ApprovalStatus.PENDING,
        "started_at": None,
        "due_at": None,
        "reminded_at": None,
        "updated_at": work.moment,
    }
    if step.has_strategy:
        waiting |= {"assigned_to": None, "voice": None}
    rows.filter(pk=step.pk).update(**waiting)


def _events(work: FlowWork) -> Any:
    return ApprovalEvent.objects.using(work.using).filter(flow=work.flow)
