"""Take the step of a role for oneself, and give it back."""

from typing import Any

from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.choices import Action, ApprovalStatus, EventKind
from approval_workflow.exceptions import Conflict
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services._acting import Act, act_on
from approval_workflow.services._builder import build_for
from approval_workflow.services._closing import change_current
from approval_workflow.strategies import strategy_of


def claim(
    instance_or_obj: Model,
    user: Any,
    *,
    comment: str = "",
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Take a step that any holder of a role can decide; until it is released the others cannot.

    Returns the claimed row, which is still current.
    Events: `claimed`. Raises as `approve` does, and `Conflict` for a step that is not one for
    anybody of a role, or that is claimed already.
    """
    return act_on(
        instance_or_obj,
        user,
        Action.CLAIM,
        _claim,
        comment=comment,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
    )


def release(
    instance_or_obj: Model,
    user: Any,
    *,
    comment: str = "",
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Give a claimed step back to all holders of the role. Returns the row, still current.

    Events: `released`. Raises as `approve` does, and `Conflict` when it is not claimed.
    """
    return act_on(
        instance_or_obj,
        user,
        Action.RELEASE,
        _release,
        comment=comment,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
    )


def _claim(act: Act) -> tuple[ApprovalEvent, ApprovalInstance]:
    if not strategy_of(act.row).admits_new_holders:
        raise Conflict(_("Only a step for anybody of a role can be claimed."))
    if act.row.claimed_at is not None:
        raise Conflict(_("This step is claimed already."))
    row = _own_row(act)
    # Whoever claimed it before is inactive or has left the role: else this act were refused.
    _open_rows(act).exclude(claimed_at=None).update(claimed_at=None)
    change_current(act.work, row, claimed_at=timezone.now())
    event = act.record(EventKind.CLAIMED, from_status=ApprovalStatus.CURRENT)
    event.instance = row
    return event, row


def _own_row(act: Act) -> ApprovalInstance:
    """The person's own row; whoever got the role after the step opened gets one now."""
    if act.permission.code != "role_holder":
        return act.row
    own = _open_rows(act).filter(assigned_to=act.user).first()
    if own is not None:
        own.flow = act.work.flow
        return own
    row = build_for(act.row, act.user)
    row.save(using=act.work.using, force_insert=True)
    return row


def _open_rows(act: Act) -> "QuerySet[ApprovalInstance]":
    return ApprovalInstance.objects.using(act.work.using).same_step(act.row).current()


def _release(act: Act) -> tuple[ApprovalEvent, ApprovalInstance]:
    if act.row.claimed_at is None:
        raise Conflict(_("This step is not claimed."))
    change_current(act.work, act.row, claimed_at=None)
    return act.record(EventKind.RELEASED, from_status=ApprovalStatus.CURRENT), act.row
