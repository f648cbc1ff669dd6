"""Changing rows."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import Model
from django.db.models.sql import UpdateQuery

from approval_workflow.statements.writing import M, Parameter, Statement, Written


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


def _set(column: str) -> str:
    return f"set {column}"


def _to_be_saved(field: Any, value: Any, connection: Any) -> Any:
    if isinstance(value, Model):
        value = value.pk
    return field.get_db_prep_save(value, connection=connection)
