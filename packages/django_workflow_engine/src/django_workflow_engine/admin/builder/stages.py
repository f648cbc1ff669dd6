"""A stage as form fields, with its approvals and actions, and with what else it may wait for."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder import waiting, ways
from django_workflow_engine.admin.builder.actions import StageActionFormSet
from django_workflow_engine.admin.builder.configured import PlaceForm
from django_workflow_engine.admin.builder.nesting import NestedFormSet
from django_workflow_engine.admin.builder.objects import FORM
from django_workflow_engine.admin.builder.parameters import ParameterFormSet
from django_workflow_engine.admin.builder.references import ObjectField
from django_workflow_engine.admin.builder.vocabulary import OTHER_FUNCTION
from django_workflow_engine.admin.builder.waiting import StatusFormSet, WaitingFields
from django_workflow_engine.admin.builder.ways import RouteFormSet, WayFields
from django_workflow_engine.choices import StageKind
from django_workflow_engine.definition.grouping import CODE, CODE_EXPECTED
from django_workflow_engine.models import Pipeline, Stage
from django_workflow_engine.schemas import validate_stage

# Where errors of the configuration are shown that are not at the field of their name.
FIELD_OF_ERROR = {
    "job": "job_function",
    "timer": "timer_length",
    "timer.duration": "timer_length",
    "timer.until": "timer_until",
}
# When a field applies; for scripts.
SHOWN_WHEN = {
    **ways.SHOWN_WHEN,
    "job_path": f"job_function={OTHER_FUNCTION}",
    "approve_when": waiting.PARTS_SHOWN_WHEN["approval"],
    "required_form": waiting.PARTS_SHOWN_WHEN["approval"],
}


class StageForm(WaitingFields, WayFields, PlaceForm):
    """One stage; its approvals are asked for one after the other."""

    info_field = "stage_info"
    css = {
        **PlaceForm.css,
        "color": "wb-color",
        "required_form": "wb-person",
        "job_function": "wb-wide",
        "job_path": "wb-wide wb-path",
        "timer_until": "wb-wide wb-path",
        "skip_when": "wb-wide wb-path",
        "approve_when": "wb-wide wb-path",
    }
    marked = (*PlaceForm.marked, "job_function", "job_path")
    parts_shown_when = waiting.PARTS_SHOWN_WHEN

    color = forms.CharField(
        label=_("colour"),
        required=False,
        max_length=7,
        widget=forms.TextInput(attrs={"placeholder": "#3498db", "dir": "ltr", "size": 8}),
    )

    class Meta:
        model = Stage
        fields = ("name_en", "name_ar", "code", "order")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(
            color=self.info.get("color") or "",
            **waiting.initial_of(self.info, self.vocabulary),
            **ways.initial_of(self.info),
        )
        self.offer("job_function", self.vocabulary.job_functions)
        self.fields["order"].required = False
        self.fields["code"].help_text = _("The name by which routes and conditions call it.")
        if self.vocabulary.has_forms:
            self.fields["required_form"] = ObjectField(
                FORM, self.vocabulary, label=_("form of approvals that have none of their own")
            )
            self.initial["required_form"] = str(self._form_info.get("required_form") or "")

    def shown_when(self, name: str) -> str:
        return SHOWN_WHEN.get(name, "")

    @property
    def _form_info(self) -> dict[str, Any]:
        info = self.instance.form_info
        return info if isinstance(info, dict) else {}

    def make_children(self) -> Mapping[str, Any]:
        children = {
            "approvals": self.approvals_below(),
            "parameters": self.child(
                ParameterFormSet, "parameters", initial=waiting.job_parameters_of(self.info)
            ),
            "statuses": self.child(
                StatusFormSet, "statuses", initial=waiting.statuses_of(self.info)
            ),
            "routes": self.child(RouteFormSet, "routes", initial=ways.routes_of(self.info)),
        }
        if self.vocabulary.may_edit_actions:
            children["actions"] = self.child(StageActionFormSet, "actions", instance=self.instance)
        return children

    @property
    def has_unusual_ways(self) -> bool:
        """Whether it has routes or conditions, or errors there: then they are shown."""
        names = ("code", "skip_when", "approve_when", "parallel_group", "max_visits")
        routes = self.children["routes"]
        return bool(
            any(self[name].value() or self[name].errors for name in names)
            or self["join_count"].errors
            or routes.total_form_count()
        )

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"] or "").strip()
        if code and not CODE.match(code):
            raise forms.ValidationError(CODE_EXPECTED)
        return code

    def clean(self) -> dict[str, Any]:
        ways.clean_group(self, self.cleaned_data)
        return super().clean()

    def set_info(self, info: dict[str, Any], cleaned: dict[str, Any]) -> None:
        if self.errors:
            return
        form = self._form_info
        if self.vocabulary.has_forms:
            form = {**form, "required_form": cleaned["required_form"]}
        asks_people = (cleaned["kind"] or StageKind.APPROVAL) == StageKind.APPROVAL
        statuses = [row.stored() for row in self.children["statuses"].kept()]
        routes = [row.stored() for row in self.children["routes"].kept()]
        self.instance.stage_info, self.instance.form_info = validate_stage(
            {
                "approvals": info["approvals"] if asks_people else [],
                "color": cleaned["color"] or None,
                **waiting.stored_from(cleaned, self.children["parameters"].stored(), statuses),
                **ways.stored_from(cleaned, routes),
            },
            form,
        )

    def field_of_error(self, path: str) -> str | None:
        if path == "job.function":
            return "job_function" if self.cleaned_data["job_function"] else "job_path"
        path = path.removeprefix("form_info.")
        return super().field_of_error(FIELD_OF_ERROR.get(path, path))


class StageRows(NestedFormSet):
    """The stages of one pipeline."""

    kind = "stage"


StageFormSet: Any = forms.inlineformset_factory(
    Pipeline, Stage, form=StageForm, formset=StageRows, extra=0, can_delete=True
)
