"""Lengths of time as people write them: "2 days", "1 day 4 hours"; in Arabic too."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)

# What is understood, in whatever language the page is: by its beginning.
WORDS: Mapping[str, timedelta] = {
    "week": 7 * DAY,
    "day": DAY,
    "hour": HOUR,
    "hr": HOUR,
    "minute": MINUTE,
    "min": MINUTE,
    "second": SECOND,
    "sec": SECOND,
    "أسبوع": 7 * DAY,
    "اسبوع": 7 * DAY,
    "أسابيع": 7 * DAY,
    "اسابيع": 7 * DAY,
    "يوم": DAY,
    "أيام": DAY,
    "ايام": DAY,
    "ساع": HOUR,
    "دقيق": MINUTE,
    "دقائق": MINUTE,
    "ثاني": SECOND,
    "ثواني": SECOND,
    "ثوان": SECOND,
}
LETTERS: Mapping[str, timedelta] = {
    "w": 7 * DAY,
    "d": DAY,
    "h": HOUR,
    "m": MINUTE,
    "s": SECOND,
}
# The endings by which Arabic says two of a thing, without a number.
DUAL = ("ان", "ين")
# Marks that Arabic may carry or leave out.
VOWEL_MARKS = re.compile("[\u064b-\u0652]")
PART = re.compile(r"\s*(?:و\s*)?(?:(\d+(?:[.,\u066b]\d+)?)\s*)?([^\W\d]+)[\s,،]*")


class LengthField(forms.CharField):
    """A length of time; cleaned to the ISO 8601 text in which it is stored."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", gettext_lazy("For example: 2 days, or 1 day 4 hours."))
        widget = forms.TextInput(attrs={"dir": "auto"})
        super().__init__(required=False, max_length=100, widget=widget, **kwargs)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        length = read(text)
        if length is None or length <= timedelta(0):
            raise forms.ValidationError(_("Expected a length of time such as 2 days or 4 hours."))
        return duration_iso_string(length)


def read(text: str) -> timedelta | None:
    """Return the length of time that was written, or None for anything else."""
    text = VOWEL_MARKS.sub("", text.strip().lower())
    try:
        return _read_words(text) or _read_iso(text)
    except OverflowError:
        return None


def write(stored: Any) -> str:
    """Return a stored length of time in words; text that is none, as it is."""
    length = _read_iso(stored) if isinstance(stored, str) else None
    if length is None:
        return str(stored or "")
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = (
        (days, ngettext("%(count)s day", "%(count)s days", days)),
        (hours, ngettext("%(count)s hour", "%(count)s hours", hours)),
        (minutes, ngettext("%(count)s minute", "%(count)s minutes", minutes)),
        (seconds, ngettext("%(count)s second", "%(count)s seconds", seconds)),
    )
    return " ".join(words % {"count": count} for count, words in parts if count)


def _read_iso(text: str) -> timedelta | None:
    text = text.strip().upper()
    try:
        return parse_duration(text) if text.startswith("P") else None
    except ValueError:
        return None


def _read_words(text: str) -> timedelta | None:
    total, place = timedelta(0), 0
    while place < len(text):
        part = PART.match(text, place)
        if part is None:
            return None
        length = _length_of(part[1], part[2])
        if length is None:
            return None
        total += length
        place = part.end()
    return total


def _length_of(number: str | None, word: str) -> timedelta | None:
    unit = LETTERS.get(word) or next(
        (length for start, length in WORDS.items() if word.startswith(start)), None
    )
    if unit is None:
        return None
    if number is not None:
        return unit * float(number.replace(",", ".").replace("\u066b", "."))
    if word.isascii():
        return None
    return unit * (2 if word.endswith(DUAL) else 1)
