"""Take the last decision back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus, EventKind, FlowStatus
from approval_workflow.conf import settings
from approval_workflow.exceptions import ApprovalPermissionDenied, CannotUndo
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services._arguments import checked_text
from approval_workflow.services._locking import FlowWork, on_hold, reload_user, work_on

DECISIONS = (EventKind.APPROVED, EventKind.REJECTED, EventKind.RESUBMISSION_REQUESTED)
# What may come after a decision without anybody having acted.
CONSEQUENCES = (
    EventKind.STEPS_ADDED,
    EventKind.STEP_OPENED,
    EventKind.NOTED,
    EventKind.REMINDED,
    EventKind.FLOW_COMPLETED,
    EventKind.FLOW_REJECTED,
)


def undo_decision(
    flow_or_obj: Model,
    user: Any,
    *,
    reason: str = "",
    expected_version: int | None = None,
) -> ApprovalInstance:
    """Take back the last decision of a flow, or of an object's newest flow; return its row.

    Possible for who made it, within `APPROVAL_UNDO_PERIOD`, while nobody has acted after it. The
    row is current again, as are the others that the decision closed; what it opened or added is to
    come again, or cancelled; a flow that it ended is open again. The history keeps both, and the
    turn of a role's rotation is not given back.

    Events: `decision_undone`. Raises `CannotUndo`, `ApprovalPermissionDenied`, `FlowOnHold`,
    `NoCurrentStep`, `VersionConflict`, `InvalidInput`.
    """
    reason = checked_text("reason", reason)
    with work_on(flow_or_obj, expected_version, ended=True) as work:
        if work.flow.status == FlowStatus.ON_HOLD:
            raise on_hold()
        decision, consequences = _last_decision(work)
        acting = reload_user(user, work.using)
        _require_undoable(work, decision, consequences, acting)
        row = decision.instance
        row.flow = work.flow
        before = row.status
        _take_back(_Opened.by(consequences, row), work, row)
        _reopen(work)
        work.events.add(
            EventKind.DECISION_UNDONE,
            instance=row,
            actor=acting,
            comment=reason,
            from_status=before,
            to_status=ApprovalStatus.CURRENT,
            step=row.step_number,
            decision=decision.sequence,
            form_data=row.form_data,
        )
        work.call("on_undo", row)
        ApprovalInstance.objects.using(work.using).filter(pk=row.pk).update(form_data=None)
        row.form_data = None
    return row


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a decision made: steps that were added for it, and steps that it opened."""

    # Conditions on the rows of the flow.
    added: Q
    opened: Sequence[ApprovalInstance]

    @classmethod
    def by(cls, events: Sequence[ApprovalEvent], row: ApprovalInstance) -> "_Opened":
        added = Q(pk__in=())
        for event in events:
            if event.kind != EventKind.STEPS_ADDED:
                continue
            steps = Q(round=event.data.get("round", row.round), step_number__in=event.data["steps"])
            if "tracks" in event.data:
                steps &= Q(parallel_group__in=event.data["tracks"])
            added |= steps
        opened = [
            event.instance
            for event in events
            if event.kind == EventKind.STEP_OPENED and event.instance is not None
        ]
        return cls(added, opened)


def _last_decision(work: FlowWork) -> tuple[ApprovalEvent, list[ApprovalEvent]]:
    """The newest event that tells of an act, and what followed from it."""
    events = ApprovalEvent.objects.using(work.using).filter(flow=work.flow)
    newest_first = events.select_related("instance__assigned_to").order_by("-sequence")
    consequences: list[ApprovalEvent] = []
    for event in newest_first.iterator(chunk_size=50):
        if event.kind in CONSEQUENCES and (event.actor_id is None or event.kind in ENDINGS):
            consequences.append(event)
            continue
        if event.kind in DECISIONS and event.instance is not None:
            return event, consequences
        break
    raise CannotUndo(_("The last thing that happened in this flow is no decision of a person."))


# Endings are told with who decided.
ENDINGS = (EventKind.FLOW_COMPLETED, EventKind.FLOW_REJECTED)


def _require_undoable(
    work: FlowWork, decision: ApprovalEvent, consequences: Sequence[ApprovalEvent], user: Any
) -> None:
    period = settings.undo_period
    if period is None:
        raise CannotUndo(_("Decisions are not undone here (APPROVAL_UNDO_PERIOD)."))
    if user is None or not user.is_active or decision.actor_id != user.pk:
        raise ApprovalPermissionDenied(
            _("Only who made the last decision may undo it."), reason="not_your_decision"
        )
    if timezone.now() - decision.created_at > period:
        raise CannotUndo(
            _("The decision is older than %(period)s; it cannot be undone.") % {"period": period}
        )
    same_object = ApprovalFlow.objects.using(work.using).filter(
        content_type_id=work.flow.content_type_id, object_id=work.flow.object_id
    )
    if same_object.open().exclude(pk=work.flow.pk).exists():
        raise CannotUndo(_("A new approval flow runs on this object; this one cannot go on."))
    touched = ApprovalInstance.objects.using(work.using).filter(
        pk__in=[event.instance_id for event in consequences if event.instance_id]
    )
    if touched.filter(status=ApprovalStatus.CURRENT).exclude(claimed_at=None).exists():
        raise CannotUndo(_("Somebody has taken the next step for themselves."))


def _take_back(opened: _Opened, work: FlowWork, row: ApprovalInstance) -> None:
    now, decided_at = timezone.now(), row.acted_at
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow)
    gone = {"status": ApprovalStatus.CANCELLED, "acted_at": now, "updated_at": now}
    # Before others open: the rows of one person in one step may be current one at a time.
    closed = list(
        rows.filter(status=ApprovalStatus.CANCELLED, acted_at=decided_at)
        .filter(round=row.round, step_number__gte=row.step_number)
        .values_list("pk", "started_at")
    )
    rows.filter(opened.added).unfinished().update(**gone)
    for step in opened.opened:
        step.flow = work.flow
        _send_back(work, step, gone)
    again = {"acted_at": None, "updated_at": now}
    started = [key for key, started_at in closed if started_at is not None]
    to_come = [key for key, started_at in closed if started_at is None]
    rows.filter(pk__in=started).update(status=ApprovalStatus.CURRENT, **again)
    rows.filter(pk__in=to_come).update(status=ApprovalStatus.PENDING, **again)
    changes = {"status": ApprovalStatus.CURRENT, "action_user": None, "comment": "", **again}
    rows.filter(pk=row.pk).update(**changes)
    for name, value in changes.items():
        setattr(row, name, value)


def _send_back(work: FlowWork, step: ApprovalInstance, gone: dict[str, Any]) -> None:
    """Make an open step one that is to come: its first row waits again, the others are gone."""
    rows = ApprovalInstance.objects.using(work.using).same_step(step).current()
    rows.exclude(pk=step.pk).update(**gone)
    waiting: dict[str, Any] = {
        "status": ApprovalStatus.PENDING,
        "started_at": None,
        "due_at": None,
        "reminded_at": None,
    }
    if step.has_strategy:
        waiting |= {"assigned_to": None, "voice": None}
    rows.filter(pk=step.pk).update(**waiting)


def _reopen(work: FlowWork) -> None:
    work.flow.status = FlowStatus.IN_PROGRESS
    work.flow.is_open = True
    work.flow.completed_at = None
    if work.handlers:
        work.write_flow()
