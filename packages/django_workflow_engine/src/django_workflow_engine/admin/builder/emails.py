"""The parameters of the built-in e-mails as form fields."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.template import TemplateDoesNotExist
from django.template.loader import select_template
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder.vocabulary import recipient_labels
from django_workflow_engine.conf import settings
from django_workflow_engine.notifications import TEMPLATES

# Parameters that have fields of their own here.
PARAMETERS = ("recipients", "cc", "template", "subject")


class AddressesField(forms.CharField):
    """Recipients with commas between them: e-mail addresses, keys of users, or words for people."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.TextInput, **kwargs)

    def clean(self, value: Any) -> list[Any]:
        text = super().clean(value)
        items = [item.strip() for item in text.split(",") if item.strip()]
        wrong = [item for item in items if not _is_recipient(item)]
        if wrong:
            raise ValidationError(
                _("Not an e-mail address, the key of a user, or one of %(words)s: %(wrong)s"),
                params={"words": ", ".join(recipient_labels()), "wrong": ", ".join(wrong)},
            )
        return [int(item) if item.isdecimal() else item for item in items]


def initial_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored parameters as the fields' initial values."""
    recipients = _listed(parameters.get("recipients"))
    words = recipient_labels()
    return {
        "recipients": [word for word in recipients if word in words],
        "other_recipients": _joined(word for word in recipients if word not in words),
        "cc": _joined(_listed(parameters.get("cc"))),
        "template": parameters.get("template") or "",
        "subject": parameters.get("subject") or "",
    }


def stored(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields' values as parameters; what is empty is left out."""
    values = {
        "recipients": [*cleaned["recipients"], *cleaned["other_recipients"]],
        "cc": cleaned["cc"],
        "template": cleaned["template"],
        "subject": cleaned["subject"],
    }
    return {name: value for name, value in values.items() if value}


def check_template(name: str) -> None:
    """Raise `ValidationError` when there is no e-mail of this name.

    A function in `WORKFLOW_SEND_EMAIL_FUNCTION` may know e-mails that Django has no templates of.
    """
    if not name or settings.send_email_function:
        return
    try:
        select_template([f"{TEMPLATES}/{name}.html", f"{TEMPLATES}/{name}.txt"])
    except TemplateDoesNotExist:
        raise ValidationError(
            _("There is no template %(path)s."), params={"path": f"{TEMPLATES}/{name}.txt"}
        ) from None


def _is_recipient(item: str) -> bool:
    return item in recipient_labels() or item.isdecimal() or _is_uuid(item) or _is_address(item)


def _is_uuid(item: str) -> bool:
    try:
        UUID(item)
    except ValueError:
        return False
    return True


def _is_address(item: str) -> bool:
    try:
        validate_email(item)
    except ValidationError:
        return False
    return True


def _listed(value: Any) -> list[Any]:
    if value in (None, ""):
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _joined(values: Any) -> str:
    return ", ".join(str(value) for value in values)
