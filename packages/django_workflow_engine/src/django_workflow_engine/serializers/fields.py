"""Fields of template rows."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import ActionNotAllowed, InvalidConfiguration
from django_workflow_engine.function_paths import check_function_path


class ConfigurationField(serializers.JSONField):
    """Configuration as `parse` reads it; errors come by path, as `approvals[0].user_role`.

    What is named there is looked up by the serializer, for all rows at once.
    """

    def __init__(self, *, parse: Callable[[Any], dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._parse = parse

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            return self._parse(super().to_internal_value(data))
        except InvalidConfiguration as error:
            raise serializers.ValidationError(
                {path: [message] for path, message in error.errors.items()}, code=error.code
            ) from error


class DepartmentKeyField(serializers.CharField):
    """The key of a department: stored as text, shown as the department's own model has it."""

    def to_representation(self, value: Any) -> Any:
        model = settings.department_model
        return value if model is None else model._meta.pk.to_python(value)


class FunctionPathField(serializers.CharField):
    """The path of a function that actions may call."""

    def to_internal_value(self, data: Any) -> str:
        path = super().to_internal_value(data)
        try:
            check_function_path(path)
        except ActionNotAllowed as error:
            raise serializers.ValidationError(error.message, code=error.code) from error
        return path


class ObjectField(serializers.JSONField):
    """A JSON object."""

    default_error_messages = {"not_an_object": _("Expected an object.")}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            self.fail("not_an_object")
        return value
