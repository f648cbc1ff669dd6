"""How single values of a configuration are read: to what JSON can hold, or `Unusable`."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from uuid import UUID

from django.db.models import TextChoices
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string
from django.utils.translation import gettext as _

from approval_workflow.forms import is_json
from approval_workflow.models import ApprovalInstance

# What a column for whole numbers holds on every database.
LARGEST_NUMBER = 2**31 - 1
# Deadlines further away are a slip of the pen; some databases could not hold them either.
LONGEST_DURATION = timedelta(days=36_500)


class Unusable(Exception):
    """A value is none that its key takes; the text says why."""


def is_empty(value: Any) -> bool:
    return value is None or value == ""


def word(value: Any) -> str:
    """The text of a word, given as text or as a member of an enumeration."""
    plain = value.value if isinstance(value, Enum) else value
    if not isinstance(plain, str):
        raise Unusable(_("Expected a word."))
    return plain.strip()


def lower_word(value: Any) -> str:
    return word(value).lower()


def one_of(choices: type[TextChoices]) -> Callable[[Any], str]:
    """Return a reader of the values of an enumeration, in any case."""

    def read(value: Any) -> str:
        by_lower = {str(known).lower(): str(known) for known in choices.values}
        try:
            return by_lower[word(value).lower()]
        except KeyError:
            raise Unusable(
                _("Expected one of: %(known)s.") % {"known": ", ".join(choices.values)}
            ) from None

    return read


def key(value: Any) -> Any:
    """The key of an object: a number or text, as JSON can hold it."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Unusable(_("Expected the key of an object."))
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unusable(_("Expected true or false."))
    return value


def count(value: Any) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not 1 <= value <= LARGEST_NUMBER:
        raise Unusable(_("Expected a whole number of at least 1."))
    return int(value)


def percentage(value: Any) -> int | float:
    """Above 0, at most 100, two decimal places; as a number, which keeps two places exactly."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 < number <= 100 or number != round(number, 2):  # noqa: PLR2004
        raise Unusable(_("Expected a percentage above 0, at most 100, with two decimal places."))
    return int(number) if number == int(number) else float(number)


def duration(value: Any) -> str:
    """A length of time as ISO 8601 text, given so or in seconds."""
    length = _timedelta(value)
    if length is None or not timedelta(0) < length <= LONGEST_DURATION:
        raise Unusable(_("Expected a length of time such as P2DT4H, or a number of seconds."))
    return duration_iso_string(length)


def _timedelta(value: Any) -> timedelta | None:
    if isinstance(value, timedelta):
        return value
    try:
        if isinstance(value, str):
            return parse_duration(value.strip())
        if isinstance(value, int | float) and not isinstance(value, bool):
            return timedelta(seconds=value)
    except (ValueError, OverflowError):
        pass
    return None


def text_of_step(field: str) -> Callable[[Any], str]:
    """Return a reader of text that fits in a column of the core's steps."""

    def read(value: Any) -> str:
        most = getattr(ApprovalInstance._meta.get_field(field), "max_length", None) or 0
        if not isinstance(value, str) or len(value.strip()) > most or not is_json(value):
            raise Unusable(_("Expected text of at most %(most)s characters.") % {"most": most})
        return value.strip()

    return read


def json_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not is_json(dict(value)):
        raise Unusable(_("Expected an object."))
    return dict(value)
