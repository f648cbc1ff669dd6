"""Reading rows."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.db import connections
from django.db.models import Manager, QuerySet
from django.db.models.sql import Query

from approval_workflow.statements.writing import M, Statement


class Select(Statement[M]):
    """Reads rows; `Select(rows, "assigned_to")` reads the objects of these foreign keys too.

    Of foreign keys of those as well, each after its own: `Select(rows, "flow", "flow__starter")`.
    """

    def __init__(self, rows: "Callable[..., QuerySet[M]]", *related: str) -> None:
        super().__init__(rows)
        self.related = related

    def __call__(self, using: str, **arguments: Any) -> list[M]:
        """Return the rows that the query set with these values has."""
        written = self._written.get(using)
        if written is None:
            written = self._written[using] = self._write(self._columns, using, {})
        connection = connections[using]
        with connection.cursor() as cursor:
            cursor.execute(written.sql, written.values(connection, arguments))
            found = cursor.fetchall()
        if written.converters:
            found = written.compiler.apply_converters(found, written.converters)
        return [self._made(using, row) for row in found]

    def first(self, using: str, **arguments: Any) -> M | None:
        """Return the first of the rows, or None where there is none."""
        return next(iter(self(using, **arguments)), None)

    @cached_property
    def _parts(self) -> list[tuple[str, Any, list[str]]]:
        """For the rows and for what belongs to them: its name, model and columns."""
        model = self.said.model
        models: dict[str, Any] = {"": model}
        for path in self.related:
            before, _separator, name = path.rpartition("__")
            models[path] = models[before]._meta.get_field(name).related_model
        return [
            (name, found, [field.attname for field in found._meta.concrete_fields])
            for name, found in models.items()
        ]

    @property
    def _columns(self) -> Query:
        names = [
            f"{part}__{name}" if part else name
            for part, _model, names in self._parts
            for name in names
        ]
        return self.said.values_list(*names).query

    def _made(self, using: str, row: Sequence[Any]) -> Any:
        (_name, model, columns), *related = self._parts
        begin = len(columns)
        made: dict[str, Any] = {"": model.from_db(using, columns, row[:begin])}
        for path, other, columns in related:
            values = row[begin : begin + len(columns)]
            begin += len(columns)
            # All columns are NULL where there is no such object.
            found = any(value is not None for value in values)
            made[path] = other.from_db(using, columns, values) if found else None
            before, _separator, name = path.rpartition("__")
            if made[before] is not None:
                setattr(made[before], name, made[path])
        return made[""]


def reads_all_rows(manager: "Manager[Any]") -> bool:
    """Return whether a manager has all rows of its table, whoever asks and whenever that is.

    One of a project's own may not: what it says today must not be written once for all.
    """
    return type(manager).get_queryset is Manager.get_queryset
