"""Statements whose SQL is written once in a process.

Where every approval asks the same, Django takes several times longer to build the query and to
write its SQL than the database takes to answer. A statement here is a query set like any other,
said once with parameters in place of values; a call fills them in.

    @Select
    def open_steps(flow: Any) -> QuerySet[ApprovalInstance]:
        return ApprovalInstance.objects.filter(flow=flow).current()

    rows = open_steps(using, flow=flow.pk)

Arguments are keys and values, not objects; nothing equals None, as in SQL.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from inspect import signature
from typing import Any, Generic, TypeVar

from django.db import connections, transaction
from django.db.models import Expression, Field, Manager, Model, QuerySet
from django.db.models.lookups import Lookup
from django.db.models.sql import Query, UpdateQuery

M = TypeVar("M", bound=Model)


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


class Parameter(Expression):
    """Stands for a value while the SQL is written."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]


@dataclass(frozen=True)
class Written:
    """SQL, with what makes database values of arguments and Python values of answers."""

    sql: str
    # Values, and a Parameter wherever an argument goes.
    params: Sequence[Any]
    prepare: Mapping[str, Callable[..., Any]]
    compiler: Any
    converters: Mapping[int, Any]

    def values(self, connection: Any, arguments: Mapping[str, Any]) -> list[Any]:
        """Return what is sent beside the SQL."""
        return [
            self.prepare[param.name](arguments[param.name], connection=connection)
            if isinstance(param, Parameter)
            else param
            for param in self.params
        ]


class Statement(Generic[M]):
    """A function that returns a query set; its arguments are the parameters."""

    def __init__(self, rows: "Callable[..., QuerySet[M]]") -> None:
        self.rows = rows
        self.__doc__ = rows.__doc__
        self._written: dict[Any, Written] = {}

    @cached_property
    def said(self) -> "QuerySet[M]":
        """The query set with parameters in place of values."""
        return self.rows(**{name: Parameter(name) for name in signature(self.rows).parameters})

    def _write(self, query: Query, using: str, prepare: Mapping[str, Any]) -> Written:
        compiler = query.get_compiler(using)
        sql, params = compiler.as_sql()
        converters = compiler.get_converters(column for column, *_rest in compiler.select or ())
        prepare = {**dict(_prepared_by_field(query)), **prepare}
        return Written(sql, params, prepare, compiler, converters)


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


class Update(Statement[M]):
    """Changes rows; which columns is said by each call."""

    def __call__(self, using: str, changes: Mapping[str, Any], **arguments: Any) -> int:
        """Write the changes (values by field) to the rows; return how many rows there were."""
        columns = tuple(changes)
        written = self._written.get((using, columns))
        if written is None:
            written = self._write_changes(using, columns)
        connection = connections[using]
        arguments |= {_set(name): value for name, value in changes.items()}
        values = written.values(connection, arguments)
        with transaction.mark_for_rollback_on_error(using), connection.cursor() as cursor:
            cursor.execute(written.sql, values)
            return int(cursor.rowcount)

    def _write_changes(self, using: str, columns: tuple[str, ...]) -> Written:
        query: Any = self.said.query.chain(UpdateQuery)
        query.add_update_values({name: Parameter(_set(name)) for name in columns})
        fields = {name: self.said.model._meta.get_field(name) for name in columns}
        prepare = {_set(name): partial(_to_be_saved, field) for name, field in fields.items()}
        written = self._write(query, using, prepare)
        self._written[using, columns] = written
        return written


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


def reads_all_rows(manager: "Manager[Any]") -> bool:
    """Return whether a manager has all rows of its table, whoever asks and whenever that is.

    One of a project's own may not: what it says today must not be written once for all.
    """
    return type(manager).get_queryset is Manager.get_queryset


def _set(column: str) -> str:
    return f"set {column}"


def _to_be_saved(field: Any, value: Any, connection: Any) -> Any:
    if isinstance(value, Model):
        value = value.pk
    return field.get_db_prep_save(value, connection=connection)


def _prepared_by_field(query: Query) -> Iterator[tuple[str, Callable[..., Any]]]:
    """For each parameter, what makes the database's value of an argument."""
    for node in _nodes(query):
        if isinstance(node, Lookup) and isinstance(node.rhs, Parameter):
            yield node.rhs.name, node.lhs.output_field.get_db_prep_value


def _nodes(node: Any) -> Iterator[Any]:
    """The expression and all that it is made of."""
    yield node
    if isinstance(node, Query):
        children = [node.where, *node.annotations.values()]
    else:
        children = (
            [*node.get_source_expressions()] if hasattr(node, "get_source_expressions") else []
        )
    for child in children:
        if child is not None:
            yield from _nodes(child)
