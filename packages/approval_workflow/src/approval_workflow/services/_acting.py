"""What all decisions of a person have in common: find the row, may they, then do it, once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import Action, ApprovalStatus, EventKind, FlowStatus
from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    IdempotencyKeyReused,
    InvalidInput,
    NoCurrentStep,
    StepNotOpen,
)
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.permissions import Facts, can_act, tally_of
from approval_workflow.queries import StepTally
from approval_workflow.services._arguments import checked_idempotency_key, checked_text
from approval_workflow.services._at_hand import MOST, read_all_open, read_at_hand
from approval_workflow.services._closing import already_processed
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.services._locking import FlowWork, on_hold, reload_user, work_on_flow
from approval_workflow.statements import reads_all_rows
from approval_workflow.types import Permission


@dataclass(frozen=True, slots=True)
class Act:
    """One person's act on one current row of a locked flow, already permitted."""

    work: FlowWork
    action: Action
    row: ApprovalInstance
    user: Any
    permission: Permission
    # Counted before the act; None for steps that name a person.
    tally: StepTally | None
    comment: str
    idempotency_key: str | None

    def record(self, kind: EventKind, *, from_status: str, **data: Any) -> ApprovalEvent:
        """Note the act in the history."""
        return self.work.events.add(
            kind,
            instance=self.row,
            actor=self.user,
            on_behalf_of=self.permission.on_behalf_of,
            comment=self.comment,
            from_status=from_status,
            to_status=self.row.status,
            idempotency_key=self.idempotency_key,
            action=self.action.value,
            step=self.row.step_number,
            **data,
        )


def act_on(
    target: Model,
    user: Any,
    action: Action,
    execute: Callable[[Act], tuple[ApprovalEvent, ApprovalInstance | None]],
    *,
    comment: str = "",
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Let `user` act on a step, or on the step of an object or a flow that waits for them.

    `execute` does the act and returns its event with what the caller gets. Of several steps that
    wait, the one assigned to the person comes first. A repeated `idempotency_key` returns what the
    first call returned and changes nothing.
    """
    if not isinstance(target, Model):
        raise InvalidInput(_("Expected an object, its approval flow or one of its approval steps."))
    comment = checked_text("comment", comment)
    idempotency_key = checked_idempotency_key(idempotency_key)
    with work_on_flow(**_flow_of(target)) as work:
        earlier = _earlier_act(work, target, action, user, idempotency_key)
        if earlier is not None:
            return _repeated(work, target, earlier)
        work.require_version(expected_version)
        if work.flow.status == FlowStatus.ON_HOLD:
            raise on_hold()
        step_key = target.pk if isinstance(target, ApprovalInstance) else None
        rows = read_at_hand(work, user_key=_key_of_user(user), step_key=step_key)
        acting = _reloaded(user, rows, work.using)
        row, permission, tally = _choose(work, target, acting, rows)
        # Hooks that run before anything is written see who is about to act.
        row.action_user = acting
        act = Act(work, action, row, acting, permission, tally, comment, idempotency_key)
        event, result = execute(act)
        # Remembered for a repetition of the call.
        event.data["result"] = None if result is None else result.pk
    if isinstance(target, ApprovalInstance):
        bring_up_to_date(target, row)
    return result


def _flow_of(target: Model) -> dict[str, Any]:
    """What names the flow to `work_on_flow`."""
    if isinstance(target, ApprovalFlow):
        return {"flow_id": target.pk}
    if not isinstance(target, ApprovalInstance):
        return {"obj": target}
    if target.pk is None:
        raise InvalidInput(_("This step is not saved; it cannot be acted on."))
    return {"flow_id": target.flow_id}


def _key_of_user(user: Any) -> Any:
    return user.pk if isinstance(user, get_user_model()) else None


def _reloaded(user: Any, rows: Sequence[ApprovalInstance], using: str) -> Any:
    """Return the person as they are now, who may just have been read with a step of theirs."""
    key = _key_of_user(user)
    found = next((row.assigned_to for row in rows if row.assigned_to_id == key), None)
    if found is None or not reads_all_rows(get_user_model()._default_manager):
        return reload_user(user, using)
    return found


def _choose(
    work: FlowWork, target: Model, user: Any, rows: Sequence[ApprovalInstance]
) -> tuple[ApprovalInstance, Permission, StepTally | None]:
    """Return the row to act on, under the lock; raise when there is none or it is not allowed."""
    facts = Facts(user)
    for candidates in _candidates(work, target, user, rows):
        refused: Permission | None = None
        tallies: dict[tuple[int, str], StepTally] = {}
        for row in candidates:
            tally = _tally(row, user, tallies)
            permission = can_act(row, user, tally=tally, facts=facts)
            if permission:
                return row, permission, tally
            # The first refusal tells most: the person's own row comes first.
            refused = permission if refused is None else refused
    if refused is None:
        raise NoCurrentStep(_("No step of this object awaits a decision."), status=work.flow.status)
    raise ApprovalPermissionDenied(refused.reason, reason=refused.code)


def _candidates(
    work: FlowWork, target: Model, user: Any, rows: Sequence[ApprovalInstance]
) -> Iterator[Sequence[ApprovalInstance]]:
    """The rows that may be meant: those read already, then, where there are more, all of them."""
    if isinstance(target, ApprovalInstance):
        named = [row for row in rows if row.pk == target.pk]
        for row in named:
            require_current(row, target)
        yield named
        return
    yield [row for row in rows if row.status == ApprovalStatus.CURRENT]
    if len(rows) == MOST:
        yield read_all_open(work, _key_of_user(user))


def _tally(
    row: ApprovalInstance, user: Any, known: dict[tuple[int, str], StepTally]
) -> StepTally | None:
    if not row.has_strategy or user is None:
        return None
    step = (row.step_number, row.parallel_group)
    if step not in known:
        known[step] = tally_of(row, user)
    return known[step]


def require_current(row: ApprovalInstance, handed_in: ApprovalInstance) -> None:
    if row.status == ApprovalStatus.CURRENT:
        return
    bring_up_to_date(handed_in, row)
    if row.status == ApprovalStatus.PENDING:
        raise StepNotOpen(
            _("Step %(step)s cannot be acted on: its turn has not come yet.")
            % {"step": row.step_number},
            status=row.status,
        )
    raise already_processed(row)


def _earlier_act(
    work: FlowWork, target: Model, action: Action, user: Any, idempotency_key: str | None
) -> ApprovalEvent | None:
    """The event of the call that had this key: in this flow, or an earlier one of the object.

    An object may have got a new flow before its last one's answer was asked for again.
    """
    if idempotency_key is None:
        return None
    events = ApprovalEvent.objects.using(work.using)
    event = (
        events.filter(
            flow__content_type_id=work.flow.content_type_id,
            flow__object_id=work.flow.object_id,
            idempotency_key=idempotency_key,
        )
        .select_related("instance")
        .order_by("-pk")
        .first()
    )
    if event is None:
        return None
    same_act = event.data.get("action") == action.value
    same_person = event.actor_id == getattr(user, "pk", None)
    if not (same_act and same_person and _is_about(event, target)):
        raise IdempotencyKeyReused(
            _("This idempotency key was used for something else in this flow."),
            action=event.data.get("action"),
        )
    return event


def _is_about(event: ApprovalEvent, target: Model) -> bool:
    """Whether the event is about the flow or the step that the caller named, if they named one."""
    if isinstance(target, ApprovalFlow):
        return event.flow_id == target.pk
    if not isinstance(target, ApprovalInstance):
        return True
    return event.instance is not None and event.instance.step_key == target.step_key


def _repeated(work: FlowWork, target: Model, event: ApprovalEvent) -> ApprovalInstance | None:
    """What the first call returned; the instance handed in is brought up to date."""
    rows = ApprovalInstance.objects.using(work.using).select_related("flow", "assigned_to")
    if isinstance(target, ApprovalInstance):
        bring_up_to_date(target, rows.get(pk=target.pk))
    key = event.data.get("result")
    return None if key is None else rows.get(pk=key)
