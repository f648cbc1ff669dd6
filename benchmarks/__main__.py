"""`python -m benchmarks`: run on SQLite, and on PostgreSQL when it answers, and print tables.

Ctrl-C goes on to the next database; what has been measured until then is in the tables.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import report

DATABASES = ("sqlite", "postgres")
NO_ANSWER = 3


def main() -> int:
    options = _parser().parse_args()
    if options.inside:
        from benchmarks import running  # noqa: PLC0415 (needs Django's settings)

        return running.run(options.inside, options.only, quick=options.quick)
    results: dict[str, Any] = {}
    for database in options.database or DATABASES:
        print(f"==> {database}", flush=True)
        found = _inside(database, options)
        if found is None:
            print(f"{database} does not answer; left out.")
            continue
        results[database] = found
        print(report.tables(found), flush=True)
    if options.write:
        report.write(results)
    return 0 if results else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--database", action="append", choices=DATABASES, help="only this one")
    parser.add_argument("--only", action="append", metavar="TEXT", help="names that contain it")
    parser.add_argument("--quick", action="store_true", help="small numbers: does it run?")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    parser.add_argument("--inside", metavar="FILE", help=argparse.SUPPRESS)
    return parser


def _inside(database: str, options: argparse.Namespace) -> Any:
    """Run in a process of its own, which has the settings for the database."""
    answer = Path(f".bench-{database}.json")
    command = [sys.executable, "-m", "benchmarks", "--inside", str(answer)]
    command += [f"--only={text}" for text in options.only or ()]
    command += ["--quick"] if options.quick else []
    environment = {
        **os.environ,
        "BENCH_DATABASE": database,
        "BENCH_QUICK": "yes" if options.quick else "",
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    }
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ended = subprocess.run(command, env=environment, check=False)  # noqa: S603
        if ended.returncode == NO_ANSWER:
            return None
        ended.check_returncode()
        return json.loads(answer.read_text())
    finally:
        signal.signal(signal.SIGINT, interrupted)
        answer.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
