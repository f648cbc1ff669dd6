"""A stage as form fields, with its approvals and actions."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder.actions import StageActionFormSet
from django_workflow_engine.admin.builder.configured import PlaceForm
from django_workflow_engine.admin.builder.nesting import NestedFormSet
from django_workflow_engine.admin.builder.objects import FORM
from django_workflow_engine.admin.builder.references import ObjectField
from django_workflow_engine.models import Pipeline, Stage
from django_workflow_engine.schemas import validate_stage


class StageForm(PlaceForm):
    """One stage; its approvals are asked for one after the other."""

    info_field = "stage_info"
    css = {**PlaceForm.css, "color": "wb-color", "required_form": "wb-person"}

    color = forms.CharField(
        label=_("colour"),
        required=False,
        max_length=7,
        widget=forms.TextInput(attrs={"placeholder": "#3498db", "dir": "ltr", "size": 8}),
    )

    class Meta:
        model = Stage
        fields = ("name_en", "name_ar", "order")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["color"] = self.info.get("color") or ""
        self.fields["order"].required = False
        if self.vocabulary.has_forms:
            self.fields["required_form"] = ObjectField(
                FORM, self.vocabulary, label=_("form of approvals that have none of their own")
            )
            self.initial["required_form"] = str(self._form_info.get("required_form") or "")

    @property
    def _form_info(self) -> dict[str, Any]:
        info = self.instance.form_info
        return info if isinstance(info, dict) else {}

    def make_children(self) -> Mapping[str, Any]:
        children = {"approvals": self.approvals_below()}
        if self.vocabulary.may_edit_actions:
            children["actions"] = self.child(StageActionFormSet, "actions", instance=self.instance)
        return children

    def set_info(self, info: dict[str, Any], cleaned: dict[str, Any]) -> None:
        if "color" in self.errors or "required_form" in self.errors:
            return
        form = self._form_info
        if self.vocabulary.has_forms:
            form = {**form, "required_form": cleaned["required_form"]}
        self.instance.stage_info, self.instance.form_info = validate_stage(
            {**info, "color": cleaned["color"] or None}, form
        )

    def field_of_error(self, path: str) -> str | None:
        return super().field_of_error(path.removeprefix("form_info."))


class StageRows(NestedFormSet):
    """The stages of one pipeline."""

    kind = "stage"


StageFormSet: Any = forms.inlineformset_factory(
    Pipeline, Stage, form=StageForm, formset=StageRows, extra=0, can_delete=True
)
