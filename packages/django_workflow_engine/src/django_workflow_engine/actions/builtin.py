"""Actions on the object itself, and those that hand over to a registered function."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import nearest
from django_workflow_engine.action_parameters import action_parameters, parameter_errors
from django_workflow_engine.actions.calling import call
from django_workflow_engine.exceptions import (
    ActionFailed,
    ActionNotAllowed,
    InvalidConfiguration,
)
from django_workflow_engine.function_paths import load_function, registered_names
from django_workflow_engine.models import WorkflowAttachment


@action_parameters(
    {
        "type": "object",
        "properties": {"field": {"type": "string", "minLength": 1}, "value": {}},
        "required": ["field", "value"],
        "additionalProperties": False,
    }
)
def set_field(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **_context: Any
) -> dict[str, Any]:
    """Write a value into a field of the object.

    Parameters: `field`, which has a column of its own and can be edited; `value`, which the field
    accepts (for a relation: the key).
    """
    target = workflow_attachment.target
    if target is None:
        raise ActionFailed("The object is gone.")
    field = _settable_field(target, action_parameters["field"])
    try:
        value = field.clean(action_parameters["value"], target)
    except ValidationError as error:
        raise InvalidConfiguration({"parameters.value": " ".join(error.messages)}) from error
    setattr(target, field.attname, value)
    target.save(update_fields=[field.name])
    return {"field": field.name}


def check_call(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the parameters of a call, by path."""
    name = parameters["function"]
    try:
        function = load_function(name)
    except ActionNotAllowed as error:
        return {"function": error.message}
    if name not in registered_names():
        return {"function": _("Expected a name given with @workflow_action.")}
    errors = parameter_errors(function, parameters.get("kwargs", {}))
    return {f"kwargs.{path}" if path else "kwargs": text for path, text in errors.items()}


@action_parameters(
    {
        "type": "object",
        "properties": {
            "function": {"type": "string", "minLength": 1},
            "kwargs": {"type": "object"},
        },
        "required": ["function"],
        "additionalProperties": False,
    },
    check_call,
)
def call_function(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> Any:
    """Call a function registered with `@workflow_action`, and return its result.

    Parameters: `function`, its name; `kwargs`, what it gets as its parameters.
    """
    function = load_function(action_parameters["function"])
    kwargs = action_parameters.get("kwargs", {})
    return call(function, workflow_attachment, kwargs, context)


def _settable_field(target: Model, name: str) -> "Field[Any, Any]":
    columns = {field.name: field for field in target._meta.concrete_fields}
    field = columns.get(name)
    if field is None:
        message = _("%(model)s has no such field.") % {"model": target._meta.label}
        raise InvalidConfiguration({"parameters.field": message + nearest(name, columns)})
    if field.primary_key or not field.editable:
        raise InvalidConfiguration({"parameters.field": _("This field cannot be edited.")})
    return field
