"""Forms that steps carry: where their JSON Schema is, and whether form data fits it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalType
from approval_workflow.conf import settings
from approval_workflow.exceptions import ApprovalMisconfigured, InvalidFormData

try:
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable
except ImportError:  # the extra [forms] is not installed
    jsonschema = None  # type: ignore[assignment]

# Where the schema is looked for when APPROVAL_FORM_SCHEMA_FIELD does not say.
USUAL_SCHEMA_FIELDS = ("schema", "form_schema", "form_info")
# The path of an error that concerns the form data as a whole.
WHOLE_FORM = "form_data"
# How many levels of lists and objects MariaDB keeps.
DEEPEST_JSON = 31
# The character NUL as JSON writes it; PostgreSQL cannot keep it.
NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def schema_field(model: type[Model]) -> str | None:
    """Return the name of the field that holds the schema, or None when the model has none."""
    names = {field.name for field in model._meta.get_fields()}
    configured = settings.form_schema_field
    candidates = (configured,) if configured else USUAL_SCHEMA_FIELDS
    return next((name for name in candidates if name in names), None)


def schema_of(form: Model) -> Any:
    """Return the JSON Schema of a form; raise `ApprovalMisconfigured` when its model has none."""
    name = schema_field(type(form))
    if name is None:
        raise ApprovalMisconfigured(
            f"{form._meta.label} has none of the fields {', '.join(USUAL_SCHEMA_FIELDS)};"
            " set APPROVAL_FORM_SCHEMA_FIELD."
        )
    return getattr(form, name)


def is_json(value: Any) -> bool:
    """Return whether every database can keep the value as JSON.

    Refused: values of other kinds, NaN and infinity, the character NUL, halves of surrogate pairs,
    more than 31 levels of lists and objects.
    """
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return NUL_IN_JSON.search(text) is None and not _is_too_deep(value)


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _depth in range(DEEPEST_JSON):
        level = [item for container in level for item in _items(container)]
        if not level:
            return False
    return any(isinstance(item, dict | list | tuple) for item in level)


def _items(value: Any) -> list[Any]:
    """What is in a list or an object."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def check_form_data(step: Any, form_data: Any) -> None:
    """Raise `InvalidFormData` unless the data is what this step asks for when it is approved."""
    if form_data is not None and not isinstance(form_data, Mapping):
        raise InvalidFormData({WHOLE_FORM: [_("Expected an object of field names and values.")]})
    if not is_json(form_data):
        raise InvalidFormData({WHOLE_FORM: [_("Expected values that JSON knows.")]})
    if step.approval_type == ApprovalType.MOVE:
        if form_data:
            raise InvalidFormData({WHOLE_FORM: [_("This step takes no form data.")]})
        return
    if step.form_object_id is None:
        return
    if form_data is None:
        raise InvalidFormData({WHOLE_FORM: [_("This step has a form; form data is required.")]})
    if step.form is None:
        raise ApprovalMisconfigured(f"The form of step {step.step_number} is gone.")
    validate_against_schema(schema_of(step.form), form_data)


def validate_against_schema(schema: Any, form_data: Mapping[str, Any]) -> None:
    """Raise `InvalidFormData` with one entry per field path that does not fit the JSON Schema.

    An empty schema accepts everything. Dialect: what `$schema` says, else 2020-12. References lead
    into the schema itself; nothing is fetched from elsewhere.
    """
    if not schema:
        return
    if jsonschema is None:
        raise ApprovalMisconfigured(
            "Form data is checked with jsonschema: install django-approval-workflow[forms]."
        )
    if not isinstance(schema, dict | bool):
        raise ApprovalMisconfigured("The form's schema is not a JSON Schema: expected an object.")
    validator_class = jsonschema.validators.validator_for(
        schema, default=jsonschema.Draft202012Validator
    )
    try:
        validator_class.check_schema(schema)  # type: ignore[arg-type]  # a schema may be a bool
    except jsonschema.SchemaError as error:
        raise ApprovalMisconfigured(
            f"The form's schema is not a valid JSON Schema: {error.message}"
        ) from error
    # With a registry of its own the library asks no server for what a schema refers to.
    validator = validator_class(schema, registry=Registry())
    errors: dict[str, list[str]] = {}
    try:
        for violation in validator.iter_errors(form_data):
            errors.setdefault(_path(violation), []).append(violation.message)
    except Unresolvable as error:
        raise ApprovalMisconfigured(
            f"The form's schema refers to what it does not hold: {error}"
        ) from error
    if errors:
        raise InvalidFormData(errors)


def _path(error: Any) -> str:
    """The dotted path of the field that an error is about."""
    parts = [str(part) for part in error.absolute_path]
    if error.validator == "required":
        # The library blames the object; people look for the field that is missing.
        missing = [name for name in error.validator_value if name not in error.instance]
        parts += [name for name in missing if f"'{name}'" in error.message][:1]
    return ".".join(parts) or WHOLE_FORM
