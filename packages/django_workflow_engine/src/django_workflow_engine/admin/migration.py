"""Moving objects that are under way to another version: shown first, then done."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approval_workflow.exceptions import ApprovalError
from django_workflow_engine.admin.builder.labelled import LabelledMixin
from django_workflow_engine.definition import (
    PlaceDefinition,
    WorkflowDefinition,
    compile_definition,
)
from django_workflow_engine.exceptions import InvalidConfiguration, PlacesNotMapped
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import Version, migrate_running, versions_of

MAPPED = "place-"


class MigrationForm(LabelledMixin, forms.Form):
    """Asks for the version, the reason, and where objects go whose place is gone."""

    to_version = forms.TypedChoiceField(
        label=gettext_lazy("to version"), coerce=int, empty_value=None, required=False
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Kept in the history of each object."),
        widget=AdminTextareaWidget(attrs={"rows": 2, "dir": "auto"}),
    )

    def __init__(self, template: WorkFlow, data: Any = None) -> None:
        super().__init__(data)
        versions = versions_of(template)
        field: Any = self.fields["to_version"]
        numbers = [(version.number, str(version.number)) for version in versions]
        field.choices = [("", _("the workflow as it is now")), *numbers]
        self._offer_places(template, versions)

    def css_of(self, name: str) -> str:
        return "wb-line"

    def is_marked(self, name: str) -> bool:
        return self.fields[name].required

    def mapping(self) -> dict[Any, Any]:
        """Return where objects go, by place."""
        return {
            name.removeprefix(MAPPED): goal
            for name, goal in self.cleaned_data.items()
            if name.startswith(MAPPED) and goal
        }

    def _offer_places(self, template: WorkFlow, versions: list[Version]) -> None:
        """Ask for a goal of each place that the workflow does not have any more."""
        now = compile_definition(template.pk)
        goals = [("", "---------"), *((place.label, place.label) for place in now.places)]
        for place in _gone(now, versions):
            self.fields[f"{MAPPED}{place.label}"] = forms.ChoiceField(
                label=_("objects at “%(place)s” go to") % {"place": place.label},
                required=False,
                choices=goals,
            )


def migration_context(template: WorkFlow, user: Any, data: Any) -> dict[str, Any]:
    """Return the form and, once it is sent, what happened or would happen.

    `data` with "confirmed" moves the objects; without it, it is tried and taken back.
    """
    try:
        form = MigrationForm(template, data)
    except InvalidConfiguration as error:
        return {"problems": dict(error.errors)}
    context: dict[str, Any] = {"form": form, "report": None, "problems": {}}
    if form.is_bound and form.is_valid():
        try:
            context["report"] = migrate_running(
                template,
                form.cleaned_data["to_version"],
                form.mapping(),
                dry_run="confirmed" not in data,
                user=user,
                reason=form.cleaned_data["reason"],
            )
        except PlacesNotMapped as error:
            context["problems"] = dict(error.errors)
        except ApprovalError as error:
            form.add_error(None, error.message)
    return context


def _gone(now: WorkflowDefinition, versions: list[Version]) -> list[PlaceDefinition]:
    """The places of versions that objects run on which the workflow does not have any more."""
    known = {place.template_key for place in now.places}
    running = [compile_definition(row.workflow.pk) for row in versions if row.running]
    gone = {
        place.label: place
        for definition in running
        for place in definition.places
        if place.template_key not in known
    }
    return list(gone.values())
