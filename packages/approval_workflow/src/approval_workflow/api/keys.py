"""Keys of people, roles and forms, and names of models, as JSON and query strings carry them."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, IntegerField, Model, UUIDField

# What a column for keys holds on every database.
LARGEST_KEY = 2**63 - 1
# A model as "app.model".
MODEL_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,98}\.[A-Za-z_][A-Za-z0-9_]{0,98}\Z")
DIGITS = re.compile(r"[0-9]{1,19}")


def key_in_json(model: type[Model], value: Any) -> Any:
    """Return the key that a JSON value is; raise `ValueError` for anything else.

    Whole numbers for models with such keys, text for all others.
    """
    field = _key_field(model)
    wanted = int if isinstance(field, IntegerField) else str
    right = isinstance(value, wanted) and not isinstance(value, bool)
    if not right or (wanted is int and not 0 < value <= LARGEST_KEY):
        raise ValueError(value)
    return value if wanted is int else _key_as_text(field, value)


def key_in_url(model: type[Model], value: str) -> Any:
    """Return the key that a text is; raise `ValueError` for anything else."""
    field = _key_field(model)
    if not isinstance(field, IntegerField):
        return _key_as_text(field, value)
    if not DIGITS.fullmatch(value) or not 0 < int(value) <= LARGEST_KEY:
        raise ValueError(value)
    return int(value)


def key_schema(model: type[Model] | None) -> dict[str, Any]:
    """Return the JSON Schema of the model's keys; of any key where there is no model."""
    field = None if model is None else _key_field(model)
    if isinstance(field, IntegerField):
        return {"type": "integer", "minimum": 1, "maximum": LARGEST_KEY}
    if isinstance(field, UUIDField):
        return {"type": "string", "format": "uuid"}
    return {"type": "string", "minLength": 1}


def model_name(value: str) -> tuple[str, str]:
    """Return app label and model of "app.model"; raise `ValueError` for anything else."""
    if not MODEL_NAME.fullmatch(value):
        raise ValueError(value)
    app_label, _dot, model = value.partition(".")
    return app_label, model.lower()


def shown_key(key: Any) -> Any:
    """Return a key as JSON shows it."""
    return key if key is None or isinstance(key, int) else str(key)


def _key_field(model: type[Model]) -> "Field[Any, Any]":
    """The field that holds the key, for a model that inherits it that of the parent."""
    field: Any = model._meta.pk
    while field.remote_field is not None:
        field = field.target_field
    found: Field[Any, Any] = field
    return found


def _key_as_text(field: "Field[Any, Any]", value: str) -> Any:
    if not value or "\0" in value:
        raise ValueError(value)
    try:
        return field.to_python(value)
    except ValidationError as error:
        raise ValueError(value) from error
