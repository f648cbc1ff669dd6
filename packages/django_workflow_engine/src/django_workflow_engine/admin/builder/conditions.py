"""The conditions of an action as rows: a field of the object, a comparison, a value."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder.nesting import PlainFormSet
from django_workflow_engine.admin.builder.parameters import ValueForm, write

SEPARATOR = "__"


class Comparison(TextChoices):
    """The look-ups that have a name here; any other is written behind the field."""

    EXACT = "exact", _("is")
    GT = "gt", _("is more than")
    GTE = "gte", _("is at least")
    LT = "lt", _("is less than")
    LTE = "lte", _("is at most")
    IN = "in", _("is one of")
    ICONTAINS = "icontains", _("contains")
    ISNULL = "isnull", _("is empty (yes or no)")


class ConditionForm(ValueForm):
    """One look-up that the object must satisfy."""

    css = {"path": "wb-title-source wb-path", "value": "wb-wide"}
    marked = ("path",)

    path = forms.CharField(
        label=_("field of the object"),
        max_length=200,
        widget=forms.TextInput(attrs={"dir": "ltr"}),
        help_text=_("For example amount, or department__name."),
    )
    comparison = forms.ChoiceField(
        label=_("comparison"), choices=Comparison.choices, initial=Comparison.EXACT.value
    )

    field_order = ("path", "comparison", "kind", "value")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "path" in cleaned and "comparison" in cleaned:
            cleaned["look_up"] = _look_up(cleaned["path"].strip(), cleaned["comparison"])
        return cleaned


class ConditionRows(PlainFormSet):
    """All conditions of an action; each must hold."""

    kind = "condition"

    def clean(self) -> None:
        look_ups = [row.cleaned_data.get("look_up") for row in self.kept()]
        for row, look_up in zip(self.kept(), look_ups, strict=True):
            if look_up is not None and look_ups.count(look_up) > 1:
                row.add_error("path", _("This is asked twice."))

    def stored(self) -> dict[str, Any]:
        return {row.cleaned_data["look_up"]: row.cleaned_data["parsed"] for row in self.kept()}


ConditionFormSet = forms.formset_factory(
    ConditionForm, formset=ConditionRows, extra=0, can_delete=True
)


def initial_of(conditions: Any) -> list[dict[str, Any]]:
    """Return stored conditions as the rows' initial values."""
    if not isinstance(conditions, Mapping):
        return []
    return [_row(str(look_up), value) for look_up, value in conditions.items()]


def in_words(conditions: Any) -> list[str]:
    """Return stored conditions as texts for those who only look."""
    labels = dict(Comparison.choices)
    return [
        f"{row['path']} {labels[row['comparison']]} {row['value']}"
        for row in initial_of(conditions)
    ]


def _row(look_up: str, value: Any) -> dict[str, Any]:
    path, _separator, comparison = look_up.rpartition(SEPARATOR)
    # "exact" that was written out stays behind the field, so that it is stored as it was.
    named = path and comparison in Comparison.values and comparison != Comparison.EXACT
    kind, text = write(value)
    return {
        "path": path if named else look_up,
        "comparison": comparison if named else Comparison.EXACT.value,
        "kind": kind,
        "value": text,
    }


def _look_up(path: str, comparison: str) -> str:
    return path if comparison == Comparison.EXACT else f"{path}{SEPARATOR}{comparison}"
