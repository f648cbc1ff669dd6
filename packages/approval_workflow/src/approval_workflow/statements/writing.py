"""A query set with parameters in place of values, and its SQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from inspect import signature
from typing import Any, Generic, TypeVar

from django.db.models import Expression, Model, QuerySet
from django.db.models.lookups import Lookup
from django.db.models.sql import Query

M = TypeVar("M", bound=Model)


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


def _prepared_by_field(query: Query) -> Iterator[tuple[str, Callable[..., Any]]]:
    """For each parameter, what makes the database's value of an argument."""
    for node in _nodes(query):
        if isinstance(node, Lookup) and isinstance(node.rhs, Parameter):
            yield node.rhs.name, partial(_looked_up, node.lhs.output_field)


def _looked_up(field: Any, value: Any, connection: Any) -> Any:
    """The value as look-ups by this field send it."""
    return field.get_db_prep_value(field.get_prep_value(value), connection, prepared=True)


def _nodes(node: Any) -> Iterator[Any]:
    """The expression and all that it is made of."""
    yield node
    if isinstance(node, Query):
        parts = [node.where, *node.annotations.values()]
    else:
        parts = getattr(node, "get_source_expressions", list)()
    for part in parts:
        if part is not None:
            yield from _nodes(part)
