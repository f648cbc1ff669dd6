"""The parameters of an action as rows of name, kind and value."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder.nesting import PlainFormSet, RowForm

YES = "yes"
NO = "no"


class Kind(TextChoices):
    """What a value is."""

    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")
    YES_NO = "yes_no", _("Yes or no")
    LIST = "list", _("List, with commas")
    STRUCTURE = "structure", _("Structure (JSON)")


class ParameterForm(RowForm):
    """One parameter."""

    name = forms.CharField(label=_("name"), max_length=100)
    kind = forms.ChoiceField(label=_("kind"), choices=Kind.choices, initial=Kind.TEXT.value)
    value = forms.CharField(label=_("value"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "kind" in cleaned and "value" in cleaned:
            try:
                cleaned["parsed"] = read(Kind(cleaned["kind"]), cleaned["value"])
            except forms.ValidationError as error:
                self.add_error("value", error)
        return cleaned


class ParameterRows(PlainFormSet):
    """All parameters of an action that have no field of their own."""

    def clean(self) -> None:
        names = [row.cleaned_data.get("name") for row in self.kept()]
        for row in self.kept():
            name = row.cleaned_data.get("name")
            if name is not None and names.count(name) > 1:
                row.add_error("name", _("There are several parameters of this name."))

    def stored(self) -> dict[str, Any]:
        return {row.cleaned_data["name"]: row.cleaned_data["parsed"] for row in self.kept()}


ParameterFormSet = forms.formset_factory(
    ParameterForm, formset=ParameterRows, extra=0, can_delete=True
)


def initial_of(parameters: Mapping[str, Any], *, apart_from: Iterable[str] = ()) -> list[Any]:
    """Return parameters as the rows' initial values."""
    left_out = set(apart_from)
    return [
        {"name": name, **dict(zip(("kind", "value"), write(value), strict=True))}
        for name, value in parameters.items()
        if name not in left_out
    ]


def read(kind: Kind, text: str) -> Any:
    """Return the value that a person wrote; raise `ValidationError` when it is none of its kind."""
    return _READERS[kind](text.strip() if kind is not Kind.TEXT else text)


def write(value: Any) -> tuple[str, str]:
    """Return kind and text of a value: what `read` makes the same value of."""
    if isinstance(value, bool):
        return Kind.YES_NO.value, YES if value else NO
    if isinstance(value, int | float):
        return Kind.NUMBER.value, str(value)
    if isinstance(value, str) and value == value.strip():
        return Kind.TEXT.value, value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = ", ".join(value)
        if _list(text) == value:
            return Kind.LIST.value, text
    return Kind.STRUCTURE.value, json.dumps(value, ensure_ascii=False)


def _text(text: str) -> str:
    return text


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise forms.ValidationError(_("Enter a number."))
    return number


def _yes_no(text: str) -> bool:
    answers = {YES: True, NO: False, str(_("yes")): True, str(_("no")): False}
    try:
        return answers[text.lower()]
    except KeyError:
        raise forms.ValidationError(_("Enter yes or no.")) from None


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _structure(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        raise forms.ValidationError(_("This is not valid JSON.")) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_READERS = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.YES_NO: _yes_no,
    Kind.LIST: _list,
    Kind.STRUCTURE: _structure,
}
