"""What runs inside of one process, on one database: sets up, measures, writes JSON."""

import json
import platform
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
from django.db import DatabaseError, connection
from django.test.runner import DiscoverRunner

from benchmarks.__main__ import NO_ANSWER

django.setup()

from benchmarks import measuring, operations, sizes  # noqa: E402 (models need Django's settings)

# Measured without comparison: a function that returns rows for the table of that name.
QUICK_ROUNDS = 3


def run(answer: str, only: list[str] | None, *, quick: bool) -> int:
    """Measure what is asked for and write the results to the file; return an exit status."""
    # The process that waits for this one does not listen.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runner = DiscoverRunner(verbosity=0, interactive=False)
    try:
        connection.ensure_connection()
    except DatabaseError:
        return NO_ANSWER
    finally:
        connection.close()
    databases = runner.setup_databases()
    try:
        results = _results(only, quick=quick)
    finally:
        sizes.remove()
        connection.close()
        runner.teardown_databases(databases)
    Path(answer).write_text(json.dumps(results))
    return 0


def _results(only: list[str] | None, *, quick: bool) -> dict[str, Any]:
    def wanted(name: str) -> bool:
        return not only or any(text.lower() in name.lower() for text in only)

    results: dict[str, Any] = {"machine": _machine(), "compared": [], "singles": []}
    with suppress(KeyboardInterrupt):
        for operation in operations.compared():
            if wanted(operation.name):
                print(f"    {operation.name}", file=sys.stderr, flush=True)
                measured = measuring.measure(operation, QUICK_ROUNDS if quick else None)
                found = {"name": operation.name, "ways": _as_json(measured)}
                results["compared"].append(found)
        for single in operations.singles():
            if wanted(single.name):
                print(f"    {single.name}", file=sys.stderr, flush=True)
                for name, text in single.run(quick):
                    results["singles"].append({"name": name, "found": text})
    return results


def _as_json(measured: dict[str, measuring.Series]) -> dict[str, Any]:
    return {
        way: {
            "median": series.median,
            "low": series.spread[0],
            "high": series.spread[1],
            "statements": series.statements,
            "rows": series.rows,
        }
        for way, series in measured.items()
    }


def _machine() -> dict[str, str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW server_version")
        else:
            cursor.execute("SELECT sqlite_version()")
        version = cursor.fetchone()[0].split()[0]
    return {
        "database": f"{connection.display_name} {version}",
        "django": django.get_version(),
        "python": platform.python_version(),
    }
