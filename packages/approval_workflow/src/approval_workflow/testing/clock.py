"""Time that stands still.

The package reads the clock as `timezone.now()` (module `django.utils.timezone`) and nowhere else,
and so do Django's model fields; that is what is replaced. Code of a project that imports `now` by
its name, or asks `datetime.now()`, is not reached: a library such as time-machine reaches that
too, and does as well with this package.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from django.db.models import Model
from django.utils import timezone

from approval_workflow.services import SweepResult, process_deadlines
from approval_workflow.testing.standing import open_rows, told


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, moment: datetime) -> None:
        self.now = _in_utc(moment)

    def move_to(self, moment: datetime) -> datetime:
        """Set the clock, forward or back; return the moment (in UTC, as Django's clock)."""
        self.now = _in_utc(moment)
        return self.now

    def move_by(self, duration: timedelta) -> datetime:
        """Move the clock by real time; return the moment reached."""
        return self.move_to(self.now + duration)

    def pass_deadline_of(self, obj: Model) -> SweepResult:
        """Move to the first deadline of the object's open steps and deal with all deadlines.

        Deadlines that have been dealt with do not count. Raises `AssertionError` when none is left.
        """
        rows = [row for row in open_rows(obj) if row.timed_out_at is None]
        deadlines = [row.due_at for row in rows if row.due_at is not None]
        if not deadlines:
            raise AssertionError(f"No open step has a deadline to come.\n{told(obj)}")
        self.move_to(max(self.now, min(deadlines)))
        return process_deadlines()

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def frozen_time(moment: datetime | None = None) -> Iterator[Clock]:
    """Let time stand still at a moment (with its time zone), or now, and yield the clock."""
    clock = Clock(timezone.now() if moment is None else moment)
    with patch("django.utils.timezone.now", clock):
        yield clock


def _in_utc(moment: datetime) -> datetime:
    if timezone.is_naive(moment):
        raise ValueError("Expected a moment with its time zone.")
    return moment.astimezone(UTC)
