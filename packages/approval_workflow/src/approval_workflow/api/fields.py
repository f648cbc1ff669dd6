"""Fields that take JSON as it is: no text for numbers, no numbers for text."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.validators import RegexValidator
from django.db.models import Model, TextChoices
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from approval_workflow.api.keys import MODEL_NAME, key_in_json
from approval_workflow.forms import is_json

LONGEST_TEXT = 10_000
# In per cent.
WHOLE = 100
# Moments that every database can keep, and every time zone can show.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)


def moment_in(value: Any) -> datetime:
    """Return the moment that a text is; raise `ValueError` for anything else.

    It has to name its offset. What is before 1900, or after all that can be kept, is drawn in.
    """
    found = parse_datetime(value) if isinstance(value, str) else None
    if found is None or found.tzinfo is None:
        raise ValueError(value)
    return min(max(found, EARLIEST), LATEST).astimezone(UTC)


class Text(serializers.CharField):
    """Text that every database can keep, as it was sent."""

    default_error_messages = {"no_text": _("Expected text without NUL characters.")}

    def __init__(self, **options: Any) -> None:
        bounds = {"min_length": 0 if options.get("allow_blank") else 1, "max_length": LONGEST_TEXT}
        super().__init__(**{"trim_whitespace": False, **bounds, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not is_json(data):
            self.fail("no_text")
        return super().to_internal_value(data)


class Comment(Text):
    """Text that may be left out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "allow_blank": True, "default": "", **options})


class Reason(Text):
    """Text that has to say something."""

    default_error_messages = {"blank": _("Expected why this is done.")}

    def __init__(self, **options: Any) -> None:
        says_something = RegexValidator(r"\S", self.default_error_messages["blank"])
        super().__init__(validators=[says_something], **options)


class WholeNumber(serializers.IntegerField):
    default_error_messages = {"no_number": _("Expected a whole number.")}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("no_number")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    default_error_messages = {"no_flag": _("Expected true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("no_flag")
        return data


class Percentage(serializers.FloatField):
    """A number above 0 and at most 100; how exact it may be is for the step."""

    default_error_messages = {"no_number": _("Expected a number above 0, at most 100.")}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int | float) or not 0 < data <= WHOLE:
            self.fail("no_number")
        return data


class Enumerated(serializers.ChoiceField):
    """One of the values of an enumeration, which has a name of its own in the API's schema."""

    def __init__(self, enumeration: type[TextChoices], **options: Any) -> None:
        self.enumeration = enumeration
        super().__init__(choices=enumeration.choices, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return str(super().to_internal_value(data))


class JsonObject(serializers.DictField):
    """An object of names and values that every database can keep."""

    default_error_messages = {"no_json": _("Expected an object of values that JSON knows.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict) or not is_json(data):
            self.fail("no_json")
        return data


class Moment(serializers.DateTimeField):
    """A moment with its offset, as ISO 8601 writes it."""

    default_error_messages = {
        "no_moment": _("Expected a moment with its offset, as 2026-03-01T09:00:00+03:00.")
    }

    def to_internal_value(self, value: Any) -> datetime:
        try:
            return moment_in(value)
        except ValueError:
            self.fail("no_moment")


class Key(serializers.Field[Any, Any, Any, Any]):
    """The key of an object of a model that only the settings name."""

    default_error_messages = {
        "no_key": _("Expected a key."),
        "no_model": _("This site has no such objects."),
    }

    def __init__(self, model: Callable[[], type[Model] | None], **options: Any) -> None:
        self.model = model
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        model = self.model()
        if model is None:
            self.fail("no_model")
        try:
            return key_in_json(model, data)
        except ValueError:
            self.fail("no_key")

    def to_representation(self, value: Any) -> Any:
        return value


class Person(Key):
    """The key of a user; becomes the user."""

    default_error_messages = {"nobody": _("There is no such person.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(get_user_model, **options)

    def to_internal_value(self, data: Any) -> Any:
        key = super().to_internal_value(data)
        user = get_user_model()._default_manager.filter(pk=key).first()
        if user is None:
            self.fail("nobody")
        return user


class ModelName(Text):
    """A model as "app.model"."""

    def __init__(self, **options: Any) -> None:
        expected = RegexValidator(MODEL_NAME, _("Expected a model as 'app.model'."))
        super().__init__(validators=[expected], max_length=200, **options)
