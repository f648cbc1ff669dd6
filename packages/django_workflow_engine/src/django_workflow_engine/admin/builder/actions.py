"""An action as form fields: when, what, and with which parameters."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.action_rules import action_mistakes, by_field
from django_workflow_engine.admin.builder import emails, parameters
from django_workflow_engine.admin.builder.nesting import NestedForm, NestedFormSet
from django_workflow_engine.admin.builder.parameters import ParameterFormSet
from django_workflow_engine.admin.builder.vocabulary import (
    EMAIL_FUNCTIONS,
    OTHER_FUNCTION,
    Vocabulary,
    email_labels,
    recipient_labels,
)
from django_workflow_engine.choices import ActionType
from django_workflow_engine.exceptions import ActionNotAllowed
from django_workflow_engine.function_paths import check_function_path
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction

EMAIL_FIELDS = ("recipients", "other_recipients", "cc", "template", "subject")


class ActionForm(NestedForm):
    """One action. The function is picked from a list, or named by its path."""

    function = forms.ChoiceField(label=_("what is done"), required=False)
    recipients = forms.MultipleChoiceField(
        label=_("to"), required=False, widget=forms.CheckboxSelectMultiple
    )
    other_recipients = emails.AddressesField(
        label=_("also to"), help_text=_("E-mail addresses, with commas between them.")
    )
    cc = emails.AddressesField(
        label=_("copy to"), help_text=_("E-mail addresses, with commas between them.")
    )
    subject = forms.CharField(
        label=_("subject"), required=False, help_text=_("Empty: the subject of the template.")
    )
    template = forms.CharField(
        label=_("template"),
        required=False,
        help_text=_("Name of an e-mail template; empty: the usual one."),
    )

    class Meta:
        model = WorkflowAction
        fields: tuple[str, ...] = ("action_type", "function_path", "order", "is_active")

    def __init__(self, *args: Any, vocabulary: Vocabulary, **kwargs: Any) -> None:
        super().__init__(*args, vocabulary=vocabulary, **kwargs)
        path = self.instance.function_path
        picked = path if path in vocabulary.listed_functions else OTHER_FUNCTION
        if self.is_new:
            picked = next(iter(EMAIL_FUNCTIONS))
        is_email = picked in EMAIL_FUNCTIONS
        stored = self.instance.parameters if is_email else {}
        self.initial = {
            **self.initial,
            **emails.initial_of(stored),
            "function": picked,
            "function_path": "" if path in vocabulary.listed_functions else path,
        }
        self._set_choices("function", vocabulary.functions)
        self._set_choices("recipients", list(recipient_labels().items()))
        self.fields["function_path"].required = False
        self.fields["function_path"].help_text = _("For example: shop.workflows.notify_warehouse")
        self.fields["order"].required = False
        self.shown_parameters = emails.PARAMETERS if is_email else ()

    def make_children(self) -> Mapping[str, Any]:
        rows = parameters.initial_of(self.instance.parameters, apart_from=self.shown_parameters)
        return {"parameters": self.child(ParameterFormSet, "parameters", initial=rows)}

    def own_changes(self) -> list[str]:
        changes = super().own_changes()
        return [*changes, "parameters"] if self.children["parameters"].has_changed() else changes

    def _post_clean(self) -> None:
        # With an error, the model would judge a function that is not the one picked.
        if not self.errors:
            super()._post_clean()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._clean_function(cleaned)
        if cleaned.get("function") in EMAIL_FUNCTIONS:
            self._clean_email(cleaned)
        if not self.errors:
            self.instance.parameters = self._parameters(cleaned)
            self._check_parameters(cleaned["function_path"])
        return cleaned

    def _clean_function(self, cleaned: dict[str, Any]) -> None:
        picked = cleaned.get("function", OTHER_FUNCTION)
        field = "function" if picked else "function_path"
        path = picked or (cleaned.get("function_path") or "").strip()
        if "function" in self.errors:
            return
        if not path:
            self.add_error(field, _("Pick a function, or name one by its path."))
            return
        try:
            check_function_path(path)
        except ActionNotAllowed as error:
            self.add_error(field, error.message)
        else:
            cleaned["function_path"] = path

    def _check_parameters(self, path: str) -> None:
        """Tell what the function does not take: at the field, where the parameter has one."""
        action = self.instance
        mistakes = action_mistakes(
            path, action.parameters, action.conditions, action.target_models()
        )
        for field, messages in by_field(mistakes).items():
            for message in messages:
                name = message.partition(":")[0].partition(".")[0]
                known = field == "parameters" and name in self.fields
                self.add_error(name if known else None, message)

    def _clean_email(self, cleaned: dict[str, Any]) -> None:
        try:
            emails.check_template(cleaned.get("template", ""))
        except forms.ValidationError as error:
            self.add_error("template", error)
        for row in self.children["parameters"].kept():
            if row.cleaned_data.get("name") in emails.PARAMETERS:
                row.add_error("name", _("There is a field for this above."))
                self.add_error(None, _("A parameter is given twice."))

    def _parameters(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        rows = self.children["parameters"].stored()
        is_email = cleaned["function"] in EMAIL_FUNCTIONS
        return {**rows, **emails.stored(cleaned)} if is_email else rows

    def _set_choices(self, name: str, choices: Any) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    @property
    def is_default(self) -> bool:
        return bool(self.instance.is_default)

    @property
    def is_open(self) -> bool:
        """Whether the fields are to be seen at once: of a new action, or one with changes."""
        return self.is_new or (self.is_bound and self.has_changed())

    @property
    def function_label(self) -> str:
        path = str(self.instance.function_path)
        return email_labels().get(path, path)

    @property
    def event_label(self) -> str:
        value = self["action_type"].value()
        return str(dict(ActionType.choices).get(value, "")) if value else ""


class ActionRows(NestedFormSet):
    """Actions of one level, event by event."""

    def in_order(self) -> list[Any]:
        events = list(ActionType.values)
        places = {value: place for place, value in enumerate(events)}
        return sorted(
            super().in_order(),
            key=lambda form: places.get(form["action_type"].value(), len(events)),
        )


def _formset(parent: Any, fk_name: str) -> Any:
    return forms.inlineformset_factory(
        parent,
        WorkflowAction,
        form=ActionForm,
        formset=ActionRows,
        fk_name=fk_name,
        extra=0,
        can_delete=True,
    )


WorkflowActionFormSet = _formset(WorkFlow, "workflow")
PipelineActionFormSet = _formset(Pipeline, "pipeline")
StageActionFormSet = _formset(Stage, "stage")
