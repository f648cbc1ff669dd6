"""An action as form fields: when, what, and with which parameters."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.action_rules import action_mistakes
from django_workflow_engine.admin.builder import built_in, conditions, emails, parameters
from django_workflow_engine.admin.builder.built_in import BuiltInFields, layout_of
from django_workflow_engine.admin.builder.conditions import ConditionFormSet
from django_workflow_engine.admin.builder.nesting import BELOW, NestedForm, NestedFormSet
from django_workflow_engine.admin.builder.parameters import ParameterFormSet
from django_workflow_engine.admin.builder.vocabulary import (
    CALL_FUNCTION,
    EMAIL_FUNCTIONS,
    OTHER_FUNCTION,
    SET_FIELD,
    WEBHOOK,
    Vocabulary,
    function_label,
)
from django_workflow_engine.choices import ActionType, FailurePolicy
from django_workflow_engine.exceptions import ActionNotAllowed, InvalidExpression
from django_workflow_engine.expressions import check_expression
from django_workflow_engine.expressions.context import names_for
from django_workflow_engine.function_paths import check_function_path, load_function
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction

# The parts of the form that are shown when the function is one of these; for templates.
PARTS_SHOWN_WHEN = {
    "email": f"function={','.join(EMAIL_FUNCTIONS)}",
    "webhook": f"function={WEBHOOK}",
    "set_field": f"function={SET_FIELD}",
    "call": f"function={CALL_FUNCTION}",
    "rows": f"function!={SET_FIELD}",
    "parameters": f"function!={WEBHOOK},{SET_FIELD},{CALL_FUNCTION}",
}


class ActionForm(BuiltInFields, NestedForm):
    """One action. The function is picked from a list, or named by its path."""

    function = forms.ChoiceField(label=_("what is done"), required=False)

    parts_shown_when = PARTS_SHOWN_WHEN
    css = {
        "action_type": "wb-title-source",
        "function": "wb-wide",
        "function_path": "wb-wide wb-path",
        "other_recipients": "wb-wide",
        "cc": "wb-wide",
        "subject": "wb-wide",
        "url": "wb-wide wb-path",
        "target_field": "wb-path",
        "new_value": "wb-wide",
        "when": "wb-wide wb-path",
        "compensation": "wb-wide wb-path",
    }
    marked = (
        "action_type",
        "function",
        "function_path",
        *(name for names in built_in.REQUIRED.values() for name in names),
    )

    class Meta:
        model = WorkflowAction
        fields: tuple[str, ...] = (
            "action_type",
            "function_path",
            "when",
            "compensation",
            "order",
            "is_active",
            "execution",
            "failure_policy",
        )
        widgets: ClassVar[Mapping[str, forms.Widget]] = {
            name: forms.TextInput(attrs={"dir": "ltr", "spellcheck": "false"})
            for name in ("when", "compensation")
        }

    def __init__(self, *args: Any, vocabulary: Vocabulary, **kwargs: Any) -> None:
        super().__init__(*args, vocabulary=vocabulary, **kwargs)
        path = self.instance.function_path
        picked = path if path in vocabulary.listed_functions else OTHER_FUNCTION
        if self.is_new:
            picked = next(iter(EMAIL_FUNCTIONS))
        stored = {} if self.is_new else self._stored_parameters()
        self.picked_at_first = picked
        self.initial = {
            **self.initial,
            **built_in.initial_of(picked, stored),
            "function": picked,
            "function_path": "" if path in vocabulary.listed_functions else path,
        }
        self.offer("function", vocabulary.functions)
        self.offer("recipients", vocabulary.recipients)
        self.offer("execution", vocabulary.executions)
        built_in.prepare(self, vocabulary, self.initial)
        self.fields["function_path"].required = False
        self.fields["function_path"].help_text = _("For example: shop.workflows.notify_warehouse")
        self.fields["when"].help_text = _("In CEL. For example: object.amount > 1000.0")
        self.fields["compensation"].help_text = _(
            "The path or the name of a function that is called when the decision is undone."
        )
        for name in ("order", "execution", "failure_policy"):
            self.fields[name].required = False

    def shown_when(self, name: str) -> str:
        return f"function={OTHER_FUNCTION}" if name == "function_path" else ""

    def _stored_parameters(self) -> dict[str, Any]:
        stored = self.instance.parameters
        return stored if isinstance(stored, dict) else {}

    def make_children(self) -> Mapping[str, Any]:
        rows = built_in.rows_of(self.picked_at_first, self._stored_parameters())
        asked = conditions.initial_of(self.instance.conditions)
        return {
            "parameters": self.child(ParameterFormSet, "parameters", initial=rows),
            "conditions": self.child(ConditionFormSet, "conditions", initial=asked),
        }

    def own_changes(self) -> list[str]:
        below = [name for name, child in self.children.items() if child.has_changed()]
        return [*super().own_changes(), *below]

    def _post_clean(self) -> None:
        # With an error, the model would judge a function that is not the one picked.
        if not self.errors:
            super()._post_clean()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["failure_policy"] = cleaned.get("failure_policy") or FailurePolicy.CONTINUE.value
        self._clean_function(cleaned)
        self._clean_picked(cleaned)
        if not self.errors:
            path = cleaned["function_path"]
            rows = self.children["parameters"].stored()
            self.instance.parameters = built_in.stored_from(path, cleaned, rows)
            self.instance.conditions = self.children["conditions"].stored()
            self._check(path)
        return cleaned

    def clean_when(self) -> str:
        when = str(self.cleaned_data["when"] or "").strip()
        if when:
            try:
                check_expression(when, names_for(()))
            except InvalidExpression as error:
                raise forms.ValidationError(error.message) from error
        return when

    def clean_compensation(self) -> str:
        path = str(self.cleaned_data["compensation"] or "").strip()
        if path:
            try:
                load_function(path)
            except ActionNotAllowed as error:
                raise forms.ValidationError(error.message) from error
        return path

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

    def _clean_picked(self, cleaned: dict[str, Any]) -> None:
        """Judge the fields that belong to the picked function."""
        picked = cleaned.get("function")
        if picked in EMAIL_FUNCTIONS:
            self._clean_email(cleaned)
        if picked == SET_FIELD:
            parameters.parse(self, cleaned, "value_kind", "new_value")
        for name in built_in.REQUIRED.get(str(picked), ()):
            if name not in self.errors and not cleaned.get(name):
                self.add_error(name, self.fields[name].error_messages["required"])

    def _clean_email(self, cleaned: dict[str, Any]) -> None:
        try:
            emails.check_template(cleaned.get("template", ""))
        except forms.ValidationError as error:
            self.add_error("template", error)
        for row in self.children["parameters"].kept():
            if row.cleaned_data.get("name") in emails.PARAMETERS:
                row.add_error("name", _("There is a field for this above."))
                self.add_error(None, _("A parameter is given twice."))

    def _check(self, path: str) -> None:
        """Tell what the function or the object does not take, where the page has it."""
        action = self.instance
        mistakes = action_mistakes(
            path, action.parameters, action.conditions, action.target_models()
        )
        for place, message in mistakes.items():
            field, _dot, rest = place.partition(".")
            if field == "parameters":
                self._add_parameter_error(path, rest, message)
            else:
                self.add_error(None, message)

    def _add_parameter_error(self, path: str, place: str, message: str) -> None:
        layout = layout_of(path)
        name, _dot, entry = place.partition(".")
        for field, parameter in layout.fields.items():
            if parameter == name:
                self.add_error(field, message)
                return
        named = entry if layout.rows else name
        rows = self.children["parameters"].kept()
        found = [row for row in rows if row.cleaned_data.get("name") == named]
        for row in found:
            row.add_error("value", message)
        code = BELOW if found else None
        text = message if found or not place else f"{place}: {message}"
        self.add_error(None, forms.ValidationError(text, code=code))

    @property
    def is_default(self) -> bool:
        return bool(self.instance.is_default)

    @property
    def is_open(self) -> bool:
        """Whether the fields are to be seen at once: of a new action, or one with changes."""
        return self.is_new or (self.is_bound and self.has_changed())

    @property
    def function_label(self) -> str:
        return function_label(str(self.instance.function_path))

    @property
    def has_unusual_rules(self) -> bool:
        """Whether there is more to it than event and function: then that is shown."""
        return bool(
            self["execution"].value()
            or self["failure_policy"].value() == FailurePolicy.STOP
            or self["when"].value()
            or self["compensation"].value()
            or any(self[name].errors for name in ("when", "compensation"))
            or self.children["conditions"].total_form_count()
        )

    @property
    def event_label(self) -> str:
        value = self["action_type"].value()
        return str(dict(ActionType.choices).get(value, "")) if value else ""


class ActionRows(NestedFormSet):
    """Actions of one level, event by event."""

    kind = "action"

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
