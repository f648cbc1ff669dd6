"""When a step is due.

Without `APPROVAL_BUSINESS_CALENDAR` a duration is time by the clock: one day is 24 hours. With it,
the days of a duration are working days, and the rest of it is working time: one day is the same
time on the next working day, two hours are two hours of work. (24 hours and one day are the same
`timedelta`, so 24 hours are a working day too.)

The calendar is a dictionary:

- `working_hours`: ("09:00", "17:00"), the hours of a working day;
- `working_days`: numbers of the week's days, Monday is 0; default Monday to Friday;
- `timezone`: name of the time zone of those hours; default Django's `TIME_ZONE`;
- `holidays`: a list of dates, or a country code for the library `holidays` (extra `[calendar]`),
  optionally with `subdivision`.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone

from approval_workflow.conf import settings
from approval_workflow.exceptions import ApprovalMisconfigured, nearest

try:
    import holidays as holidays_library
except ImportError:  # the extra [calendar] is not installed
    holidays_library = None  # type: ignore[assignment]

SETTING = "APPROVAL_BUSINESS_CALENDAR"
KEYS = ("working_hours", "working_days", "timezone", "holidays", "subdivision")
MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)
# A calendar in which this many days in a row are free never gets to a working day.
LONGEST_BREAK = 366


def due_from(moment: datetime, duration: timedelta | None) -> datetime | None:
    """Return when a step that opens at `moment` is due; None when it has no deadline."""
    if duration is None:
        return None
    calendar = configured_calendar()
    return calendar.add(moment, duration) if calendar else _later(moment, duration)


def configured_calendar() -> "BusinessCalendar | None":
    """Return the calendar of the settings; raise `ApprovalMisconfigured` when it is unusable."""
    configured = settings.business_calendar
    return _read(configured) if configured is not None else None


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Working hours on working days in one time zone."""

    opens: time
    closes: time
    days: frozenset[int]
    zone: ZoneInfo
    holidays: Container[date]

    def is_working_day(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays

    def add(self, moment: datetime, duration: timedelta) -> datetime:
        """Return the moment after so many working days and so much working time."""
        local = self._next_working_moment(moment.astimezone(self.zone))
        for _number in range(duration.days):
            following = self._next_working_day(local.date() + timedelta(days=1))
            local = self._at(following, local.timetz().replace(tzinfo=None))
        return self._add_working_time(local, timedelta(seconds=duration.seconds))

    def put_off(self, due_at: datetime, since: datetime, until: datetime) -> datetime:
        """Return a deadline put off by the working time between two moments."""
        worked = self.working_time(since, until)
        return self.add_working_time(due_at, worked) if worked else due_at

    def add_working_time(self, moment: datetime, time_of_work: timedelta) -> datetime:
        """Return the moment after so much working time, however many days that takes."""
        local = self._next_working_moment(moment.astimezone(self.zone))
        return self._add_working_time(local, time_of_work)

    def working_time(self, start: datetime, end: datetime) -> timedelta:
        """Return how much working time lies between two moments."""
        total = timedelta(0)
        local = self._next_working_moment(start.astimezone(self.zone))
        while local < end:
            total += _elapsed(local, min(self._at(local.date(), self.closes), end))
            local = self._at(self._next_working_day(local.date() + timedelta(days=1)), self.opens)
        return total

    def _add_working_time(self, local: datetime, left: timedelta) -> datetime:
        while left > timedelta(0):
            closing = self._at(local.date(), self.closes)
            available = _elapsed(local, closing)
            if left <= available:
                return _later(local, left)
            left -= available
            local = self._at(self._next_working_day(local.date() + timedelta(days=1)), self.opens)
        return local

    def _next_working_moment(self, local: datetime) -> datetime:
        """The moment itself during working hours, else the next opening."""
        day = local.date()
        if self.is_working_day(day):
            opening, closing = self._at(day, self.opens), self._at(day, self.closes)
            if local < opening:
                return opening
            if local < closing:
                return local
        return self._at(self._next_working_day(day + timedelta(days=1)), self.opens)

    def _next_working_day(self, day: date) -> date:
        for offset in range(LONGEST_BREAK):
            candidate = day + timedelta(days=offset)
            if self.is_working_day(candidate):
                return candidate
        raise ApprovalMisconfigured(f"{SETTING}: there is no working day after {day}.")

    def _at(self, day: date, moment: time) -> datetime:
        return datetime.combine(day, moment, tzinfo=self.zone)


def _elapsed(start: datetime, end: datetime) -> timedelta:
    """Real time between two moments of one zone (their difference would be by the wall clock)."""
    return end.astimezone(ZoneInfo("UTC")) - start.astimezone(ZoneInfo("UTC"))


def _later(moment: datetime, duration: timedelta) -> datetime:
    """The moment after so much real time (adding it would be by the wall clock)."""
    return (moment.astimezone(ZoneInfo("UTC")) + duration).astimezone(moment.tzinfo)


def _read(configured: Mapping[str, Any]) -> BusinessCalendar:
    for key in configured:
        if key not in KEYS:
            raise ApprovalMisconfigured(f"{SETTING} has no key {key!r}.{nearest(key, KEYS)}")
    opens, closes = _hours(configured.get("working_hours", ("09:00", "17:00")))
    days = _days(configured.get("working_days", MONDAY_TO_FRIDAY))
    return BusinessCalendar(opens, closes, days, _zone(configured), _holidays(configured))


def _hours(hours: Any) -> tuple[time, time]:
    try:
        opens, closes = (time.fromisoformat(text) for text in hours)
    except (TypeError, ValueError) as error:
        raise ApprovalMisconfigured(
            f"{SETTING}['working_hours'] = {hours!r}; expected as in ('09:00', '17:00')."
        ) from error
    if opens >= closes:
        raise ApprovalMisconfigured(f"{SETTING}['working_hours'] end before they begin.")
    return opens, closes


def _days(days: Any) -> frozenset[int]:
    found = frozenset(days) if isinstance(days, Iterable) else frozenset()
    if not found or not found <= frozenset(range(7)):
        raise ApprovalMisconfigured(f"{SETTING}['working_days']: expected numbers from 0 to 6.")
    return found


def _zone(configured: Mapping[str, Any]) -> ZoneInfo:
    name = configured.get("timezone") or timezone.get_default_timezone_name()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError) as error:
        raise ApprovalMisconfigured(f"{SETTING}['timezone']: there is no {name!r}.") from error


def _dates(named: Any) -> frozenset[date]:
    found: list[Any] = list(named) if isinstance(named, Iterable) else [None]
    # A moment is a date too, as far as isinstance can tell, but no day equals it.
    if not all(isinstance(day, date) and not isinstance(day, datetime) for day in found):
        raise ApprovalMisconfigured(
            f"{SETTING}['holidays']: expected dates (datetime.date), or the code of a country."
        )
    return frozenset(found)


def _holidays(configured: Mapping[str, Any]) -> Container[date]:
    named = configured.get("holidays", ())
    if not isinstance(named, str):
        return _dates(named)
    if holidays_library is None:
        raise ApprovalMisconfigured(
            f"{SETTING}['holidays']: install django-approval-workflow[calendar]."
        )
    try:
        found: Container[date] = holidays_library.country_holidays(
            named, subdiv=configured.get("subdivision")
        )
    except NotImplementedError as error:
        raise ApprovalMisconfigured(f"{SETTING}['holidays']: {error}") from error
    return found
