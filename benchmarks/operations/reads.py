"""What is common to reading by hand, and to comparing what was read."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model


def columns(model: type[Model], alias: str) -> str:
    """All columns of a model, as SQL asks for them; the key comes first."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def keys(rows: Sequence[Any]) -> list[Any]:
    """The keys of rows: of objects, or of tuples that begin with them."""
    return [row.pk if isinstance(row, Model) else row[0] for row in rows]
