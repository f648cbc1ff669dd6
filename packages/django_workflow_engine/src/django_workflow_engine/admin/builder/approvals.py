"""The approvals of a stage as form fields, and back to what the stage stores."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from approval_workflow.choices import ApprovalType, RejectionPolicy, RoleSelectionStrategy
from approval_workflow.conf import settings as approval_settings
from django_workflow_engine.admin.builder.nesting import PlainFormSet, RowForm
from django_workflow_engine.admin.builder.people import person_field
from django_workflow_engine.admin.builder.vocabulary import Choices, Vocabulary
from django_workflow_engine.choices import ApprovalTypes

# What an approval means where the stage does not say.
DEFAULTS: dict[str, Any] = {
    "role_selection_strategy": RoleSelectionStrategy.ANYONE.value,
    "step_approval_type": ApprovalType.APPROVE.value,
    "allow_higher_level": True,
    "rejection_policy": RejectionPolicy.FIRST.value,
}
# Keys that are stored only where they apply.
OF_ROLES = ("user_role", "role_selection_strategy")
OF_PEOPLE = ("approval_user",)


class ApprovalForm(RowForm):
    """One approval: who is asked, for what, and by which rules."""

    approval_type = forms.ChoiceField(label=_("who is asked"))
    user_role = forms.ChoiceField(label=_("role"), required=False)
    role_selection_strategy = forms.ChoiceField(label=_("who of the role"), required=False)
    required_form = forms.ChoiceField(label=_("form to fill in"), required=False)
    step_approval_type = forms.ChoiceField(label=_("what for"))
    allow_higher_level = forms.BooleanField(
        label=_("People above in the hierarchy may act too"), required=False
    )
    rejection_policy = forms.ChoiceField(label=_("when a vote rejects"))
    order = forms.IntegerField(label=_("order"), required=False, min_value=0)

    def __init__(self, *args: Any, vocabulary: Vocabulary, **kwargs: Any) -> None:
        usual = {**DEFAULTS, "approval_type": vocabulary.kinds[0][0]}
        kwargs["initial"] = {**usual, **(kwargs.get("initial") or {})}
        super().__init__(*args, vocabulary=vocabulary, **kwargs)
        self.fields["approval_user"] = person_field(vocabulary)
        self._offer("approval_type", vocabulary.kinds)
        self._offer("user_role", vocabulary.roles, blank=True)
        self._offer("role_selection_strategy", vocabulary.strategies)
        if vocabulary.has_forms:
            self._offer("required_form", vocabulary.forms, blank=True)
        else:
            del self.fields["required_form"]
        self._offer("step_approval_type", vocabulary.step_kinds)
        self._offer(
            "rejection_policy",
            [(str(value), str(label)) for value, label in RejectionPolicy.choices],
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        of_role = cleaned.get("approval_type") == ApprovalTypes.ROLE
        needed = "user_role" if of_role else "approval_user"
        if needed not in self.errors and not cleaned.get(needed):
            self.add_error(needed, self.fields[needed].error_messages["required"])
        return cleaned

    def stored(self) -> dict[str, Any]:
        """Return the approval as a stage stores it, with keys that have no field here as is."""
        cleaned = self.cleaned_data
        of_role = cleaned["approval_type"] == ApprovalTypes.ROLE
        unshown = {key: value for key, value in self.initial.items() if key not in self.fields}
        values = {
            "approval_type": cleaned["approval_type"],
            "user_role": _key(approval_settings.role_model, cleaned["user_role"]),
            "role_selection_strategy": cleaned["role_selection_strategy"],
            "approval_user": _json_key(getattr(cleaned["approval_user"], "pk", None)),
            "required_form": _key(
                approval_settings.dynamic_form_model, cleaned.get("required_form", "")
            ),
            "step_approval_type": cleaned["step_approval_type"],
            "allow_higher_level": cleaned["allow_higher_level"],
            "rejection_policy": cleaned["rejection_policy"],
        }
        left_out = OF_PEOPLE if of_role else OF_ROLES
        return unshown | {
            key: value
            for key, value in values.items()
            if key not in left_out and value not in (None, "")
        }

    @property
    def has_unusual_rules(self) -> bool:
        """Whether a rule differs from the usual one, or is wrong: then the rules are shown."""
        rules = ("step_approval_type", "allow_higher_level", "rejection_policy")
        return any(self[name].value() != DEFAULTS[name] or self[name].errors for name in rules)

    def _offer(self, name: str, choices: Choices, *, blank: bool = False) -> None:
        """Offer these choices, and what is stored even where it is not offered any more."""
        stored = str(self.initial.get(name) or "")
        # As text, as it will be sent: otherwise every key would seem to have changed.
        self.initial[name] = stored
        offered = [*([("", "---------")] if blank else []), *choices]
        if stored and stored not in dict(offered):
            offered.append((stored, _("%(value)s (not available)") % {"value": stored}))
        field: Any = self.fields[name]
        field.choices = offered


ApprovalFormSet = forms.formset_factory(
    ApprovalForm, formset=PlainFormSet, extra=0, can_delete=True
)


def initial_of(stored: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the stored approvals as the forms' initial values, numbered by their place."""
    return [
        {**_readable(approval), "order": place} for place, approval in enumerate(stored, start=1)
    ]


def _readable(approval: Any) -> dict[str, Any]:
    """The approval as the engine would read it; rows may have been written around the ORM."""
    if not isinstance(approval, Mapping):
        return {}
    values = dict(approval)
    if isinstance(values.get("approval_type"), str):
        values["approval_type"] = values["approval_type"].upper()
    for name in ("role_selection_strategy", "step_approval_type", "rejection_policy"):
        if isinstance(values.get(name), str):
            values[name] = values[name].lower()
    return values


def _key(model: type[Model] | None, text: str) -> Any:
    """The key that a choice stands for, as JSON can hold it; None for no choice."""
    if model is None or not text:
        return text or None
    return _json_key(model._meta.pk.to_python(text))


def _json_key(key: Any) -> Any:
    return str(key) if isinstance(key, UUID) else key
