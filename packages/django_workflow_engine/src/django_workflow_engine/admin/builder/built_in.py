"""Which fields the functions that come with the engine have, and which parameters those are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder import emails, parameters
from django_workflow_engine.admin.builder.nesting import RowMixin
from django_workflow_engine.admin.builder.parameters import OFFERED, Kind
from django_workflow_engine.admin.builder.vocabulary import (
    CALL_FUNCTION,
    EMAIL_FUNCTIONS,
    SET_FIELD,
    WEBHOOK,
    Choices,
    Vocabulary,
)
from django_workflow_engine.function_paths import registered_names


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the parameters of a function are laid out on the page."""

    # Fields of the form, and the parameter that each stands for.
    fields: Mapping[str, str]
    # The parameter whose entries are the rows; empty: the rows are the parameters without a field.
    rows: str = ""
    has_rows: bool = True


EMAIL = Layout(
    fields={
        "recipients": "recipients",
        "other_recipients": "recipients",
        "cc": "cc",
        "template": "template",
        "subject": "subject",
    }
)
LAYOUTS: Mapping[str, Layout] = {
    **dict.fromkeys(EMAIL_FUNCTIONS, EMAIL),
    WEBHOOK: Layout(
        fields={"url": "url", "secret": "secret", "timeout": "timeout"}, rows="headers"
    ),
    SET_FIELD: Layout(fields={"target_field": "field", "new_value": "value"}, has_rows=False),
    CALL_FUNCTION: Layout(fields={"called": "function"}, rows="kwargs"),
}
OTHER = Layout(fields={})


class BuiltInFields(forms.Form):
    """The fields of all built-in actions; those of the picked one count."""

    recipients = forms.MultipleChoiceField(
        label=_("to"), required=False, widget=forms.CheckboxSelectMultiple
    )
    other_recipients = emails.AddressesField(
        label=_("also to"), help_text=_("E-mail addresses, with commas between them.")
    )
    cc = emails.AddressesField(
        label=_("copy to"), help_text=_("E-mail addresses, with commas between them.")
    )
    subject = forms.CharField(
        label=_("subject"), required=False, help_text=_("Empty: the subject of the template.")
    )
    template = forms.CharField(
        label=_("template"),
        required=False,
        help_text=_("Name of an e-mail template; empty: the usual one."),
    )
    url = forms.CharField(
        label=_("address"),
        required=False,
        widget=forms.TextInput(
            attrs={"dir": "ltr", "inputmode": "url", "placeholder": "https://example.org/hook"}
        ),
    )
    secret = forms.ChoiceField(
        label=_("signed with"),
        required=False,
        help_text=_("The name of a secret in WEBHOOK_SECRETS."),
    )
    timeout = forms.IntegerField(
        label=_("seconds to wait for the answer"), required=False, min_value=1
    )
    target_field = forms.CharField(
        label=_("field of the object"),
        required=False,
        widget=forms.TextInput(attrs={"dir": "ltr"}),
    )
    value_kind = forms.ChoiceField(
        label=_("kind"), required=False, choices=OFFERED, initial=Kind.TEXT.value
    )
    new_value = forms.CharField(label=_("new value"), required=False)
    called = forms.ChoiceField(
        label=_("function of this project"),
        required=False,
        help_text=_("One that has a name given by @workflow_action."),
    )


# What is required of the fields of a function.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    WEBHOOK: ("url", "secret"),
    SET_FIELD: ("target_field",),
    CALL_FUNCTION: ("called",),
}


def layout_of(path: str) -> Layout:
    return LAYOUTS.get(path, OTHER)


def initial_of(path: str, stored: Any) -> dict[str, Any]:
    """Return stored parameters as the initial values of the function's fields."""
    if path in EMAIL_FUNCTIONS:
        return emails.initial_of(stored)
    values = {name: stored.get(key) for name, key in layout_of(path).fields.items()}
    if path == SET_FIELD:
        kind, text = parameters.write(stored.get("value", ""))
        values |= {"value_kind": kind, "new_value": text}
    return {name: "" if value is None else value for name, value in values.items()}


def rows_of(path: str, stored: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters that have no field of their own as initial values of rows."""
    layout = layout_of(path)
    if not layout.has_rows:
        return []
    if layout.rows:
        entries = stored.get(layout.rows)
        return parameters.initial_of(entries if isinstance(entries, Mapping) else {})
    return parameters.initial_of(stored, apart_from=layout.fields.values())


def stored_from(path: str, cleaned: Mapping[str, Any], rows: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields and rows as parameters; what is empty is left out."""
    if path in EMAIL_FUNCTIONS:
        return {**rows, **emails.stored(cleaned)}
    layout = layout_of(path)
    values = {key: cleaned.get(name) for name, key in layout.fields.items()}
    values = {key: value for key, value in values.items() if value not in (None, "")}
    if path == SET_FIELD:
        values["value"] = cleaned.get("parsed")
    if layout.rows:
        return {**values, **({layout.rows: dict(rows)} if rows else {})}
    return {**values, **rows} if layout.has_rows else values


def prepare(form: RowMixin, vocabulary: Vocabulary, stored: Mapping[str, Any]) -> None:
    """Give the fields their choices, what is stored among them."""
    _offer(form, "secret", vocabulary.secrets, stored.get("secret"))
    _offer(form, "called", [(name, name) for name in registered_names()], stored.get("called"))
    if stored.get("value_kind") == Kind.STRUCTURE:
        parameters.keep_structure(form, "value_kind", "new_value")


def _offer(form: RowMixin, name: str, choices: Choices, stored: Any) -> None:
    offered = [("", "---------"), *choices]
    if stored and stored not in dict(offered):
        offered.append((stored, str(_("%(value)s (not available)") % {"value": stored})))
    form.offer(name, offered)
