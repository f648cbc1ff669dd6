"""What a stage waits for, as form fields: a job, time that passes, statuses of its own."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder import parameters
from django_workflow_engine.admin.builder.lengths import LengthField
from django_workflow_engine.admin.builder.lengths import write as length_in_words
from django_workflow_engine.admin.builder.nesting import PlainFormSet, RowForm
from django_workflow_engine.admin.builder.vocabulary import OTHER_FUNCTION, Vocabulary
from django_workflow_engine.choices import StageKind

# Parts of the form that are shown when the stage is of a kind; for templates.
PARTS_SHOWN_WHEN = {kind.value: f"kind={kind.value}" for kind in StageKind}


def condition_field(label: Any, help_text: Any = "") -> forms.CharField:
    """Return a field for an expression in CEL."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        widget=forms.TextInput(attrs={"dir": "ltr", "spellcheck": "false"}),
    )


class Effect(TextChoices):
    """What setting a status does."""

    NOTHING = "", _("the object stays")
    COMPLETES = "completes", _("the stage is done")
    REJECTS = "rejects", _("the workflow is rejected")


class StatusForm(RowForm):
    """One of a stage's own statuses."""

    css = {"name": "wb-title-source"}
    marked = ("name",)

    name = forms.CharField(label=_("status"), max_length=100)
    effect = forms.ChoiceField(label=_("when it is set"), choices=Effect.choices, required=False)
    default = forms.BooleanField(label=_("the stage begins with it"), required=False)

    def stored(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        effect = {cleaned["effect"]: True} if cleaned["effect"] else {}
        return {"name": cleaned["name"], "default": cleaned["default"], **effect}


class StatusRows(PlainFormSet):
    """All statuses of a stage."""

    kind = "status"


StatusFormSet = forms.formset_factory(StatusForm, formset=StatusRows, extra=0, can_delete=True)


class WaitingFields(forms.Form):
    """The fields of all kinds of stages; those of the picked one count."""

    kind = forms.ChoiceField(
        label=_("what it waits for"),
        choices=StageKind.choices,
        required=False,
        initial=StageKind.APPROVAL.value,
    )
    job_function = forms.ChoiceField(label=_("what is done"), required=False)
    job_path = forms.CharField(
        label=_("path of the function"),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"dir": "ltr"}),
        help_text=_("For example: shop.workflows.check_credit"),
    )
    timer_length = LengthField(label=_("how long"))
    timer_until = condition_field(
        _("or until"), _("An expression of a moment. For example: object.deadline")
    )


def initial_of(info: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what is stored of the kind as the initial values of the fields."""
    path = str(_part(info, "job").get("function") or "")
    length, until = timer_of(info)
    listed = path in dict(vocabulary.job_functions)
    return {
        "kind": info.get("kind") or StageKind.APPROVAL.value,
        "job_function": path if listed else OTHER_FUNCTION,
        "job_path": "" if listed else path,
        "timer_length": length,
        "timer_until": until,
    }


def timer_of(info: Mapping[str, Any]) -> tuple[str, str]:
    """Return how long the stage waits, in words, and until which moment; one of them is empty."""
    timer = _part(info, "timer")
    return length_in_words(timer.get("duration")), str(timer.get("until") or "")


def job_parameters_of(info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the stored parameters of the job as the rows' initial values."""
    stored = _part(info, "job").get("parameters")
    return parameters.initial_of(stored if isinstance(stored, Mapping) else {})


def statuses_of(info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the stored statuses as the rows' initial values."""
    stored = info.get("statuses")
    rows: Iterable[Any] = stored if isinstance(stored, list) else []
    return [_status(row) for row in rows if isinstance(row, Mapping)]


def stored_from(
    cleaned: Mapping[str, Any], job_parameters: Mapping[str, Any], statuses: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what the fields say of the kind as it is stored; the others' fields are left out."""
    kind = cleaned["kind"] or StageKind.APPROVAL.value
    path = cleaned["job_function"] or cleaned["job_path"].strip()
    timer = {"duration": cleaned["timer_length"], "until": cleaned["timer_until"]}
    by_kind: Mapping[str, dict[str, Any]] = {
        StageKind.JOB.value: {"job": {"function": path, "parameters": dict(job_parameters)}},
        StageKind.TIMER.value: {
            "timer": {key: value for key, value in timer.items() if value != ""}
        },
        StageKind.STATUS.value: {"statuses": statuses},
    }
    return {"kind": kind, **by_kind.get(kind, {})}


def _part(info: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = info.get(key)
    return part if isinstance(part, Mapping) else {}


def _status(stored: Mapping[str, Any]) -> dict[str, Any]:
    effects = (Effect.COMPLETES.value, Effect.REJECTS.value)
    return {
        "name": stored.get("name", ""),
        "effect": next((effect for effect in effects if stored.get(effect)), ""),
        "default": bool(stored.get("default")),
    }
