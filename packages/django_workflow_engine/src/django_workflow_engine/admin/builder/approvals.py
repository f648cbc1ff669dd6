"""The approvals of a place as form fields, and back to what the place stores."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from approval_workflow.choices import (
    ApprovalType,
    RejectionPolicy,
    RoleSelectionStrategy,
    TimeoutAction,
)
from django_workflow_engine.admin.builder.lengths import LengthField
from django_workflow_engine.admin.builder.lengths import write as length_in_words
from django_workflow_engine.admin.builder.nesting import PlainFormSet, RowForm
from django_workflow_engine.admin.builder.objects import KIND_OF_FIELD
from django_workflow_engine.admin.builder.references import ObjectField
from django_workflow_engine.admin.builder.vocabulary import Choices, Vocabulary
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.schemas.approvals import KEYS_OF_KIND, KEYS_OF_KINDS

ROLE = ApprovalTypes.ROLE.value

# What an approval means where the place does not say.
DEFAULTS: dict[str, Any] = {
    "role_selection_strategy": RoleSelectionStrategy.ANYONE.value,
    "step_approval_type": ApprovalType.APPROVE.value,
    "allow_higher_level": True,
    "rejection_policy": RejectionPolicy.FIRST.value,
    "exclude_starter": False,
    "exclude_deciders": False,
    "parallel_required": True,
}
# Those of them that are stored even where they are as usual, so that the row says what counts.
ALWAYS_STORED = (
    "role_selection_strategy",
    "step_approval_type",
    "allow_higher_level",
    "rejection_policy",
)
# Fields whose need the strategy tells.
OF_STRATEGIES = (
    "user_role",
    "quorum_count",
    "percentage_required",
    "hierarchy_levels",
    "hierarchy_base_user",
    "dynamic_source",
)
# Fields in the part of the form that is folded, in their groups.
FOR_WHAT = (
    "step_approval_type",
    "rejection_policy",
    "allow_higher_level",
    "exclude_starter",
    "exclude_deciders",
)
DEADLINE = ("sla_duration", "timeout_action", "timeout_delegate_to", "max_escalation_level")
SIDE_BY_SIDE = ("parallel_group", "parallel_required")
# When a field applies: "name=value,value" joined by ";", alternatives by "|"; "*" is any value.
SHOWN_WHEN: Mapping[str, str] = {
    "role_selection_strategy": f"approval_type={ROLE}",
    "rejection_policy": f"approval_type={ROLE},{ApprovalTypes.ASSIGNED.value}",
    "approval_user": f"approval_type={ApprovalTypes.USER.value}",
    "assigned_field": f"approval_type={ApprovalTypes.ASSIGNED.value}",
    "assigned_resolver": f"approval_type={ApprovalTypes.ASSIGNED.value}",
    "timeout_action": "sla_duration=*",
    "timeout_delegate_to": f"sla_duration=*;timeout_action={TimeoutAction.DELEGATE.value}",
    "parallel_required": "parallel_group=*",
}


class ApprovalForm(RowForm):
    """One approval: who is asked, for what, and by which rules."""

    css = {
        **dict.fromkeys(KIND_OF_FIELD, "wb-person"),
        "assigned_field": "wb-path",
        "dynamic_source": "wb-path",
    }
    marked = ("user_role", "approval_user", "quorum_count", "percentage_required")

    approval_type = forms.ChoiceField(label=_("who is asked"))
    role_selection_strategy = forms.ChoiceField(label=_("who of the role"), required=False)
    quorum_count = forms.IntegerField(label=_("how many must approve"), required=False, min_value=1)
    percentage_required = forms.DecimalField(
        label=_("how many per cent must approve"),
        required=False,
        max_digits=5,
        decimal_places=2,
    )
    hierarchy_levels = forms.IntegerField(label=_("levels up"), required=False, min_value=1)
    dynamic_source = forms.CharField(
        label=_("where they are found"),
        required=False,
        help_text=_("A field of the object such as project.owner, or the name of a function."),
    )
    assigned_field = forms.CharField(
        label=_("field that names them"),
        required=False,
        help_text=_("A field of the object, such as reviewer or project.owner."),
    )
    assigned_resolver = forms.ChoiceField(label=_("or a function"), required=False)
    step_approval_type = forms.ChoiceField(label=_("what for"))
    allow_higher_level = forms.BooleanField(
        label=_("People above in the hierarchy may act too"), required=False
    )
    rejection_policy = forms.ChoiceField(label=_("when a vote rejects"))
    exclude_starter = forms.BooleanField(
        label=_("Not whoever started the workflow"), required=False
    )
    exclude_deciders = forms.BooleanField(
        label=_("Not whoever has approved before"), required=False
    )
    sla_duration = LengthField(label=_("to be done within"))
    timeout_action = forms.ChoiceField(label=_("when it is late"), required=False)
    max_escalation_level = forms.IntegerField(
        label=_("escalated at most so often"), required=False, min_value=1
    )
    parallel_group = forms.CharField(
        label=_("side by side: name of the track"),
        required=False,
        help_text=_("Approvals that follow each other, each with a track, run side by side."),
    )
    parallel_required = forms.BooleanField(
        label=_("The next step waits for this track"), required=False
    )
    order = forms.IntegerField(label=_("order"), required=False, min_value=0)

    def __init__(self, *args: Any, vocabulary: Vocabulary, **kwargs: Any) -> None:
        stored = kwargs.get("initial") or {}
        usual = {**DEFAULTS, "approval_type": vocabulary.kinds[0][0]}
        kwargs["initial"] = {**usual, **_in_fields(stored)}
        super().__init__(*args, vocabulary=vocabulary, **kwargs)
        self._stored = stored
        self._add_object_fields()
        self._offer("approval_type", vocabulary.kinds)
        self._offer("role_selection_strategy", vocabulary.strategies)
        self._offer("assigned_resolver", vocabulary.resolvers, blank="---------")
        self._offer("step_approval_type", vocabulary.step_kinds)
        self._offer("rejection_policy", vocabulary.rejection_policies)
        self._offer("timeout_action", vocabulary.timeout_actions, blank=_("Remind only"))
        if not vocabulary.resolvers and "assigned_resolver" not in stored:
            del self.fields["assigned_resolver"]

    def _add_object_fields(self) -> None:
        labels = {
            "user_role": _("role"),
            "approval_user": _("person"),
            "hierarchy_base_user": _("counted from (else: whoever started it)"),
            "required_form": _("form to fill in"),
            "timeout_delegate_to": _("handed over to"),
        }
        for name, label in labels.items():
            if name != "required_form" or self.vocabulary.has_forms:
                field = ObjectField(KIND_OF_FIELD[name], self.vocabulary, label=label)
                self.fields[name] = field

    def clean(self) -> dict[str, Any]:
        """Tell what is missing in the words of the page; the rest is for the place's schema."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind = cleaned.get("approval_type")
        wanted = {ApprovalTypes.USER.value: "approval_user"}.get(str(kind))
        if kind == ROLE and "user_role" in self._of_strategy(cleaned):
            wanted = "user_role"
        if wanted and wanted not in self.errors and not cleaned.get(wanted):
            self.add_error(wanted, self.fields[wanted].error_messages["required"])
        if kind == ApprovalTypes.ASSIGNED:
            self._clean_assigned(cleaned)
        return cleaned

    def _clean_assigned(self, cleaned: Mapping[str, Any]) -> None:
        given = [name for name in ("assigned_field", "assigned_resolver") if cleaned.get(name)]
        if len(given) != 1 and not set(self.errors) & {"assigned_field", "assigned_resolver"}:
            text = _("Name a field, or pick a function: one of the two.")
            self.add_error("assigned_field", text)

    def stored(self) -> dict[str, Any]:
        """Return the approval as a place stores it, with keys that have no field here as is."""
        unshown = {key: value for key, value in self._stored.items() if key not in self.fields}
        unshown.pop("order", None)
        return unshown | {
            key: value
            for key, value in self._values().items()
            if value not in (None, "") and (key in ALWAYS_STORED or value != DEFAULTS.get(key))
        }

    def _values(self) -> dict[str, Any]:
        """The values of the fields that apply."""
        cleaned = self.cleaned_data
        applicable = set(KEYS_OF_KIND[cleaned["approval_type"]].known)
        if cleaned["approval_type"] == ROLE:
            applicable -= set(OF_STRATEGIES) - self._of_strategy(cleaned)
        left_out = {"order", "DELETE", *(set(KEYS_OF_KINDS) - applicable)}
        if not cleaned.get("sla_duration"):
            left_out |= {"timeout_action", "timeout_delegate_to"}
        if cleaned.get("timeout_action") != TimeoutAction.DELEGATE:
            left_out.add("timeout_delegate_to")
        return {key: value for key, value in cleaned.items() if key not in left_out}

    def _of_strategy(self, cleaned: Mapping[str, Any]) -> frozenset[str]:
        """The fields that the picked strategy takes, and what was stored with it all the same."""
        picked = cleaned.get("role_selection_strategy", "")
        fields = self.vocabulary.fields_of_strategies.get(picked, frozenset())
        if picked == self.initial["role_selection_strategy"]:
            fields |= self._stored.keys() & set(OF_STRATEGIES)
        return fields

    # For the template

    @property
    def who(self) -> Iterator[forms.BoundField]:
        """The fields that say who is asked."""
        names = ("approval_type", "role_selection_strategy", *OF_STRATEGIES)
        return self._present(*names, "approval_user", "assigned_field", "assigned_resolver")

    @property
    def form_to_fill_in(self) -> Iterator[forms.BoundField]:
        return self._present("required_form")

    @property
    def for_what(self) -> Iterator[forms.BoundField]:
        return self._present(*FOR_WHAT)

    @property
    def deadline(self) -> Iterator[forms.BoundField]:
        return self._present(*DEADLINE)

    @property
    def side_by_side(self) -> Iterator[forms.BoundField]:
        return self._present(*SIDE_BY_SIDE)

    @property
    def has_unusual_rules(self) -> bool:
        """Whether a rule differs from the usual one, or is wrong: then the rules are shown."""
        rules = (*FOR_WHAT, *DEADLINE, *SIDE_BY_SIDE)
        return any(
            self[name].errors or (self[name].value() or "") != (DEFAULTS.get(name) or "")
            for name in rules
        )

    def _present(self, *names: str) -> Iterator[forms.BoundField]:
        return (self[name] for name in names if name in self.fields)

    def shown_when(self, name: str) -> str:
        if name not in OF_STRATEGIES:
            return SHOWN_WHEN.get(name, "")
        strategies = [
            value
            for value, fields in self.vocabulary.fields_of_strategies.items()
            if name in fields
        ]
        if name in self._stored:
            strategies.append(self.initial["role_selection_strategy"])
        of_roles = f"approval_type={ROLE};role_selection_strategy={','.join(strategies)}"
        if name == "quorum_count":
            return f"{of_roles}|approval_type={ApprovalTypes.ASSIGNED.value}"
        return of_roles

    def _offer(self, name: str, choices: Choices, *, blank: Any = None) -> None:
        """Offer these choices, and what is stored even where it is not offered any more."""
        stored = str(self.initial.get(name) or "")
        # As text, as it will be sent: otherwise every key would seem to have changed.
        self.initial[name] = stored
        offered = [*([("", blank)] if blank is not None else []), *choices]
        if stored and stored not in dict(offered):
            offered.append((stored, _("%(value)s (not available)") % {"value": stored}))
        self.offer(name, offered)


class ApprovalRows(PlainFormSet):
    """The approvals of one place, one after the other."""

    kind = "approval"


ApprovalFormSet = forms.formset_factory(
    ApprovalForm, formset=ApprovalRows, extra=0, can_delete=True
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
    for name in (
        "role_selection_strategy",
        "step_approval_type",
        "rejection_policy",
        "timeout_action",
    ):
        if isinstance(values.get(name), str):
            values[name] = values[name].lower()
    return values


def _in_fields(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored values as the fields have them: unchanged ones must not seem to have changed."""
    values = dict(stored)
    for name in KIND_OF_FIELD:
        if values.get(name) is not None:
            values[name] = str(values[name])
    if "sla_duration" in values:
        values["sla_duration"] = length_in_words(values["sla_duration"])
    if "percentage_required" in values:
        try:
            values["percentage_required"] = Decimal(str(values["percentage_required"]))
        except InvalidOperation:
            del values["percentage_required"]
    return values
