"""Texts of one direction of writing inside pages of the other."""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import format_html

# Where no markup can stand: between these, a text has the direction of its own first letter.
_FIRST_STRONG_ISOLATE = "\u2068"
_POP_ISOLATE = "\u2069"


def isolated(text: object) -> str:
    """Return a name so that it does not reorder the sentence around it, nor that the name."""
    return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"


def shown_json(value: Any) -> str:
    """Return a JSON value as it is written everywhere: from left to right."""
    text = json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
    return format_html('<code dir="ltr">{}</code>', text)
