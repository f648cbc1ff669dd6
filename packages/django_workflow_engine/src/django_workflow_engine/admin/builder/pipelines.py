"""A pipeline as form fields, with its approvals, its stages and its actions."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder import ways
from django_workflow_engine.admin.builder.actions import PipelineActionFormSet
from django_workflow_engine.admin.builder.configured import PlaceForm
from django_workflow_engine.admin.builder.nesting import NestedFormSet
from django_workflow_engine.admin.builder.objects import DEPARTMENT
from django_workflow_engine.admin.builder.references import ObjectField
from django_workflow_engine.admin.builder.stages import StageFormSet
from django_workflow_engine.admin.builder.ways import GroupFields
from django_workflow_engine.conf import settings
from django_workflow_engine.models import Pipeline, WorkFlow
from django_workflow_engine.schemas import existing_keys, validate_pipeline_info


class PipelineForm(GroupFields, PlaceForm):
    """One pipeline; its department is one of the model in `DEPARTMENT_MODEL`."""

    info_field = "pipeline_info"
    css = {**PlaceForm.css, "department": "wb-person"}

    class Meta:
        model = Pipeline
        fields = ("name_en", "name_ar", "order")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(ways.group_initial(self.info))
        self.fields["order"].required = False
        if settings.department_model is not None:
            self.fields["department"] = ObjectField(
                DEPARTMENT, self.vocabulary, label=_("department")
            )
            self.initial["department"] = self.instance.department_id or ""

    def make_children(self) -> Mapping[str, Any]:
        children = {
            "approvals": self.approvals_below(),
            "stages": self.child(
                StageFormSet, "stages", instance=self.instance, extra=int(self.is_new)
            ),
        }
        if self.vocabulary.may_edit_actions:
            children["actions"] = self.child(
                PipelineActionFormSet, "actions", instance=self.instance
            )
        return children

    def clean_department(self) -> str:
        """Refuse a department that is not there, unless it has been there before."""
        key = str(self.cleaned_data["department"] or "")
        is_new = key and key != self.initial["department"]
        if is_new and not existing_keys(settings.department_model, [key]):
            raise forms.ValidationError(
                _("There is none with the key '%(key)s'."), params={"key": key}
            )
        return key

    def shown_when(self, name: str) -> str:
        return ways.SHOWN_WHEN.get(name, "")

    def clean(self) -> dict[str, Any]:
        ways.clean_group(self, self.cleaned_data)
        cleaned = super().clean()
        if "department" in self.changed_data and "department" in cleaned:
            self._set_department(cleaned["department"])
        return cleaned

    def set_info(self, info: dict[str, Any], cleaned: dict[str, Any]) -> None:
        if not self.errors:
            rest = {name: value for name, value in info.items() if name not in ways.OF_GROUP}
            self.instance.pipeline_info = validate_pipeline_info(
                {**rest, **ways.group_stored(cleaned)}
            )

    def _set_department(self, key: str) -> None:
        model = settings.department_model
        if not key or model is None:
            self.instance.department_content_type = None
            self.instance.department_id = None
            return
        self.instance.department_content_type = ContentType.objects.get_for_model(model)
        self.instance.department_id = key


class PipelineRows(NestedFormSet):
    """The pipelines of one workflow."""

    kind = "pipeline"


PipelineFormSet: Any = forms.inlineformset_factory(
    WorkFlow, Pipeline, form=PipelineForm, formset=PipelineRows, extra=0, can_delete=True
)
