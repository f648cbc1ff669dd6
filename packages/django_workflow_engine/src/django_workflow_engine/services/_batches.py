"""Reading many rows in bounded memory."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def in_batches(rows: "QuerySet[M]", size: int) -> Iterator[list[M]]:
    """Yield the rows in the order of their keys, so many at a time, one statement each.

    Rows may be changed while they are read; no cursor is held open between the batches.
    """
    ordered = rows.order_by("pk")
    batch = list(ordered[:size])
    while batch:
        yield batch
        if len(batch) < size:
            return
        batch = list(ordered.filter(pk__gt=batch[-1].pk)[:size])
