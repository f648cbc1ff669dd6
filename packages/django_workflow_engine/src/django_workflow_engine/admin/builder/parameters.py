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
    NUMBERS = "numbers", _("List of numbers, with commas")
    NOTHING = "nothing", _("Nothing")
    # What programs store and rows cannot show: it stays as it is, or is removed.
    STRUCTURE = "structure", _("Structure, kept as it is")


# What people can pick.
OFFERED = [(kind.value, kind.label) for kind in Kind if kind is not Kind.STRUCTURE]


class ValueForm(RowForm):
    """A row with a value of a kind."""

    kind = forms.ChoiceField(label=_("kind"), choices=OFFERED, initial=Kind.TEXT.value)
    value = forms.CharField(label=_("value"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.initial.get("kind") == Kind.STRUCTURE:
            keep_structure(self, "kind", "value")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        parse(self, cleaned)
        return cleaned


class ParameterForm(ValueForm):
    """One parameter."""

    css = {"name": "wb-title-source", "value": "wb-wide"}
    marked = ("name",)

    name = forms.CharField(label=_("name"), max_length=100)

    field_order = ("name", "kind", "value")


class ParameterRows(PlainFormSet):
    """All parameters of an action that have no field of their own."""

    kind = "parameter"

    def clean(self) -> None:
        names = [row.cleaned_data.get("name") for row in self.kept()]
        for row, name in zip(self.kept(), names, strict=True):
            if name is not None and names.count(name) > 1:
                row.add_error("name", _("There are several parameters of this name."))

    def stored(self) -> dict[str, Any]:
        return {row.cleaned_data["name"]: row.cleaned_data["parsed"] for row in self.kept()}


ParameterFormSet = forms.formset_factory(
    ParameterForm, formset=ParameterRows, extra=0, can_delete=True
)


def _write_list(values: list[Any]) -> tuple[str, str]:
    if all(isinstance(item, str) for item in values):
        text = ", ".join(values)
        if _list(text) == values:
            return Kind.LIST.value, text
    elif all(map(_is_number, values)):
        return Kind.NUMBERS.value, ", ".join(map(str, values))
    return Kind.STRUCTURE.value, json.dumps(values, ensure_ascii=False)


def keep_structure(form: forms.BaseForm, kind: str, value: str) -> None:
    """Let the fields of a stored structure show it and send it back."""
    kind_field: Any = form.fields[kind]
    kind_field.choices = [(Kind.STRUCTURE.value, Kind.STRUCTURE.label)]
    form.fields[value].widget.attrs.update(readonly=True, dir="ltr")


def parse(form: Any, cleaned: dict[str, Any], kind: str = "kind", value: str = "value") -> None:
    """Put what the fields of kind and value mean into `cleaned`, as "parsed"."""
    if kind in cleaned and value in cleaned:
        try:
            cleaned["parsed"] = read(Kind(cleaned[kind]), cleaned[value])
        except forms.ValidationError as error:
            form.add_error(value, error)


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
    if _is_number(value):
        return Kind.NUMBER.value, str(value)
    if isinstance(value, str) and value == value.strip():
        return Kind.TEXT.value, value
    if value is None:
        return Kind.NOTHING.value, ""
    if isinstance(value, list):
        return _write_list(value)
    return Kind.STRUCTURE.value, json.dumps(value, ensure_ascii=False)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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


def _numbers(text: str) -> list[int | float]:
    return [_number(item) for item in _list(text)]


def _nothing(text: str) -> None:
    if text:
        raise forms.ValidationError(_("Leave this empty, or choose another kind."))


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
    Kind.NUMBERS: _numbers,
    Kind.NOTHING: _nothing,
    Kind.STRUCTURE: _structure,
}
