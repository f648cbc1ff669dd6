"""Calling the function of an action, in the form that its signature asks for.

Two forms are supported:

- `f(workflow_attachment, action_parameters, **context)`;
- `f(context, parameters=None)`, known by its first argument being called `context`.

None or any other result but False means success; False and exceptions mean failure.
"""

import inspect
from collections.abc import Mapping
from inspect import Parameter
from typing import Any

from django_workflow_engine.exceptions import ActionFailed
from django_workflow_engine.function_paths import ActionFunction

_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def call(
    function: ActionFunction,
    attachment: Any,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
) -> Any:
    """Call the function and return its result; raise `ActionFailed` when that is False."""
    arguments = list(inspect.signature(function).parameters.values())
    if arguments and arguments[0].name == "context" and arguments[0].kind in _BY_PLACE:
        result = _call_with_context(function, arguments, parameters, context)
    else:
        result = _call_with_attachment(function, arguments, attachment, parameters, context)
    if result is False:
        raise ActionFailed("The function returned False.")
    return result


def _call_with_context(
    function: ActionFunction,
    arguments: list[Parameter],
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
) -> Any:
    given: list[Any] = [dict(context)]
    if len(arguments) > 1 and arguments[1].kind in _BY_PLACE:
        given.append(dict(parameters))
    return function(*given)


def _call_with_attachment(
    function: ActionFunction,
    arguments: list[Parameter],
    attachment: Any,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
) -> Any:
    named = [argument.name for argument in arguments if argument.kind in _BY_PLACE]
    wanted = {
        argument.name
        for argument in arguments
        if argument.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    }
    takes_all = any(argument.kind is Parameter.VAR_KEYWORD for argument in arguments)
    given = {
        name: value
        for name, value in context.items()
        if name not in named[:2] and (takes_all or name in wanted)
    }
    return function(attachment, dict(parameters), **given)
