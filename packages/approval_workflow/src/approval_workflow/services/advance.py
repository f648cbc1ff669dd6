"""One entrance to all decisions, by the name of the action."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import Action
from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalInstance
from approval_workflow.services.approve import approve
from approval_workflow.services.claim import claim, release
from approval_workflow.services.delegate import delegate
from approval_workflow.services.escalate import escalate
from approval_workflow.services.reject import reject
from approval_workflow.services.resubmit import request_resubmission

# The verb of each action, and the argument of advance_flow that only this verb takes.
_VERBS: dict[Action, tuple[Callable[..., ApprovalInstance | None], str | None]] = {
    Action.APPROVE: (approve, "form_data"),
    Action.REJECT: (reject, None),
    Action.RESUBMIT: (request_resubmission, "resubmission_steps"),
    Action.DELEGATE: (delegate, "delegate_to"),
    Action.ESCALATE: (escalate, "escalate_to"),
    Action.CLAIM: (claim, None),
    Action.RELEASE: (release, None),
}


def advance_flow(
    obj_or_instance: Model | None = None,
    action: object = None,
    user: Any = None,
    *,
    instance: ApprovalInstance | None = None,
    comment: str = "",
    form_data: Mapping[str, Any] | None = None,
    resubmission_steps: Sequence[Mapping[str, Any]] | None = None,
    delegate_to: Any = None,
    escalate_to: Any = None,
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> ApprovalInstance | None:
    """Act on a step (`instance=`), or on the step of an object that waits for `user`.

    In place of an object one of its flows can be named (`ApprovalFlow`): then nothing is done to
    one that has begun since.

    `action` is a member of `Action` or `ApprovalStatus`, its name or value, or a verb, in any case:
    approved, rejected, resubmission (with `resubmission_steps`), delegated (with `delegate_to`),
    escalated (`escalate_to` may be left out), claimed, released.
    `idempotency_key` (text of at most 200 characters) makes a repeated call harmless;
    `expected_version` refuses to act on a flow that has changed since it was read.

    Returns the next current instance, an open instance of the same step while a vote goes on, or
    None when the flow has ended, waits or was put on hold. Events and errors are those of the verb.
    """
    target = instance if instance is not None else obj_or_instance
    if target is None or None not in (instance, obj_or_instance):
        raise InvalidInput(_("Expected an object, its approval flow or one of its approval steps."))
    verb, own_argument = _VERBS[Action.parse(action)]
    arguments: dict[str, Any] = {
        "form_data": form_data,
        "resubmission_steps": resubmission_steps,
        "delegate_to": delegate_to,
        "escalate_to": escalate_to,
    }
    own = {own_argument: arguments[own_argument]} if own_argument else {}
    return verb(
        target,
        user,
        comment=comment,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
        **own,
    )
