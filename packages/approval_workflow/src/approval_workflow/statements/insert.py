"""Inserting rows."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Generic

from django.db import connections, transaction
from django.db.models import Field, Model

from approval_workflow.statements.writing import M

# More rows are as fast by Django's bulk_create, which knows how many values a database takes.
MOST_ROWS = 20
# Fields that store text, whole numbers and truth values as they are.
_TAKEN_AS_IS = frozenset(
    {
        "AutoField",
        "BigAutoField",
        "BooleanField",
        "CharField",
        "IntegerField",
        "PositiveIntegerField",
        "TextField",
    }
)


class Column:
    """A column of new rows: its value as the database takes it."""

    def __init__(self, field: Any) -> None:
        self.field = field
        self._name = field.attname
        self._sets_value = type(field).pre_save is not Field.pre_save
        stored = field.target_field if field.is_relation else field
        self._as_is = stored.get_internal_type() in _TAKEN_AS_IS

    def value(self, row: Model, connection: Any) -> Any:
        """Return what is stored of the row."""
        known = not self._sets_value
        value = getattr(row, self._name) if known else self.field.pre_save(row, add=True)
        if value is None or (self._as_is and type(value) in (str, int, bool)):
            return value
        return self.field.get_db_prep_save(value, connection=connection)


class Insert(Generic[M]):
    """Inserts new rows of a model whose key the database makes, and sets their keys."""

    def __init__(self, model: type[M]) -> None:
        self.model = model

    def __call__(self, using: str, rows: Sequence[M]) -> Sequence[M]:
        """Insert the rows; return them."""
        connection = connections[using]
        if not connection.features.can_return_rows_from_bulk_insert:
            for row in rows:
                row.save(using=using, force_insert=True)
            return rows
        if len(rows) > MOST_ROWS:
            return self.model._base_manager.using(using).bulk_create(rows)
        values = [column.value(row, connection) for row in rows for column in self._columns]
        with transaction.mark_for_rollback_on_error(using), connection.cursor() as cursor:
            cursor.execute(self._sql(connection, len(rows)), values)
            keys = cursor.fetchall()
        for row, (key,) in zip(rows, keys, strict=True):
            row.pk = key
            row._state.adding, row._state.db = False, using
        return rows

    @cached_property
    def _columns(self) -> list[Column]:
        return [
            Column(field) for field in self.model._meta.concrete_fields if not field.primary_key
        ]

    def _sql(self, connection: Any, number: int) -> str:
        quote, meta = connection.ops.quote_name, self.model._meta
        columns = ", ".join(quote(column.field.column) for column in self._columns)
        row = f"({', '.join(['%s'] * len(self._columns))})"
        return (
            f"INSERT INTO {quote(meta.db_table)} ({columns})"  # noqa: S608 (names of the model)
            f" VALUES {', '.join([row] * number)} RETURNING {quote(meta.pk.column)}"
        )
