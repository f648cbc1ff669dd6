"""Copies of rows, made by the database: any number of them in one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from django.core.management.color import no_style
from django.db import connection
from django.db.models import DateTimeField, Max, Min, Model, QuerySet

NUMBERS = (
    "WITH RECURSIVE numbers (number) AS"
    " (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {times})"
)


@dataclass(frozen=True)
class NewKeys:
    """The keys of copies: they follow the highest there is, those of the first copy first."""

    first: int
    span: int
    highest: int

    @classmethod
    def of(cls, rows: "QuerySet[Any]") -> Self:
        found = rows.order_by().aggregate(first=Min("pk"), last=Max("pk"))
        highest = rows.model._base_manager.aggregate(highest=Max("pk"))["highest"]
        return cls(found["first"], found["last"] - found["first"] + 1, highest)

    def of_copy(self, column: str) -> str:
        """SQL for the key that the row named by a column has among the copies."""
        return f"{self.highest} + (number - 1) * {self.span} + {column} - {self.first} + 1"


def copy(rows: "QuerySet[Any]", times: int, **changes: str) -> NewKeys:
    """Insert so many copies of these (few) rows, and return what their keys are.

    `changes`: SQL for the columns that differ, in which `number` is that of the copy, from 1.
    """
    model, keys = rows.model, NewKeys.of(rows)
    table, key = model._meta.db_table, model._meta.pk.column
    columns = [field.column for field in model._meta.concrete_fields]
    values = {column: column for column in columns} | {key: keys.of_copy(key)} | changes
    copied = ", ".join(str(row.pk) for row in rows.order_by("pk"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) {NUMBERS.format(times=times)}"
            f" SELECT {', '.join(values[column] for column in columns)}"
            f" FROM numbers CROSS JOIN {table} WHERE {key} IN ({copied}) ORDER BY number, {key}"
        )
        # PostgreSQL has not seen that keys were given.
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)
    return keys


@contextmanager
def trusted() -> Iterator[None]:
    """Spare PostgreSQL looking for what each copy refers to, where it lets us."""
    with connection.cursor() as cursor:
        if not _is_superuser(cursor):
            yield
            return
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("RESET session_replication_role")


def older(model: type[Model], seconds: int) -> dict[str, str]:
    """Changes that make each copy so many seconds older than the one before it."""
    moments = (field for field in model._meta.concrete_fields if isinstance(field, DateTimeField))
    return {moment.column: _earlier(moment.column, f"number * {seconds}") for moment in moments}


def as_text(value: str) -> str:
    """SQL for a number as text."""
    return f"CAST({value} AS varchar(255))"


def new_uuid() -> str:
    """SQL for a UUID that no other row has."""
    if connection.vendor == "sqlite":
        return "lower(hex(randomblob(16)))"
    return "gen_random_uuid()"


def analyse() -> None:
    """Let the database look at what its tables hold now."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _earlier(column: str, seconds: str) -> str:
    if connection.vendor == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f', {column}, -({seconds}) || ' seconds')"
    return f"{column} - ({seconds}) * interval '1 second'"


def _is_superuser(cursor: Any) -> bool:
    if connection.vendor != "postgresql":
        return False
    cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
    return bool(cursor.fetchone()[0])
