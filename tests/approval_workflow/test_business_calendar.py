"""When a step is due: by the clock, and by a calendar of working hours, days and holidays."""

import sys
from datetime import UTC, date, datetime, time, timedelta
from importlib.util import find_spec, module_from_spec
from zoneinfo import ZoneInfo

import pytest

from approval_workflow.deadlines import configured_calendar, due_from
from approval_workflow.exceptions import ApprovalMisconfigured
from approval_workflow.testing import FlowDriver, frozen_time, make_flow, user_step

BERLIN = ZoneInfo("Europe/Berlin")
CAIRO = ZoneInfo("Africa/Cairo")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# By the clock


@pytest.mark.parametrize("zone", [UTC, BERLIN, ZoneInfo("Asia/Kolkata")])
@pytest.mark.parametrize("duration", [timedelta(microseconds=1), HOUR, DAY, 400 * DAY])
def test_without_a_calendar_time_is_by_the_clock(zone, duration):
    moment = at("2026-03-28 12:00", zone)
    assert due_from(moment, duration).astimezone(UTC) == moment.astimezone(UTC) + duration


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        # The night in which the clocks go forward, and the one in which they go back.
        ("2026-03-28 12:00", "2026-03-29 13:00"),
        ("2026-10-24 12:00", "2026-10-25 11:00"),
    ],
)
@pytest.mark.django_db
def test_a_day_by_the_clock_is_24_hours_when_the_clocks_change(document, ann, moment, due):
    with frozen_time(at(moment, BERLIN)):
        make_flow(document, user_step(ann, sla_duration=DAY))
    row = FlowDriver(document).current_steps[0]
    assert row.due_at.astimezone(BERLIN).replace(tzinfo=None) == at(due).replace(tzinfo=None)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["UTC", "Africa/Cairo", "America/Los_Angeles"])
def test_time_zone_of_the_project_does_not_move_a_deadline(document, ann, settings, name):
    settings.TIME_ZONE = name
    with frozen_time(at("2026-03-02 09:00")) as clock:
        make_flow(document, user_step(ann, sla_duration=DAY, timeout_action="reject"))
        clock.pass_deadline_of(document)
        assert clock.now == at("2026-03-03 09:00")


def test_step_without_a_duration_is_never_due():
    assert due_from(at("2026-03-02 09:00"), None) is None


# By the calendar


@pytest.fixture
def calendar(settings):
    """Set the calendar and return what adds a duration by it."""

    def configure(**keys):
        settings.APPROVAL_BUSINESS_CALENDAR = keys

        def due(moment, duration, zone=UTC):
            found = due_from(at(moment, zone), duration).astimezone(zone)
            return found.replace(tzinfo=None).isoformat(" ", "minutes")

        return due

    return configure


# 2 March 2026 is a Monday; work is from 9 to 17, Monday to Friday.
ORDINARY = [
    # Hours within a day, to its end, and over it.
    ("2026-03-02 09:00", HOUR, "2026-03-02 10:00"),
    ("2026-03-02 09:00", 8 * HOUR, "2026-03-02 17:00"),
    ("2026-03-02 16:00", 2 * HOUR, "2026-03-03 10:00"),
    ("2026-03-02 16:59", timedelta(minutes=2), "2026-03-03 09:01"),
    ("2026-03-02 12:00", 20 * HOUR, "2026-03-04 16:00"),
    # Before, after and at the end of work.
    ("2026-03-02 06:00", HOUR, "2026-03-02 10:00"),
    ("2026-03-02 17:00", HOUR, "2026-03-03 10:00"),
    ("2026-03-02 23:00", HOUR, "2026-03-03 10:00"),
    # Over the weekend, and on it.
    ("2026-03-06 16:00", 2 * HOUR, "2026-03-09 10:00"),
    ("2026-03-07 12:00", HOUR, "2026-03-09 10:00"),
    ("2026-03-08 12:00", HOUR, "2026-03-09 10:00"),
    # Days are working days, at the same time.
    ("2026-03-02 11:30", DAY, "2026-03-03 11:30"),
    ("2026-03-02 11:30", 4 * DAY, "2026-03-06 11:30"),
    ("2026-03-02 11:30", 5 * DAY, "2026-03-09 11:30"),
    ("2026-03-06 11:30", DAY, "2026-03-09 11:30"),
    ("2026-03-06 11:30", 10 * DAY, "2026-03-20 11:30"),
    ("2026-03-06 23:00", DAY, "2026-03-10 09:00"),
    ("2026-03-07 11:30", DAY, "2026-03-10 09:00"),
    ("2026-03-02 05:00", DAY, "2026-03-03 09:00"),
    # Days and hours together.
    ("2026-03-05 16:00", DAY + 2 * HOUR, "2026-03-09 10:00"),
    ("2026-03-02 16:00", DAY + 9 * HOUR, "2026-03-04 17:00"),
    # 24 hours are the same timedelta as a day.
    ("2026-03-02 11:30", 24 * HOUR, "2026-03-03 11:30"),
]


@pytest.mark.parametrize(("moment", "duration", "expected"), ORDINARY)
def test_working_hours_and_days(calendar, moment, duration, expected):
    due = calendar(working_hours=("09:00", "17:00"))
    assert due(moment, duration) == expected


def test_hours_of_work_are_nine_to_five_unless_given(calendar):
    due = calendar(timezone="UTC")
    assert due("2026-03-02 16:00", 2 * HOUR) == "2026-03-03 10:00"


def test_empty_calendar_is_the_ordinary_one(calendar):
    due = calendar()
    assert due("2026-03-06 16:00", 2 * HOUR) == "2026-03-09 10:00"


@pytest.mark.parametrize(
    ("moment", "duration", "expected"),
    [
        # Sunday to Thursday, as in Cairo.
        ("2026-03-05 12:00", DAY, "2026-03-08 12:00"),
        ("2026-03-06 12:00", HOUR, "2026-03-08 09:30"),
        ("2026-03-08 12:00", DAY, "2026-03-09 12:00"),
        ("2026-03-08 15:00", 2 * HOUR, "2026-03-09 10:00"),
    ],
)
def test_other_hours_and_days(calendar, moment, duration, expected):
    due = calendar(working_hours=("08:30", "15:30"), working_days=(6, 0, 1, 2, 3))
    assert due(moment, duration) == expected


def test_one_working_day_a_week(calendar):
    due = calendar(working_days=[2])
    assert due("2026-03-02 12:00", 2 * DAY) == "2026-03-18 09:00"


# Time zones, and clocks that change


def test_hours_are_those_of_the_calendars_zone(calendar):
    """10:00 UTC is 12:00 in Cairo in winter: four hours are left."""
    calendar(working_hours=("09:00", "16:00"), working_days=range(7), timezone="Africa/Cairo")
    due = due_from(at("2026-01-05 10:00"), 5 * HOUR)
    assert due == at("2026-01-06 10:00", CAIRO)


def test_zone_is_that_of_the_project_unless_given(calendar, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    calendar()
    due = due_from(at("2026-03-02 10:00"), HOUR)
    assert due == at("2026-03-03 10:00", ZoneInfo("Asia/Tokyo"))


CLOCKS = [
    # The same time on the next working day, over the night in which the clocks change.
    ("2026-03-27 16:00", DAY, "2026-03-30 16:00"),
    ("2026-10-23 16:00", DAY, "2026-10-26 16:00"),
    ("2026-03-27 16:00", 2 * HOUR, "2026-03-30 10:00"),
]


@pytest.mark.parametrize(("moment", "duration", "expected"), CLOCKS)
def test_working_days_keep_the_time_on_the_wall(calendar, moment, duration, expected):
    due = calendar(timezone="Europe/Berlin")
    assert due(moment, duration, zone=BERLIN) == expected


NIGHT_WORK = [
    # On 29 March the hour from 2 to 3 is missing; on 25 October it comes twice.
    ("2026-03-28 00:00", 8 * HOUR, "2026-03-28 08:00"),
    ("2026-03-29 00:00", 7 * HOUR, "2026-03-29 08:00"),
    ("2026-03-29 00:00", 8 * HOUR, "2026-03-30 01:00"),
    ("2026-03-29 01:00", 2 * HOUR, "2026-03-29 04:00"),
    ("2026-10-25 00:00", 8 * HOUR, "2026-10-25 07:00"),
    ("2026-10-25 00:00", 9 * HOUR, "2026-10-25 08:00"),
    ("2026-10-25 00:00", 10 * HOUR, "2026-10-26 01:00"),
]


@pytest.mark.parametrize(("moment", "duration", "expected"), NIGHT_WORK)
def test_working_time_is_real_time(calendar, moment, duration, expected):
    due = calendar(
        working_hours=("00:00", "08:00"), working_days=range(7), timezone="Europe/Berlin"
    )
    assert due(moment, duration, zone=BERLIN) == expected


# Holidays


@pytest.mark.parametrize(
    ("moment", "duration", "expected"),
    [
        ("2026-03-03 12:00", DAY, "2026-03-05 12:00"),
        ("2026-03-03 16:00", 2 * HOUR, "2026-03-05 10:00"),
        ("2026-03-04 12:00", HOUR, "2026-03-05 10:00"),
    ],
)
def test_holidays_may_be_listed(calendar, moment, duration, expected):
    due = calendar(holidays=[date(2026, 3, 4)])
    assert due(moment, duration) == expected


@pytest.mark.parametrize(
    ("keys", "moment", "expected"),
    [
        # 1 May 2026 is a Friday, and a holiday in Germany but not in the USA.
        ({"holidays": "DE"}, "2026-04-30 12:00", "2026-05-04 12:00"),
        ({"holidays": "US"}, "2026-04-30 12:00", "2026-05-01 12:00"),
        # 6 January 2026 is a Tuesday, and a holiday in Bavaria only.
        ({"holidays": "DE"}, "2026-01-05 12:00", "2026-01-06 12:00"),
        ({"holidays": "DE", "subdivision": "BY"}, "2026-01-05 12:00", "2026-01-07 12:00"),
        # Over the turn of the year.
        ({"holidays": "DE"}, "2026-12-31 12:00", "2027-01-04 12:00"),
    ],
)
def test_holidays_may_be_those_of_a_country(calendar, keys, moment, expected):
    due = calendar(**keys)
    assert due(moment, DAY) == expected


def test_without_the_library_only_lists_work(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    spec = find_spec("approval_workflow.deadlines")
    another = module_from_spec(spec)
    spec.loader.exec_module(another)
    settings.APPROVAL_BUSINESS_CALENDAR = {"holidays": [date(2026, 3, 3)]}
    assert another.due_from(at("2026-03-02 12:00"), DAY) == at("2026-03-04 12:00")
    settings.APPROVAL_BUSINESS_CALENDAR = {"holidays": "DE"}
    with pytest.raises(
        ApprovalMisconfigured, match=r"install django-approval-workflow\[calendar\]"
    ):
        another.due_from(at("2026-03-02 12:00"), DAY)


# Calendars that cannot be used

UNUSABLE = [
    ("DE", "= 'DE'; expected a dictionary or None"),
    ([("working_days", [1])], "expected a dictionary or None"),
    ({"working_hour": ("09:00", "17:00")}, "no key 'working_hour'. Did you mean 'working_hours'"),
    ({"working_hours": ("09:00",)}, "working_hours'] = .* expected as in"),
    ({"working_hours": ("9 a.m.", "5 p.m.")}, "expected as in"),
    ({"working_hours": (time(9), time(17))}, "expected as in"),
    ({"working_hours": None}, "expected as in"),
    ({"working_hours": ("17:00", "09:00")}, "end before they begin"),
    ({"working_hours": ("09:00", "09:00")}, "end before they begin"),
    ({"working_days": []}, "numbers from 0 to 6"),
    ({"working_days": [7]}, "numbers from 0 to 6"),
    ({"working_days": ["Monday"]}, "numbers from 0 to 6"),
    ({"working_days": 5}, "numbers from 0 to 6"),
    ({"timezone": "Mars/Base"}, "there is no 'Mars/Base'"),
    ({"timezone": "../etc"}, "there is no"),
    ({"timezone": 5}, "there is no 5"),
    ({"holidays": "XX"}, "holidays'\\]"),
    ({"holidays": "DE", "subdivision": "Texas"}, "holidays'\\]"),
    ({"holidays": ["2026-12-25"]}, "expected dates"),
    ({"holidays": [datetime(2026, 12, 25, tzinfo=UTC)]}, "expected dates"),
    ({"holidays": date(2026, 12, 25)}, "expected dates"),
]


@pytest.mark.parametrize(("value", "message"), UNUSABLE)
def test_unusable_calendar_is_misconfigured(settings, value, message):
    settings.APPROVAL_BUSINESS_CALENDAR = value
    with pytest.raises(ApprovalMisconfigured, match=message):
        configured_calendar()


def test_calendar_without_any_working_day_is_misconfigured(calendar):
    first = date(2026, 1, 1)
    due = calendar(holidays=[first + number * DAY for number in range(800)])
    with pytest.raises(ApprovalMisconfigured, match="there is no working day after"):
        due("2026-03-02 12:00", DAY)


@pytest.mark.django_db
def test_steps_are_due_by_the_calendar(document, ann, settings):
    settings.APPROVAL_BUSINESS_CALENDAR = {"holidays": [date(2026, 3, 9)]}
    with frozen_time(at("2026-03-06 12:00")) as clock:
        step = user_step(ann, sla_duration=DAY, timeout_action="approve")
        make_flow(document, step, step)
        clock.pass_deadline_of(document)
        assert clock.now == at("2026-03-10 12:00")
        assert FlowDriver(document).current_steps[0].due_at == at("2026-03-11 12:00")
