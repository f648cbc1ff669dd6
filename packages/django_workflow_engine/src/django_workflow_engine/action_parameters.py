"""What the functions of actions take as parameters: checked when an action is saved, and again
right before the call, because rows can be written around the ORM.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from approval_workflow.exceptions import InvalidFormData, nearest
from approval_workflow.forms import WHOLE_FORM, is_json, validate_against_schema
from django_workflow_engine.exceptions import InvalidConfiguration

F = TypeVar("F", bound=Callable[..., Any])
# Parameters in, messages by path out.
Check = Callable[[Mapping[str, Any]], Mapping[str, str]]

# The field of an action that paths of errors begin with.
ROOT = "parameters"
# Where a function keeps its rules.
ATTRIBUTE = "workflow_action_parameters"


@dataclass(frozen=True, slots=True)
class Rules:
    """A JSON Schema, and a function for what a schema cannot say."""

    schema: Mapping[str, Any]
    check: Check | None


def action_parameters(schema: Mapping[str, Any], check: Check | None = None) -> Callable[[F], F]:
    """Decorator: say which parameters a function of actions takes.

    `schema`: JSON Schema (2020-12) of the parameters, an object. `check` gets parameters that fit
    the schema and returns messages by path, as `{"url": "Expected https."}`; nothing is wrong where
    it returns nothing. An action with other parameters cannot be saved, and one that was written
    past that check is dead when its turn comes.
    """

    def mark(function: F) -> F:
        setattr(function, ATTRIBUTE, Rules(schema, check))
        return function

    return mark


def check_action_parameters(function: Callable[..., Any], parameters: Any) -> None:
    """Raise `InvalidConfiguration`, its paths beginning with "parameters", unless they fit."""
    errors = parameter_errors(function, parameters)
    if errors:
        raise InvalidConfiguration(
            {f"{ROOT}.{path}" if path else ROOT: message for path, message in errors.items()}
        )


def parameter_errors(function: Callable[..., Any], parameters: Any) -> dict[str, str]:
    """Return what is wrong with the parameters, by path; "" stands for all of them."""
    if not isinstance(parameters, Mapping) or not is_json(dict(parameters)):
        return {"": _("Expected an object of names and values that JSON knows.")}
    rules = getattr(function, ATTRIBUTE, None)
    if not isinstance(rules, Rules):
        return {}
    unknown = dict(_unknown(rules.schema, parameters))
    return unknown or _misfits(rules, parameters)


def _unknown(schema: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the schema closes out, told with the nearest name."""
    if schema.get("additionalProperties", True) is not False:
        return
    known = schema.get("properties", {})
    for name in parameters:
        if name not in known:
            yield name, _("There is no such parameter.") + nearest(name, known)


def _misfits(rules: Rules, parameters: Mapping[str, Any]) -> dict[str, str]:
    try:
        validate_against_schema(dict(rules.schema), dict(parameters))
    except InvalidFormData as error:
        return {
            "" if path == WHOLE_FORM else path: " ".join(messages)
            for path, messages in error.errors.items()
        }
    return dict(rules.check(parameters)) if rules.check is not None else {}
