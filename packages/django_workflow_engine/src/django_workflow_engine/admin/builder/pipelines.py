"""A pipeline as form fields, with its stages and actions."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder.actions import PipelineActionFormSet
from django_workflow_engine.admin.builder.nesting import NestedForm, NestedFormSet
from django_workflow_engine.admin.builder.stages import StageFormSet
from django_workflow_engine.conf import settings
from django_workflow_engine.models import Pipeline, WorkFlow


class PipelineForm(NestedForm):
    """One pipeline; its department is one of the model in `DEPARTMENT_MODEL`."""

    department = forms.ChoiceField(label=_("department"), required=False)

    class Meta:
        model = Pipeline
        fields = ("name_en", "name_ar", "order")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["order"].required = False
        self.initial["department"] = self.instance.department_id or ""
        if settings.department_model is None:
            del self.fields["department"]
        else:
            self._offer_departments()

    def make_children(self) -> Mapping[str, Any]:
        children = {
            "stages": self.child(
                StageFormSet, "stages", instance=self.instance, extra=int(self.is_new)
            )
        }
        if self.vocabulary.may_edit_actions:
            children["actions"] = self.child(
                PipelineActionFormSet, "actions", instance=self.instance
            )
        return children

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "department" in self.changed_data and "department" in cleaned:
            self._set_department(cleaned["department"])
        return cleaned

    def _set_department(self, key: str) -> None:
        model = settings.department_model
        if not key or model is None:
            self.instance.department_content_type = None
            self.instance.department_id = None
            return
        self.instance.department_content_type = ContentType.objects.get_for_model(model)
        self.instance.department_id = key

    def _offer_departments(self) -> None:
        field: Any = self.fields["department"]
        offered = [("", "---------"), *self.vocabulary.departments]
        stored = self.initial["department"]
        if stored and stored not in dict(offered):
            offered.append((stored, _("%(value)s (not available)") % {"value": stored}))
        field.choices = offered


class PipelineRows(NestedFormSet):
    """The pipelines of one workflow."""


PipelineFormSet: Any = forms.inlineformset_factory(
    WorkFlow, Pipeline, form=PipelineForm, formset=PipelineRows, extra=0, can_delete=True
)
