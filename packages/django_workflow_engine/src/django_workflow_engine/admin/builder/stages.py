"""A stage as form fields, with its approvals and actions."""

from collections.abc import Mapping
from re import Match, match
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder import approvals
from django_workflow_engine.admin.builder.actions import StageActionFormSet
from django_workflow_engine.admin.builder.approvals import ApprovalFormSet
from django_workflow_engine.admin.builder.nesting import NestedForm, NestedFormSet
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import Pipeline, Stage
from django_workflow_engine.schemas import validate_stage_info


class StageForm(NestedForm):
    """One stage; its approvals are asked for one after the other."""

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
        self.initial["color"] = self._info.get("color") or ""
        self.fields["order"].required = False

    @property
    def _info(self) -> dict[str, Any]:
        info = self.instance.stage_info
        return info if isinstance(info, dict) else {}

    def make_children(self) -> Mapping[str, Any]:
        stored = self._info.get("approvals")
        rows = approvals.initial_of(stored if isinstance(stored, list) else [])
        children = {
            "approvals": self.child(
                ApprovalFormSet, "approvals", initial=rows, extra=int(self.is_new)
            )
        }
        if self.vocabulary.may_edit_actions:
            children["actions"] = self.child(StageActionFormSet, "actions", instance=self.instance)
        return children

    def own_changes(self) -> list[str]:
        changes = super().own_changes()
        return [*changes, "approvals"] if self.children["approvals"].has_changed() else changes

    def _post_clean(self) -> None:
        # With an error, the model would judge a configuration that is not the one on the page.
        if not self.errors:
            super()._post_clean()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not (self.is_new or self.own_changes()):
            return cleaned
        if self.children["approvals"].is_valid() and "color" not in self.errors:
            self._clean_info(cleaned["color"])
        return cleaned

    def _clean_info(self, color: str) -> None:
        rows = self.children["approvals"].kept()
        info = {
            **self._info,
            "color": color or None,
            "approvals": [row.stored() for row in rows],
        }
        try:
            self.instance.stage_info = validate_stage_info(info, self.instance.form_info)
        except InvalidConfiguration as error:
            for path, message in error.errors.items():
                self._add_info_error(path, message, rows)

    def _add_info_error(self, path: str, message: str, rows: list[Any]) -> None:
        """Show an error of the stored configuration at the field that it is about."""
        found: Match[str] | None = match(r"approvals\[(\d+)\](?:\.(\w+))?$", path)
        if found is None:
            self.add_error("color" if path == "color" else None, message)
            return
        row = rows[int(found[1])]
        row.add_error(found[2] if found[2] in row.fields else None, message)
        self.add_error(None, _("Please correct the errors in the approvals."))


class StageRows(NestedFormSet):
    """The stages of one pipeline."""


StageFormSet: Any = forms.inlineformset_factory(
    Pipeline, Stage, form=StageForm, formset=StageRows, extra=0, can_delete=True
)
