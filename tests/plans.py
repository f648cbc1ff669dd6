"""What PostgreSQL means to do: which statements go through much of a large table."""

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.db import connection
from django.db.models import Model

# More rows than this are many where few are concerned.
MANY = 1_000


def slow_statements_of(act: Callable[[], Any], models: Collection[type[Model]]) -> list[str]:
    """Do something; return its statements that read much of the tables of these models."""
    done: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        act()
    tables = {model._meta.db_table for model in models}
    return [
        sql
        for sql, params in done
        if any(table in sql for table in tables) and _reads_much(sql, params, tables)
    ]


def _reads_much(sql: str, params: Any, tables: Collection[str]) -> bool:
    """Whether the statement goes through a whole table, or through much of an index."""
    if sql.startswith("INSERT"):
        return False
    # Analysing runs the statement once more, which a change would not be right for.
    can_be_analysed = sql.startswith("SELECT")
    analyse = "ANALYZE, " if can_be_analysed else ""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({analyse}FORMAT JSON) {sql}", params)
        (answer,) = cursor.fetchone()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    of_tables = [node for node in _nodes(plan) if node.get("Relation Name") in tables]
    if can_be_analysed:
        return sum(map(_rows_read, of_tables)) > MANY
    return any(node["Node Type"].endswith("Seq Scan") for node in of_tables)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _rows_read(node: dict[str, Any]) -> int:
    read = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return int(node.get("Actual Loops", 0) * sum(node.get(key, 0) for key in read))
