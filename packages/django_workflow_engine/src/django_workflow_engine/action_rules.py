"""What an action may be: its functions, its parameters and its conditions, judged together."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Model

from django_workflow_engine.action_parameters import check_action_parameters
from django_workflow_engine.conditions import check_conditions
from django_workflow_engine.exceptions import (
    ActionNotAllowed,
    InvalidConfiguration,
    InvalidExpression,
)
from django_workflow_engine.expressions import check_condition
from django_workflow_engine.function_paths import check_function_path, load_function


def check_action(
    function_path: str,
    parameters: Any,
    conditions: Any,
    models: Sequence[type[Model]] = (),
    *,
    when: str = "",
    compensation: str = "",
) -> None:
    """Raise `ActionNotAllowed` for the function, `InvalidConfiguration` by path for the rest.

    `models`: those whose objects the conditions are for, where they are known.
    """
    check_action_parameters(load_function(function_path), parameters)
    check_conditions(conditions, models)
    if when:
        _check_when(when, models)
    if compensation:
        _check_compensation(compensation)


def action_mistakes(
    function_path: str,
    parameters: Any,
    conditions: Any,
    models: Sequence[type[Model]] = (),
    **others: Any,
) -> dict[str, str]:
    """Return what `check_action` complains of: messages by path, as "parameters.url"."""
    try:
        check_action(function_path, parameters, conditions, models, **others)
    except ActionNotAllowed as error:
        return {"function_path": error.message}
    except InvalidConfiguration as error:
        return dict(error.errors)
    return {}


def _check_when(when: str, models: Sequence[type[Model]]) -> None:
    try:
        check_condition(when, models)
    except InvalidExpression as error:
        raise InvalidConfiguration({"when": error.message}) from error


def _check_compensation(path: str) -> None:
    try:
        check_function_path(path)
    except ActionNotAllowed as error:
        raise InvalidConfiguration({"compensation": error.message}) from error


def by_field(mistakes: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the messages by the field of the action, each with the rest of its path."""
    found: dict[str, list[str]] = {}
    for path, message in mistakes.items():
        field, _dot, rest = path.partition(".")
        found.setdefault(field, []).append(f"{rest}: {message}" if rest else message)
    return found
