"""The form with which a person decides on an object."""

from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException

from approval_workflow.models import ApprovalInstance
from approval_workflow.permissions import can_act
from django_workflow_engine.serializers import WorkflowApprovalSerializer

PREFIX = "form_"


def step_for(user: Any, obj: Model) -> ApprovalInstance | None:
    """Return the open step of the object that the person may act on, their own one first."""
    steps = list(ApprovalInstance.objects.for_object(obj).current().in_order())
    steps.sort(key=lambda step: step.assigned_to_id != user.pk)
    return next((step for step in steps if can_act(step, user)), None)


class DecisionForm(forms.Form):
    """Approve or reject, with a comment and the fields of the step's own form."""

    action = forms.ChoiceField(
        label=_("Decision"),
        choices=[("approved", _("Approve")), ("rejected", _("Reject"))],
        widget=forms.RadioSelect,
        initial="approved",
    )
    reason = forms.CharField(
        label=_("Comment"), required=False, widget=forms.Textarea({"rows": 2, "dir": "auto"})
    )

    def __init__(self, step: ApprovalInstance, data: Any = None) -> None:
        super().__init__(data)
        self._names: list[str] = []
        schema = step.form.form_schema if step.form else {}
        for name, described in schema.get("properties", {}).items():
            self._names.append(name)
            # The engine judges what is filled in; here nothing is required twice.
            self.fields[f"{PREFIX}{name}"] = forms.CharField(
                label=described.get("title", name),
                help_text=described.get("description", ""),
                required=False,
                widget=forms.TextInput({"dir": "auto"}),
            )

    def decide(self, obj: Model, request: HttpRequest) -> bool:
        """Let the person of the request decide; return False, with errors, when it cannot be."""
        serializer = WorkflowApprovalSerializer(
            instance=obj, data=self._decision(), context={"request": request}
        )
        try:
            if serializer.is_valid():
                serializer.save()
            self._take_errors(serializer.errors)
        except APIException as refused:
            self._take_errors(refused.detail)
        return not self.errors

    def _decision(self) -> dict[str, Any]:
        given = self.cleaned_data
        decision = {"action": given["action"], "reason": given["reason"]}
        filled = {name: given[f"{PREFIX}{name}"] for name in self._names}
        if given["action"] == "approved" and filled:
            return {**decision, "form_data": filled}
        return decision

    def _take_errors(self, errors: Any) -> None:
        """Show each error at its field, as far as this form has it."""
        if not isinstance(errors, dict):
            self.add_error(None, str(errors))
            return
        for field, messages in errors.items():
            if field == "form_data" and isinstance(messages, dict):
                self._take_errors({f"{PREFIX}{name}": text for name, text in messages.items()})
            else:
                self.add_error(field if field in self.fields else None, messages)
