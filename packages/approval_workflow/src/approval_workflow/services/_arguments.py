"""What callers hand in beside steps, checked."""

from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import InvalidInput
from approval_workflow.forms import is_json
from approval_workflow.models import ApprovalEvent


def checked_text(name: str, value: Any) -> str:
    """Return the text, "" for None; raise `InvalidInput` for what a database cannot keep."""
    if value is None:
        return ""
    if not isinstance(value, str) or not is_json(value):
        raise InvalidInput(_("%(name)s: expected text without NUL characters.") % {"name": name})
    return value


def checked_person(name: str, value: Any) -> Any:
    """Return the user, or None; raise `InvalidInput` for anything else."""
    if value is None or isinstance(value, get_user_model()):
        return value
    raise InvalidInput(_("%(name)s: expected a user.") % {"name": name})


def checked_idempotency_key(value: Any) -> str | None:
    """Return the key, or None; raise `InvalidInput` for what is no key."""
    if value is None:
        return None
    most = getattr(ApprovalEvent._meta.get_field("idempotency_key"), "max_length", None) or 0
    if not isinstance(value, str) or not 0 < len(value) <= most or not is_json(value):
        raise InvalidInput(
            _("idempotency_key: expected text of 1 to %(most)s characters.") % {"most": most}
        )
    return value
