"""What having the packages costs a process: time to start, and memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from approval_workflow.services import advance_flow, start_flow
from benchmarks.children import in_a_fresh_process
from benchmarks.memory import peak_megabytes
from benchmarks.operations.people import approver, new_object
from benchmarks.single import Single

_BELOW = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "mptt",
    "rest_framework",
]
_APPS = {
    "Django with auth, content types, mptt and REST framework": _BELOW,
    "the same with the core": [*_BELOW, "approval_workflow"],
    "the same with both packages": [*_BELOW, "approval_workflow", "django_workflow_engine"],
}
_STEPS = 50
# A program of its own: nothing is imported before the clock runs.
_STARTING = """
import json, sys, time
begun = time.perf_counter()
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=json.loads(sys.argv[1]), USE_TZ=True)
django.setup()
seconds = time.perf_counter() - begun
from benchmarks.memory import peak_megabytes
print(json.dumps([seconds, peak_megabytes()]))
"""


def singles() -> Iterator[Single]:
    yield Single("start-up time and memory", _starting_up)
    yield Single("memory of a process that approves", _approving)


def _starting_up(quick: bool) -> Iterator[tuple[str, str]]:
    found: dict[str, list[Any]] = {name: [] for name in _APPS}
    for _turn in range(2 if quick else 11):
        for name, apps in _APPS.items():
            found[name].append(_start(apps))
    for name, starts in found.items():
        seconds, peak = (median(values) for values in zip(*starts, strict=True))
        yield f"start of {name}", f"{seconds * 1000:,.0f} ms, {peak:.0f} MB"


def _start(apps: list[str]) -> Any:
    command = [sys.executable, "-c", _STARTING, json.dumps(apps)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603


def _approving(quick: bool) -> Iterator[tuple[str, str]]:
    few, many = (100, 1_000) if quick else (1_000, 10_000)
    at_first, after_few, after_many = in_a_fresh_process(peaks_of_approving, few, many)
    yield (
        f"peak of memory after {few:,} approvals",
        f"{after_few} MB, {after_few - at_first} MB more than after the first",
    )
    yield f"peak of memory after {many:,} more", f"{after_many} MB"


def peaks_of_approving(few: int, many: int) -> list[int]:
    """The peak of memory after one flow, after so many approvals, and after so many more."""
    peaks = []
    for number in (_STEPS, few, many):
        for _flow in range(number // _STEPS):
            obj = new_object()
            start_flow(obj, [{"assigned_to": approver()}] * _STEPS)
            for _step in range(_STEPS):
                advance_flow(obj, "approved", approver())
        peaks.append(peak_megabytes())
    return peaks
