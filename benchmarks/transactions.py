"""Watch transactions: how long each is open, and what it does."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from django.db import connection


@dataclass
class Transaction:
    """What was done between BEGIN and COMMIT."""

    seconds: float = 0.0
    statements: int = 0
    # By verb and table ("DELETE FROM shop_order").
    rows: Counter[str] = field(default_factory=Counter)


@contextmanager
def watched() -> Iterator[list[Transaction]]:
    """Yield a list that each transaction of this connection is added to when it ends."""
    ended: list[Transaction] = []
    begun = [Transaction()]
    set_autocommit = connection.set_autocommit

    def watch(autocommit: bool, *args: Any, **kwargs: Any) -> None:
        # What a transaction begins and ends with, whoever asks for it.
        if autocommit:
            set_autocommit(autocommit, *args, **kwargs)
            begun[0].seconds += perf_counter()
            ended.append(begun[0])
        begun[0] = Transaction(seconds=-perf_counter())
        if not autocommit:
            set_autocommit(autocommit, *args, **kwargs)

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        begun[0].statements += 1
        begun[0].rows[_deed(sql)] += max(context["cursor"].rowcount, 0)
        return result

    connection.set_autocommit = watch  # type: ignore[method-assign]
    try:
        with connection.execute_wrapper(note):
            yield ended
    finally:
        del connection.set_autocommit


def _deed(sql: str) -> str:
    return " ".join(sql.split(None, 3)[:3]).translate({ord('"'): None, ord("`"): None})
