"""Step dictionaries, checked and turned into specifications."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approval_workflow.choices import (
    ApprovalType,
    RejectionPolicy,
    RoleSelectionStrategy,
    TimeoutAction,
)
from approval_workflow.exceptions import InvalidSteps, nearest
from approval_workflow.forms import is_json, schema_field
from approval_workflow.models import ApprovalInstance
from approval_workflow.strategies import get_strategy, known_strategies
from approval_workflow.strategies.role import HUNDRED_PER_CENT
from approval_workflow.types import StepSpec

KEYS = tuple(spec_field.name for spec_field in fields(StepSpec))
TEXTS = ("parallel_group", "dynamic_source")
PEOPLE = ("assigned_to", "hierarchy_base_user", "timeout_delegate_to")
# What a column for whole numbers holds on every database.
LARGEST_NUMBER = 2**31 - 1


def parse_steps(steps: Any, *, after: int = 0) -> list[StepSpec]:
    """Return the checked steps, ordered by number.

    Steps without a `step` key are numbered on from the one before, the first from `after`. Numbers
    must be greater than `after`. Raises `InvalidSteps` naming each path (`steps[0].assigned_to`)
    and what was expected there.
    """
    if not isinstance(steps, Sequence) or isinstance(steps, str | bytes) or not steps:
        raise InvalidSteps({"steps": _("Expected a list of at least one step.")})
    errors: dict[str, str] = {}
    specs: dict[int, StepSpec] = {}
    number: Any = after
    for index, described in enumerate(steps):
        if not isinstance(described, Mapping):
            errors[f"steps[{index}]"] = _("Expected a dictionary.")
            continue
        step = _given(described)
        number = step.get("step", number + 1)
        found = _errors(step, number, after)
        errors.update({f"steps[{index}].{key}": message for key, message in found.items()})
        if not found:
            specs[index] = _spec(step, number)
        elif not isinstance(number, int):
            number = after
    errors.update(_errors_together(specs))
    if errors:
        raise InvalidSteps(errors)
    return sorted(specs.values(), key=lambda spec: spec.step)


def _given(step: Mapping[str, Any]) -> dict[str, Any]:
    """The step without the known keys whose value is None, which means: not given."""
    return {key: value for key, value in step.items() if value is not None or key not in KEYS}


def _errors(step: Mapping[str, Any], number: Any, after: int) -> dict[str, str]:
    """What is wrong with one step: {key: message}."""
    errors = {str(key): _("Unknown key.") + nearest(key, KEYS) for key in step if key not in KEYS}
    if not _is_count(number) or number <= after:
        errors["step"] = _(
            "Expected a whole number greater than %(after)s and at most %(most)s."
        ) % {"after": after, "most": LARGEST_NUMBER}
    for key, (is_right, expected) in _EXPECTED.items():
        if key in step and not is_right(step[key]):
            errors[key] = str(expected) % {"kind": type(step[key]).__name__}
    errors.update(_text_errors(step))
    errors.update(_assignment_errors(step))
    errors.update(_choice_errors(step))
    return errors or _combination_errors(step) or _strategy_errors(_spec(step, number))


def _is_user(value: Any) -> bool:
    return isinstance(value, get_user_model())


def _is_role(value: Any) -> bool:
    return isinstance(value, Model) and value.pk is not None


def _is_form(value: Any) -> bool:
    return isinstance(value, Model) and value.pk is not None and bool(schema_field(type(value)))


def _is_extra(value: Any) -> bool:
    return isinstance(value, Mapping) and is_json(dict(value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_NUMBER


def _is_percentage(value: Any) -> bool:
    try:
        hundredths = Decimal(str(value)) * 100
    except InvalidOperation:
        return False
    return (
        hundredths.is_finite()
        and hundredths == hundredths.to_integral_value()
        and 0 < hundredths <= HUNDRED_PER_CENT
    )


def _is_duration(value: Any) -> bool:
    return isinstance(value, timedelta) and value > timedelta(0)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_COUNT = (_is_count, gettext_lazy("Expected a whole number of at least 1."))
_FLAG = (_is_flag, gettext_lazy("Expected True or False."))
_USER = (_is_user, gettext_lazy("Expected a user, got %(kind)s."))
_EXPECTED: Mapping[str, tuple[Callable[[Any], bool], Any]] = {
    **dict.fromkeys(PEOPLE, _USER),
    "assigned_role": (_is_role, gettext_lazy("Expected a saved role object.")),
    "form": (_is_form, gettext_lazy("Expected a saved form object with a JSON Schema.")),
    "quorum_count": _COUNT,
    "hierarchy_levels": _COUNT,
    "max_escalation_level": _COUNT,
    "percentage_required": (
        _is_percentage,
        gettext_lazy("Expected a percentage above 0, at most 100, with two decimal places."),
    ),
    "sla_duration": (_is_duration, gettext_lazy("Expected a timedelta above zero.")),
    "allow_higher_level": _FLAG,
    "parallel_required": _FLAG,
    "exclude_starter": _FLAG,
    "exclude_deciders": _FLAG,
    "extra_fields": (_is_extra, gettext_lazy("Expected a dictionary of values that JSON knows.")),
}


def _text_errors(step: Mapping[str, Any]) -> dict[str, str]:
    errors = {}
    for key in (key for key in TEXTS if key in step):
        most = getattr(ApprovalInstance._meta.get_field(key), "max_length", None) or 0
        text = step[key]
        if not isinstance(text, str) or len(text) > most or not is_json(text):
            errors[key] = _("Expected text of at most %(most)s characters.") % {"most": most}
    return errors


def _assignment_errors(step: Mapping[str, Any]) -> dict[str, str]:
    user, role = step.get("assigned_to"), step.get("assigned_role")
    strategy = step.get("role_selection_strategy")
    if user is not None and role is not None:
        return {"assigned_to": _("Expected either assigned_to or assigned_role, not both.")}
    if user is not None and strategy:
        return {"role_selection_strategy": _("A step with assigned_to has no strategy.")}
    if user is None and role is None and not _finds_people_itself(strategy):
        return {"assigned_to": _("Expected assigned_to or assigned_role.")}
    return {}


def _finds_people_itself(strategy: Any) -> bool:
    return strategy in known_strategies() and not get_strategy(strategy).needs_role


def _choice_errors(step: Mapping[str, Any]) -> dict[str, str]:
    found = {key: choices() for key, choices in _CHOICES.items() if key in step}
    return {
        key: _("'%(value)s' is none of: %(known)s.")
        % {"value": step[key], "known": ", ".join(filter(None, known))}
        for key, known in found.items()
        if step[key] not in known
    }


_CHOICES: Mapping[str, Callable[[], Sequence[str]]] = {
    "approval_type": lambda: ApprovalType.values,
    "rejection_policy": lambda: RejectionPolicy.values,
    "role_selection_strategy": lambda: ["", *known_strategies()],
    "timeout_action": lambda: ["", *TimeoutAction.values],
}


def _combination_errors(step: Mapping[str, Any]) -> dict[str, str]:
    kind, has_form = step.get("approval_type"), step.get("form") is not None
    if kind == ApprovalType.SUBMIT and not has_form:
        return {"form": _("A step of the kind 'submit' needs a form.")}
    if kind == ApprovalType.MOVE and has_form:
        return {"form": _("A step of the kind 'move' takes no form.")}
    delegates = step.get("timeout_action") == TimeoutAction.DELEGATE
    if delegates != (step.get("timeout_delegate_to") is not None):
        return {"timeout_delegate_to": _("Expected with timeout_action 'delegate', and only then.")}
    if step.get("timeout_action") and step.get("sla_duration") is None:
        return {"sla_duration": _("Expected: a step that acts at its deadline needs one.")}
    return {}


def _strategy_errors(spec: StepSpec) -> dict[str, str]:
    if not spec.role_selection_strategy:
        return {}
    return get_strategy(spec.role_selection_strategy).validate(spec)


def _spec(step: Mapping[str, Any], number: int) -> StepSpec:
    given = {key: step[key] for key in KEYS if key in step}
    if "assigned_role" in given:
        given.setdefault("role_selection_strategy", RoleSelectionStrategy.ANYONE.value)
    if "percentage_required" in given:
        given["percentage_required"] = Decimal(str(given["percentage_required"]))
    return StepSpec(**{**given, "step": number})


def _errors_together(specs: Mapping[int, StepSpec]) -> dict[str, str]:
    """What is wrong with the steps as a whole: doubled tracks, people who cannot act."""
    errors: dict[str, str] = {}
    seen: set[tuple[int, str]] = set()
    for index, spec in specs.items():
        if (spec.step, spec.parallel_group) in seen:
            errors[f"steps[{index}].step"] = _(
                "Step %(step)s is there already; steps that run side by side need different"
                " values of parallel_group."
            ) % {"step": spec.step}
        seen.add((spec.step, spec.parallel_group))
    named = {
        f"steps[{index}].{key}": getattr(spec, key).pk
        for index, spec in specs.items()
        for key in ("assigned_to", "timeout_delegate_to")
        if getattr(spec, key) is not None
    }
    active = _active_keys(set(named.values()))
    inactive = {path for path, key in named.items() if key not in active}
    return errors | {path: _("This account is not active.") for path in sorted(inactive)}


def _active_keys(keys: set[Any]) -> set[Any]:
    if not keys:
        return set()
    users = get_user_model()._default_manager.filter(pk__in=keys)
    return {user.pk for user in users if user.is_active}
