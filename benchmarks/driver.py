"""Plain SQL through the database's driver (sqlite3 or psycopg), without Django's cursor."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection


class Driver:
    """One cursor of the driver; SQL is written with %s on every database."""

    def __init__(self, note: Callable[[str, int], None] | None = None) -> None:
        connection.ensure_connection()
        self.is_postgres = connection.vendor == "postgresql"
        # Of psycopg's own kind: Django's has loaders of its own.
        self._cursor = connection.connection.cursor()
        self._note = note

    def run(self, sql: str, *params: Any) -> "Driver":
        """Execute one statement."""
        if not self.is_postgres:
            sql = sql.replace("%s", "?").replace(" FOR UPDATE", "")
            params = tuple(_for_sqlite(value) for value in params)
        self._cursor.execute(sql, params)
        if self._note is not None:
            self._note(sql, self._cursor.rowcount)
        return self

    def row(self) -> Sequence[Any]:
        """The next row of the answer."""
        found: Sequence[Any] = self._cursor.fetchone()
        return found

    def rows(self) -> list[Sequence[Any]]:
        """All rows of the answer."""
        found: list[Sequence[Any]] = self._cursor.fetchall()
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN and COMMIT, as Django sends them."""
        self.run("BEGIN" if self.is_postgres else "BEGIN IMMEDIATE")
        yield
        self.run("COMMIT")


def _for_sqlite(value: Any) -> Any:
    return value.replace(tzinfo=None).isoformat(" ") if isinstance(value, datetime) else value
