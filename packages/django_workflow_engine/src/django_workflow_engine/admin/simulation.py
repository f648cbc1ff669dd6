"""The way that an object would take, played in thought: nothing is stored."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder import Vocabulary
from django_workflow_engine.admin.builder.parameters import ParameterForm, ParameterRows
from django_workflow_engine.admin.preview import PreviewForm
from django_workflow_engine.choices import StageKind
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import SimulatedStep, Simulation, simulate

# Empty rows for browsers without scripts.
BLANK_ROWS = 2
# What conditions name, and the argument of `simulate` that gives it; other names are given as such.
ARGUMENT_OF = {"metadata": "metadata", "form": "form_data", "results": "results"}
LABELS = {
    **dict(StageKind.choices),
    "passed_over": _("Passed over"),
    "approves_itself": _("Approves itself"),
}

GivenFormSet = forms.formset_factory(
    ParameterForm, formset=ParameterRows, extra=BLANK_ROWS, can_delete=True
)


def simulation_context(
    site: AdminSite, request: HttpRequest, workflow: WorkFlow, vocabulary: Vocabulary
) -> dict[str, Any]:
    """Return the form, and once it is filled in the way of the object."""
    form = PreviewForm(site, request, request.GET if "key" in request.GET else None)
    given: Any = GivenFormSet(
        request.GET if "given-TOTAL_FORMS" in request.GET else None,
        prefix="given",
        form_kwargs={"vocabulary": vocabulary},
    )
    context: dict[str, Any] = {"form": form, "given": given, "steps": None, "problems": {}}
    # Both, so that all mistakes are told at once.
    if all([form.is_valid(), given.is_valid() or not given.is_bound]):
        obj, user = form.cleaned_data["obj"], form.cleaned_data["started_by"] or request.user
        context |= {"obj": obj, "started_by": user}
        try:
            played = simulate(
                workflow, obj, user, **arguments_of(given.stored() if given.is_bound else {})
            )
        except InvalidConfiguration as error:
            context["problems"] = dict(error.errors)
        else:
            context |= {"played": played, "steps": _shown(played)}
    return context


def arguments_of(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what was typed as arguments of `simulate`: "results.check.score" names its place."""
    arguments: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        first, *rest = path.split(".")
        known = first in ARGUMENT_OF and rest
        name = ARGUMENT_OF[first] if known else "context_data"
        *parents, last = rest if known else [first, *rest]
        inside = arguments.setdefault(name, {})
        for parent in parents:
            below = inside.get(parent)
            inside[parent] = below if isinstance(below, dict) else {}
            inside = inside[parent]
        inside[last] = value
    return arguments


def _shown(played: Simulation) -> Iterable[tuple[SimulatedStep, str]]:
    return [(step, str(LABELS[step.kind.value])) for step in played.steps]
