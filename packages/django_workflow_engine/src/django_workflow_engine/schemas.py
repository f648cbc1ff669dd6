"""What a stage stores in `stage_info`, and the check of it.

    {
        "color": "#rrggbb",                          # may be left out
        "approvals": [
            {
                "approval_type": "ROLE" | "USER",
                "user_role": key of a role,          # ROLE
                "role_selection_strategy": value,    # ROLE; "anyone" when left out
                "approval_user": key of a user,      # USER
                "required_form": key of a form,
                "step_approval_type": "approve" | "submit" | "check_in_verify" | "move",
                "allow_higher_level": bool,
                "rejection_policy": "first" | "out_of_reach",
            },
        ],
    }

Words are taken in any case and stored as above; empty values are left out. A stage that asks nobody
yet is not an error here: it cannot be run, which is checked when the workflow is attached.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Model, TextChoices
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalType, RejectionPolicy, RoleSelectionStrategy
from approval_workflow.conf import settings as approval_settings
from approval_workflow.exceptions import nearest
from approval_workflow.strategies import all_strategies
from approval_workflow.types import StepSpec
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.exceptions import InvalidConfiguration

K = TypeVar("K", bound=Hashable)

STAGE_KEYS = ("color", "approvals")
# Keys of an approval that name an object, and what the object is.
REFERENCE_KEYS = ("user_role", "approval_user", "required_form")
# Keys that an approval of a kind must have, and those that are for the other kind.
REQUIRED_KEY = {ApprovalTypes.ROLE.value: "user_role", ApprovalTypes.USER.value: "approval_user"}
KEYS_OF_OTHERS = {
    ApprovalTypes.ROLE.value: ("approval_user",),
    ApprovalTypes.USER.value: ("user_role", "role_selection_strategy"),
}
COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class Unusable(Exception):
    """A value is none that its key takes; the text says why."""


def validate_stage_info(stage_info: Any) -> dict[str, Any]:
    """Return the configuration as it is stored; raise `InvalidConfiguration` with all errors.

    Roles, users and forms named there must exist, and strategies be known.
    """
    parsed = parse_stage_info(stage_info)
    errors = reference_errors({"stage_info": parsed})
    if errors:
        raise InvalidConfiguration(errors["stage_info"])
    return parsed


def parse_stage_info(stage_info: Any) -> dict[str, Any]:
    """Return the configuration as it is stored, judged by its shape alone."""
    errors: dict[str, str] = {}
    parsed = _parse_stage(stage_info, errors)
    if errors:
        raise InvalidConfiguration(errors)
    return parsed


def reference_errors(configurations: Mapping[K, Mapping[str, Any]]) -> dict[K, dict[str, str]]:
    """Return what is named in parsed configurations and does not exist, by path.

    One statement for each kind of object, however many configurations. Keys of the answer are those
    of `configurations` that have errors.
    """
    found = {key: _existing(key, configurations.values()) for key in REFERENCE_KEYS}
    strategies = usable_strategies()
    errors = {
        name: {
            f"approvals[{index}].{key}": message
            for index, approval in enumerate(configuration.get("approvals", ()))
            for key, message in _approval_errors(approval, found, strategies)
        }
        for name, configuration in configurations.items()
    }
    return {name: messages for name, messages in errors.items() if messages}


def existing_keys(model: type[Model] | None, keys: Iterable[str]) -> set[str]:
    """Return those of the keys for which the model has an object; none without a model."""
    usable = [key for key in keys if model is not None and _can_be_key(model, key)]
    if model is None or not usable:
        return set()
    found = model._default_manager.filter(pk__in=usable).values_list("pk", flat=True)
    return {str(pk) for pk in found}


def _can_be_key(model: type[Model], text: str) -> bool:
    try:
        model._meta.pk.run_validators(model._meta.pk.to_python(text))
    except ValidationError:
        return False
    return True


def usable_strategies() -> list[str]:
    """Return the strategies that need no numbers besides what an approval of a stage holds."""
    plain = StepSpec(step=1)
    return [strategy.value for strategy in all_strategies() if not strategy.validate(plain)]


def _parse_stage(stage_info: Any, errors: dict[str, str]) -> dict[str, Any]:
    if not isinstance(stage_info, Mapping):
        errors["stage_info"] = _("Expected an object.")
        return {}
    _refuse_unknown(stage_info, STAGE_KEYS, "", errors)
    parsed: dict[str, Any] = {}
    color = stage_info.get("color")
    if isinstance(color, str) and COLOR.fullmatch(color):
        parsed["color"] = color
    elif not _is_empty(color):
        errors["color"] = _("Expected a colour such as #3498db.")
    approvals = stage_info.get("approvals")
    if isinstance(approvals, list | tuple):
        if approvals:
            parsed["approvals"] = [
                _parse_approval(approval, f"approvals[{index}]", errors)
                for index, approval in enumerate(approvals)
            ]
    elif not _is_empty(approvals):
        errors["approvals"] = _("Expected a list.")
    return parsed


def _parse_approval(approval: Any, path: str, errors: dict[str, str]) -> dict[str, Any]:
    if not isinstance(approval, Mapping):
        errors[path] = _("Expected an object.")
        return {}
    _refuse_unknown(approval, APPROVAL_READERS, f"{path}.", errors)
    parsed: dict[str, Any] = {}
    for key, read in APPROVAL_READERS.items():
        value = approval.get(key)
        if _is_empty(value):
            continue
        try:
            parsed[key] = read(value)
        except Unusable as error:
            errors[f"{path}.{key}"] = str(error)
    _check_together(parsed, path, errors)
    return parsed


def _check_together(approval: dict[str, Any], path: str, errors: dict[str, str]) -> None:
    """Check the keys of one approval against each other; fill the strategy in."""
    kind = approval.get("approval_type")
    if kind is None:
        errors.setdefault(
            f"{path}.approval_type",
            _("Expected one of: %(known)s.") % {"known": ", ".join(ApprovalTypes.values)},
        )
        return
    if REQUIRED_KEY[kind] not in approval:
        errors.setdefault(f"{path}.{REQUIRED_KEY[kind]}", _("This is required."))
    for key in KEYS_OF_OTHERS[kind]:
        if key in approval:
            errors[f"{path}.{key}"] = _("Not for an approval of type %(kind)s.") % {"kind": kind}
    if kind == ApprovalTypes.ROLE.value:
        approval.setdefault("role_selection_strategy", RoleSelectionStrategy.ANYONE.value)
    _check_form(approval, f"{path}.required_form", errors)


def _check_form(approval: Mapping[str, Any], path: str, errors: dict[str, str]) -> None:
    asked_for = approval.get("step_approval_type")
    has_form = "required_form" in approval
    if asked_for == ApprovalType.SUBMIT.value and not has_form:
        errors.setdefault(path, _("Something to submit needs a form."))
    if asked_for == ApprovalType.MOVE.value and has_form:
        errors[path] = _("A step that only moves on takes no form.")


def _refuse_unknown(
    given: Mapping[Any, Any], known: Iterable[str], prefix: str, errors: dict[str, str]
) -> None:
    for key in given:
        if key not in known:
            errors[f"{prefix}{key}"] = _("There is no such key.") + nearest(key, known)


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def _word(value: Any) -> str:
    """The text of a word, given as text or as a member of an enumeration."""
    plain = value.value if isinstance(value, Enum) else value
    if not isinstance(plain, str):
        raise Unusable(_("Expected a word."))
    return plain.strip()


def _one_of(choices: type[TextChoices]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        by_lower = {str(known).lower(): str(known) for known in choices.values}
        try:
            return by_lower[_word(value).lower()]
        except KeyError:
            raise Unusable(
                _("Expected one of: %(known)s.") % {"known": ", ".join(choices.values)}
            ) from None

    return read


def _strategy(value: Any) -> str:
    return _word(value).lower()


def _key(value: Any) -> Any:
    """The key of an object: a number or text, as JSON can hold it."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Unusable(_("Expected the key of an object."))
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unusable(_("Expected true or false."))
    return value


# How each key of an approval is read; a reader raises `Unusable` with the message.
APPROVAL_READERS: dict[str, Callable[[Any], Any]] = {
    "approval_type": _one_of(ApprovalTypes),
    "user_role": _key,
    "role_selection_strategy": _strategy,
    "approval_user": _key,
    "required_form": _key,
    "step_approval_type": _one_of(ApprovalType),
    "allow_higher_level": _boolean,
    "rejection_policy": _one_of(RejectionPolicy),
}


def _approval_errors(
    approval: Mapping[str, Any], found: Mapping[str, set[str]], strategies: list[str]
) -> Iterable[tuple[str, str]]:
    for key in REFERENCE_KEYS:
        if key in approval and str(approval[key]) not in found[key]:
            yield key, _missing(key, approval[key])
    strategy = approval.get("role_selection_strategy")
    if strategy is not None and strategy not in strategies:
        yield (
            "role_selection_strategy",
            _("Expected one of: %(known)s.") % {"known": ", ".join(strategies)},
        )


def _missing(key: str, value: Any) -> str:
    if _model_of(key) is None:
        return _("The setting %(setting)s does not say what this is.") % {"setting": SETTINGS[key]}
    return _("There is none with the key '%(key)s'.") % {"key": value}


# The setting that names the model of a reference, for its message.
SETTINGS = {
    "user_role": "APPROVAL_ROLE_MODEL",
    "approval_user": "AUTH_USER_MODEL",
    "required_form": "APPROVAL_DYNAMIC_FORM_MODEL",
}


def _model_of(key: str) -> type[Model] | None:
    if key == "approval_user":
        return get_user_model()
    if key == "user_role":
        return approval_settings.role_model
    return approval_settings.dynamic_form_model


def _existing(key: str, configurations: Iterable[Mapping[str, Any]]) -> set[str]:
    """The named keys for which there is an object, as text."""
    named = {
        str(approval[key])
        for configuration in configurations
        for approval in configuration.get("approvals", ())
        if key in approval
    }
    return existing_keys(_model_of(key), named)
