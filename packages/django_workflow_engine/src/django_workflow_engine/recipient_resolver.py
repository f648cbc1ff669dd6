"""From the recipients that an action names to e-mail addresses."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Model

from approval_workflow.models import ApprovalInstance
from django_workflow_engine.conf import settings
from django_workflow_engine.models import WorkflowAttachment

logger = logging.getLogger(__name__)

Finder = Callable[[WorkflowAttachment, Mapping[str, Any]], Iterable[Any]]


def resolve_recipients(
    recipient_types: Any, workflow_attachment: WorkflowAttachment, **context: Any
) -> list[str]:
    """Return the addresses of the recipients in order, each once whatever its letters' case.

    A recipient is one of the words `creator`, `current_approver`, `delegated_to` (from the context)
    and `workflow_starter`, an e-mail address, a user, or a user's key. Inactive users and users
    without an address are left out; anything else is logged and left out.
    """
    if isinstance(recipient_types, str | Model):
        recipient_types = [recipient_types]
    found = list(_found(recipient_types or (), workflow_attachment, context))
    users = _users_by_key(item for item in found if isinstance(item, _Key))
    addresses = (_address(users.get(item) if isinstance(item, _Key) else item) for item in found)
    first_spelling: dict[str, str] = {}
    for address in addresses:
        if address:
            first_spelling.setdefault(address.casefold(), address)
    return list(first_spelling.values())


def is_recipient(value: Any) -> bool:
    """Return whether `resolve_recipients` knows what this stands for, somebody there or not."""
    known = isinstance(value, str) and value.strip() in WORDS
    return known or _is_user(value) or _is_address(value) or _is_key(value)


def creator_of(obj: Model | None) -> Any:
    """Return the user in the first of `CREATOR_FIELDS` in which the object has one, or None."""
    people = (getattr(obj, field, None) for field in settings.creator_fields)
    return next((person for person in people if _is_user(person)), None)


class _Key(str):
    """A user's key, as text."""

    __slots__ = ()


def _found(
    recipients: Iterable[Any], attachment: WorkflowAttachment, context: Mapping[str, Any]
) -> Iterator[Any]:
    """Yield users, addresses as text, and keys of users."""
    for recipient in recipients:
        if isinstance(recipient, str) and recipient.strip() in WORDS:
            yield from WORDS[recipient.strip()](attachment, context)
        elif _is_user(recipient) or _is_address(recipient):
            yield recipient
        elif _is_key(recipient):
            yield _Key(recipient)
        else:
            logger.warning("Unknown recipient %r is left out", recipient)


def _creator(attachment: WorkflowAttachment, _context: Mapping[str, Any]) -> Iterable[Any]:
    return [creator_of(attachment.target) or attachment.started_by]


def _current_approver(attachment: WorkflowAttachment, _context: Mapping[str, Any]) -> Iterable[Any]:
    """Whoever is asked now."""
    if attachment.flow_id is None:
        return []
    steps = ApprovalInstance.objects.filter(flow_id=attachment.flow_id).current().in_order()
    return [step.assigned_to for step in steps.select_related("assigned_to")]


def _delegated_to(_attachment: WorkflowAttachment, context: Mapping[str, Any]) -> Iterable[Any]:
    person = context.get("delegated_to")
    return [_Key(person) if _is_key(person) else person]


def _starter(attachment: WorkflowAttachment, _context: Mapping[str, Any]) -> Iterable[Any]:
    return [attachment.started_by]


WORDS: dict[str, Finder] = {
    "creator": _creator,
    "current_approver": _current_approver,
    "delegated_to": _delegated_to,
    "workflow_starter": _starter,
}


def _is_user(value: Any) -> bool:
    return isinstance(value, get_user_model())


def _is_address(value: Any) -> bool:
    if not isinstance(value, str) or "@" not in value:
        return False
    try:
        validate_email(value.strip())
    except ValidationError:
        return False
    return True


def _is_key(value: Any) -> bool:
    """Whether this can be the key of a user, as it is or as text."""
    if not isinstance(value, int | str | UUID) or isinstance(value, bool) or "@" in str(value):
        return False
    try:
        get_user_model()._meta.pk.to_python(value)
    except (ValidationError, TypeError, ValueError):
        return False
    return True


def _users_by_key(keys: Iterable[_Key]) -> dict[str, Any]:
    wanted = set(keys)
    if not wanted:
        return {}
    users = get_user_model()._base_manager.filter(pk__in=wanted)
    return {_Key(user.pk): user for user in users}


def _address(recipient: Any) -> str:
    if isinstance(recipient, str):
        return recipient.strip()
    if not _is_user(recipient) or not recipient.is_active:
        return ""
    return str(getattr(recipient, recipient.get_email_field_name(), "") or "").strip()
