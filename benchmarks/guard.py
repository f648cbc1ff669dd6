"""`python -m benchmarks.guard`: has an operation become slower? Counts; no clock is looked at.

For each operation the statements of the public API, and the instructions that Python executes for
it, as a multiple of those that the bare ORM needs for the same rows. Both are the same in each run
on any machine. An operation above its limit in LIMITS is a failure; when something has become
faster, its limit goes down with it.
"""

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import django
from django.test.runner import DiscoverRunner

os.environ |= {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "BENCH_DATABASE": "sqlite"}
django.setup()

from benchmarks import operations  # noqa: E402 (models need Django's settings)
from benchmarks.measuring import WARM_UP, Operation, Series, check_same_outcome, counting  # noqa: E402

# By operation: statements, and instructions as a multiple of the bare ORM's.
LIMITS: dict[str, tuple[int, float]] = {
    "start a flow of 3 steps": (5, 0.85),
    "start a flow of 10 steps": (5, 0.75),
    "approve a step in a flow of 3": (8, 0.85),
    "approve a step in a flow of 50": (8, 0.85),
    "open a step for 10 holders, anyone": (10, 0.85),
    # The ORM is told who decides; we count the votes of those who hold the role now.
    "decide a step of 10 holders, anyone": (11, 2.55),
    "decide a step of 10 holders, consensus": (11, 2.95),
    "decide a step of 10 holders, quorum": (11, 2.55),
    "attach and start, 6 stages, the 1,000th time": (10, 1.1),
    "attach and start, 100 stages, the 1,000th time": (10, 1.1),
    "a journey of six approvals with actions": (170, 0.7),
}


def main() -> int:
    """Print what was counted, and return 1 when something is above its limit."""
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        known = {operation.name: operation for operation in operations.compared()}
        worse = [name for name, limit in LIMITS.items() if not _holds(known[name], *limit)]
    finally:
        runner.teardown_databases(databases)
    return 1 if worse else 0


def instructions(call: Callable[[], Any]) -> int:
    """Return how many instructions of Python's virtual machine the call executes."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def _holds(operation: Operation, most_statements: int, most_times: float) -> bool:
    statements, times = _counted(operation)
    holds = statements <= most_statements and times <= most_times
    print(
        f"{'ok ' if holds else 'BAD'} {operation.name}: {statements} statements"
        f" (at most {most_statements}), {times:.2f} times the ORM's instructions"
        f" (at most {most_times:.2f})"
    )
    return holds


def _counted(operation: Operation) -> tuple[int, float]:
    """Statements of the API, and its instructions as a multiple of the ORM's."""
    # What is made once in a process has been made after this.
    for _time in range(WARM_UP):
        check_same_outcome(operation)
    series = Series()
    subject = operation.subject()
    with counting(series):
        operation.api(subject)
    by_api, by_orm = operation.subject(), operation.subject()
    times = instructions(lambda: operation.api(by_api)) / instructions(
        lambda: operation.orm(by_orm)
    )
    return series.statements, times


if __name__ == "__main__":
    sys.exit(main())
