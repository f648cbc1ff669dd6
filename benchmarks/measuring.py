"""Time, statements and rows of an operation, done in up to three ways in turns.

`api` is the suite's public function; `orm` leaves the same rows by plain Django (lock, save,
bulk_create), without asking whether it may; `sql` by statements written by hand, through the
database's driver. What is left behind is compared before anything is timed.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter_ns
from typing import Any

from django.db import connection

from benchmarks.driver import Driver

WAYS = ("api", "orm", "sql")
WARM_UP = 3
WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Operation:
    """Something that the suite does, and the same done without it."""

    name: str
    # Makes what the operation is done to, once for each call. Not timed.
    subject: Callable[[], Any]
    api: Callable[[Any], Any]
    orm: Callable[[Any], Any] | None = None
    # Gets the driver too.
    sql: Callable[[Any, Driver], Any] | None = None
    # What is stored (or was returned), without keys and times: the same after each way.
    left: Callable[[Any, Any], Any] | None = None
    rounds: int = 50
    # Entered while it is measured, the making of subjects included.
    around: Callable[[], AbstractContextManager[Any]] = nullcontext


@dataclass
class Series:
    """What one way of doing an operation took."""

    times: list[int] = field(default_factory=list)
    statements: int = 0
    rows: int = 0

    @property
    def median(self) -> float:
        """Milliseconds."""
        return median(self.times) / 1e6

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles, in milliseconds."""
        low, _middle, high = quantiles(self.times, n=4)
        return low / 1e6, high / 1e6


class DifferentOutcome(Exception):
    """Two ways of one operation do not leave the same rows: there is nothing to compare."""


def measure(operation: Operation, rounds: int | None = None) -> dict[str, Series]:
    """Do the operation in all its ways, in turns, and return a series for each."""
    with operation.around():
        return _measured(operation, rounds or operation.rounds)


def _measured(operation: Operation, number: int) -> dict[str, Series]:
    ways = {way: Series() for way in WAYS if getattr(operation, way) is not None}
    check_same_outcome(operation)
    for way, series in ways.items():
        subject = operation.subject()
        with counting(series) as driver:
            _do(operation, way, subject, driver)
    subjects = {way: [operation.subject() for _ in range(number + WARM_UP)] for way in ways}
    driver = Driver()
    for turn in range(number + WARM_UP):
        for way in rotated(list(ways), turn):
            took = _timed(operation, way, subjects[way][turn], driver)
            if turn >= WARM_UP:
                ways[way].times.append(took)
    return ways


def check_same_outcome(operation: Operation) -> None:
    """Raise `DifferentOutcome` unless all ways leave the same behind."""
    if operation.left is None:
        return
    left = {}
    for way in WAYS:
        if getattr(operation, way) is not None:
            subject = operation.subject()
            left[way] = operation.left(subject, _do(operation, way, subject, Driver()))
    for way, found in left.items():
        if found != left["api"]:
            raise DifferentOutcome(
                f"{operation.name}: by {way} there is\n{found}\nwhere the API leaves\n{left['api']}"
            )


@contextmanager
def counting(series: Series) -> Iterator[Driver]:
    """Count statements (without BEGIN, COMMIT and savepoints) and the rows that they write."""

    def note(sql: str, rows: int) -> None:
        verb = sql.lstrip().split(None, 1)[0].upper()
        if verb not in {"BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK"}:
            series.statements += 1
        if verb in WRITES and connection.vendor != "sqlite":
            series.rows += max(rows, 0)

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        note(sql, context["cursor"].rowcount)
        return result

    before = _rows_written_by_sqlite()
    with connection.execute_wrapper(wrapper):
        yield Driver(note)
    # The driver's own number does not count rows that an INSERT returns.
    series.rows += _rows_written_by_sqlite() - before


def _rows_written_by_sqlite() -> int:
    return connection.connection.total_changes if connection.vendor == "sqlite" else 0


def _do(operation: Operation, way: str, subject: Any, driver: Driver) -> Any:
    if way == "sql":
        return getattr(operation, way)(subject, driver)
    return getattr(operation, way)(subject)


def _timed(operation: Operation, way: str, subject: Any, driver: Driver) -> int:
    gc.collect()
    gc.disable()
    try:
        begun = perf_counter_ns()
        _do(operation, way, subject, driver)
        return perf_counter_ns() - begun
    finally:
        gc.enable()


def rotated(ways: list[str], turn: int) -> list[str]:
    """Each way comes first, second and last equally often."""
    shift = turn % len(ways)
    return ways[shift:] + ways[:shift]
