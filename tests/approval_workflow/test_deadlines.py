"""Deadlines: reminders before, and what happens when they pass, each exactly once."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import ApprovalMisconfigured, InvalidInput, InvalidSteps
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import process_deadlines, reassign, remind
from approval_workflow.signals import step_reminded, step_timed_out
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_waiting_on,
    frozen_time,
    make_flow,
    role_step,
    user_step,
)
from purchasing.models import User
from tests.approval_workflow.flows import kinds, last_event, row_of, the_current
from tests.factories import RoleFactory, UserFactory, make_role
from tests.faults import dump
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock():
    with frozen_time(MONDAY) as clock:
        yield clock


def due(user, days=2, **keys):
    return user_step(user, sla_duration=days * DAY, **keys)


def due_role(role, strategy="anyone", days=2, **keys):
    return role_step(role, strategy, sla_duration=days * DAY, **keys)


def sweep():
    """Sweep twice: whatever the second sweep does has been done already."""
    first = process_deadlines()
    before = dump()
    second = process_deadlines()
    assert (second.reminded, second.timed_out) == (0, 0)
    assert dump() == before
    return first.reminded, first.timed_out, first.failed


def timed_out(flow):
    return [(event.instance.assigned_to, event.data["acted"]) for event in timed_out_events(flow)]


def timed_out_events(flow):
    return flow.events.filter(kind="timed_out").in_order()


# When a step is due


def test_deadline_counts_from_the_opening_of_the_step(document, ann, bob, clock):
    flow = make_flow(document, due(ann), due(bob, days=5))
    clock.move_by(DAY)
    assert the_current(flow).due_at == MONDAY + 2 * DAY
    assert flow.instances.get(step_number=2).due_at is None
    FlowDriver(document).as_user(ann).approve()
    assert the_current(flow).due_at == MONDAY + 6 * DAY


def test_all_people_of_a_role_have_the_same_deadline(document, clock):
    flow = make_flow(document, due_role(make_role(3), "consensus"))
    assert {row.due_at for row in flow.instances.all()} == {MONDAY + 2 * DAY}


def test_step_without_a_duration_has_no_deadline(document, ann, clock):
    flow = make_flow(document, ann)
    clock.move_by(1000 * DAY)
    assert sweep() == (0, 0, 0)
    assert the_current(flow).due_at is None


def test_delegate_has_the_rest_of_the_time(document, ann, bob, clock):
    flow = make_flow(document, due(ann))
    clock.move_by(DAY)
    FlowDriver(document).as_user(ann).delegate(bob)
    assert the_current(flow).due_at == MONDAY + 2 * DAY


def test_person_above_has_the_whole_time_anew(document, ann, bob, clock):
    flow = make_flow(document, due(ann))
    clock.move_by(DAY)
    FlowDriver(document).as_user(ann).escalate(bob)
    assert the_current(flow).due_at == MONDAY + 3 * DAY


@pytest.mark.parametrize("duration", [timedelta(0), timedelta(days=-1), 5, "2 days"])
def test_duration_must_be_above_zero(document, ann, duration):
    with pytest.raises(InvalidSteps) as caught:
        make_flow(document, user_step(ann, sla_duration=duration))
    assert caught.value.errors == {"steps[0].sla_duration": "Expected a timedelta above zero."}


def test_action_at_the_deadline_needs_a_deadline(document, ann):
    with pytest.raises(InvalidSteps) as caught:
        make_flow(document, user_step(ann, timeout_action="approve"))
    assert list(caught.value.errors) == ["steps[0].sla_duration"]


@pytest.mark.parametrize("keys", [{"timeout_action": "delegate"}, {"timeout_delegate_to": True}])
def test_whom_to_delegate_to_is_named_with_that_action_and_only_then(document, ann, bob, keys):
    given = {key: bob if value is True else value for key, value in keys.items()}
    with pytest.raises(InvalidSteps) as caught:
        make_flow(document, due(ann, **given))
    assert list(caught.value.errors) == ["steps[0].timeout_delegate_to"]


# Reminders


def test_people_are_reminded_once_before_the_deadline(document, ann, clock):
    flow = make_flow(document, due(ann))
    clock.move_to(MONDAY + DAY - timedelta(seconds=1))
    assert sweep() == (0, 0, 0)
    clock.move_to(MONDAY + DAY)
    assert sweep() == (1, 0, 0)
    clock.move_by(10 * DAY)
    assert sweep() == (0, 0, 0)
    event = last_event(flow)
    assert (event.kind, event.actor, event.instance) == ("reminded", None, the_current(flow))
    assert event.data["due_at"] == (MONDAY + 2 * DAY).isoformat()
    assert_history_intact(document)


@pytest.mark.parametrize(
    ("before", "reminded_after"),
    [
        (timedelta(hours=3), timedelta(hours=45)),
        (timedelta(0), timedelta(hours=48)),
        (timedelta(days=2), timedelta(0)),
    ],
)
def test_how_long_before_is_a_setting(document, ann, clock, settings, before, reminded_after):
    """APPROVAL_REMIND_BEFORE"""
    settings.APPROVAL_REMIND_BEFORE = before
    make_flow(document, due(ann))
    if reminded_after:
        clock.move_to(MONDAY + reminded_after - timedelta(seconds=1))
        assert process_deadlines().reminded == 0
    clock.move_to(MONDAY + reminded_after)
    assert sweep() == (1, 0, 0)


def test_without_the_setting_nobody_is_reminded(document, ann, clock, settings):
    settings.APPROVAL_REMIND_BEFORE = None
    make_flow(document, due(ann))
    clock.move_by(10 * DAY)
    assert sweep() == (0, 0, 0)


@pytest.mark.parametrize("value", [1, "1 day", True])
def test_setting_must_be_a_duration(document, ann, clock, settings, value):
    settings.APPROVAL_REMIND_BEFORE = value
    make_flow(document, due(ann))
    with pytest.raises(ApprovalMisconfigured, match="APPROVAL_REMIND_BEFORE"):
        process_deadlines()


def test_each_person_is_reminded(document, clock):
    role = make_role(3)
    flow = make_flow(document, due_role(role, "consensus"))
    FlowDriver(document).as_user(role.users.first()).approve()
    clock.move_by(DAY)
    assert sweep() == (2, 0, 0)
    reminded = {event.instance.assigned_to for event in flow.events.filter(kind="reminded")}
    assert reminded == set(role.users.all()) - {role.users.first()}


def test_delegate_is_reminded_too(document, ann, bob, clock):
    flow = make_flow(document, due(ann))
    clock.move_by(DAY)
    process_deadlines()
    FlowDriver(document).as_user(ann).delegate(bob)
    assert sweep() == (1, 0, 0)
    assert last_event(flow).instance.assigned_to == bob


@pytest.mark.parametrize("status", ["completed", "rejected", "cancelled"])
def test_ended_flows_are_left_alone(document, ann, clock, status):
    make_flow(document, due(ann, timeout_action="reject"), status=status)
    clock.move_by(10 * DAY)
    assert sweep() == (0, 0, 0)


def test_steps_to_come_are_left_alone(document, ann, bob, clock):
    make_flow(document, ann, due(bob, timeout_action="reject"))
    clock.move_by(10 * DAY)
    assert sweep() == (0, 0, 0)


def test_somebody_may_remind_at_any_time(document, ann, bob, clock):
    flow = make_flow(document, ann)
    assert remind(the_current(flow), bob, reason="Please look at it") is True
    event = last_event(flow)
    assert (event.kind, event.actor, event.comment) == ("reminded", bob, "Please look at it")
    assert event.data["due_at"] is None
    assert the_current(flow).reminded_at == MONDAY


def test_nobody_is_reminded_of_what_is_decided(document, ann, bob, clock):
    flow = make_flow(document, ann, bob)
    row = the_current(flow)
    FlowDriver(document).as_user(ann).approve()
    assert remind(row, bob) is False
    FlowDriver(document).as_user(bob).approve()
    assert remind(row_of(flow, bob), ann) is False
    assert "reminded" not in kinds(flow)


@pytest.mark.parametrize(("user", "reason"), [("bob", ""), (None, 5), (None, "\x00")])
def test_who_reminds_and_why_are_checked(document, ann, user, reason):
    row = the_current(make_flow(document, ann))
    with pytest.raises(InvalidInput):
        remind(row, user, reason=reason)


def test_signals_tell_of_reminders_and_deadlines(
    document, ann, clock, django_capture_on_commit_callbacks
):
    told = []

    def note(signal, instance, event, **_kwargs):
        told.append((event.kind, instance.assigned_to))

    step_reminded.connect(note)
    step_timed_out.connect(note)
    make_flow(document, due(ann, timeout_action="approve"))
    with django_capture_on_commit_callbacks(execute=True):
        clock.move_by(DAY)
        process_deadlines()
        clock.move_by(DAY)
        process_deadlines()
    step_reminded.disconnect(note)
    step_timed_out.disconnect(note)
    assert told == [("reminded", ann), ("timed_out", ann)]


# Nothing to do


def test_overdue_step_without_an_action_waits_on(document, ann, clock):
    flow = make_flow(document, due(ann))
    clock.move_by(10 * DAY)
    assert sweep() == (1, 0, 0)
    assert_waiting_on(document, ann)
    assert kinds(flow).count("timed_out") == 0


def test_deadline_passes_at_its_very_moment(document, ann, clock):
    make_flow(document, due(ann, timeout_action="reject"))
    clock.move_to(MONDAY + 2 * DAY - timedelta(microseconds=1))
    assert process_deadlines().timed_out == 0
    clock.move_to(MONDAY + 2 * DAY)
    assert process_deadlines().timed_out == 1


# Approve and reject


def test_approve_goes_on_to_the_next_step(document, ann, bob, clock):
    flow = make_flow(document, due(ann, timeout_action="approve"), bob)
    clock.pass_deadline_of(document)
    row = flow.instances.get(step_number=1)
    assert (row.status, row.action_user, row.acted_at) == ("approved", None, MONDAY + 2 * DAY)
    assert_waiting_on(document, bob)
    assert kinds(flow)[2:] == ["timed_out", "approved", "step_opened"]
    assert sweep() == (0, 0, 0)
    assert_history_intact(document)


def test_approve_completes_the_flow(document, ann, clock, told):
    make_flow(document, due(ann, timeout_action="approve"))
    told.clear()
    clock.pass_deadline_of(document)
    assert_flow_status(document, FlowStatus.COMPLETED)
    assert [hook for hook, _argument in told] == [
        "before_approve",
        "on_approve",
        "on_step_approved",
        "next_steps",
        "on_final_approve",
        "after_approve",
    ]


def test_approve_is_for_the_whole_vote(document, clock):
    """Whatever votes are missing."""
    role = make_role(3)
    flow = make_flow(document, due_role(role, "consensus", timeout_action="approve"))
    FlowDriver(document).as_user(role.users.first()).approve()
    clock.pass_deadline_of(document)
    assert_flow_status(document, FlowStatus.COMPLETED)
    statuses = sorted(row.status for row in flow.instances.all())
    assert statuses == ["approved", "approved", "cancelled"]
    assert kinds(flow).count("timed_out") == 1


def test_reject_ends_the_flow(document, ann, bob, clock, told):
    flow = make_flow(document, due(ann, timeout_action="reject"), bob)
    told.clear()
    clock.pass_deadline_of(document)
    assert_flow_status(document, FlowStatus.REJECTED)
    assert kinds(flow)[2:] == ["timed_out", "rejected", "flow_rejected"]
    assert [hook for hook, _argument in told] == ["before_reject", "on_reject", "after_reject"]
    assert sweep() == (0, 0, 0)


def test_track_that_is_overdue_goes_on_by_itself(document, ann, bob, clock):
    make_flow(
        document,
        due(ann, step=1, parallel_group="a", timeout_action="approve"),
        user_step(bob, step=1, parallel_group="b"),
        user_step(ann, step=2),
    )
    clock.pass_deadline_of(document)
    assert_waiting_on(document, bob)


# Delegate


def test_delegate_gives_the_step_to_the_person_named(document, ann, bob, clock, told):
    step = due(ann, timeout_action="delegate", timeout_delegate_to=bob)
    flow = make_flow(document, step)
    told.clear()
    clock.pass_deadline_of(document)
    assert_waiting_on(document, bob)
    row = the_current(flow)
    assert (row.due_at, row.timeout_action, row.timeout_delegate_to) == (
        MONDAY + 4 * DAY,
        "",
        None,
    )
    assert kinds(flow)[2:] == ["timed_out", "delegated"]
    event = last_event(flow, "delegated")
    assert (event.actor, event.data["delegated_to"]) == (None, str(bob.pk))
    hooks = [hook for hook, _argument in told]
    assert hooks == ["before_delegate", "on_delegate", "after_delegate"]
    clock.move_by(10 * DAY)
    assert sweep() == (1, 0, 0)
    assert_waiting_on(document, bob)


@pytest.mark.parametrize("strategy", ["anyone", "consensus"])
def test_delegate_joins_the_people_of_a_role(document, ann, clock, strategy):
    """The person named gets one part; the others keep theirs. Nothing fails for ever."""
    role = make_role(3)
    step = due_role(role, strategy, timeout_action="delegate", timeout_delegate_to=ann)
    flow = make_flow(document, step)
    clock.move_by(2 * DAY)
    assert sweep() == (2, 3, 0)
    first, *others = role.users.order_by("pk")
    assert_waiting_on(document, ann, *others)
    assert timed_out(flow) == [(first, True), *((person, False) for person in others)]
    assert kinds(flow).count("delegated") == 1
    clock.move_by(10 * DAY)
    assert sweep() == (1, 0, 0)
    assert_waiting_on(document, ann, *others)


@pytest.mark.parametrize("obstacle", ["inactive", "excluded", "asked"])
def test_delegate_who_cannot_take_it_leaves_it_where_it_is(document, ann, bob, clock, obstacle):
    step = due(ann, timeout_action="delegate", timeout_delegate_to=bob, exclude_starter=True)
    started_by = bob if obstacle == "excluded" else None
    flow = make_flow(document, step, started_by=started_by)
    if obstacle == "inactive":
        User.objects.filter(pk=bob.pk).update(is_active=False)
    if obstacle == "asked":
        FlowDriver(document).as_user(ann).delegate(bob)
    clock.move_by(2 * DAY)
    assert sweep() == (1, 1, 0)
    assert_waiting_on(document, bob if obstacle == "asked" else ann)
    assert [acted for _person, acted in timed_out(flow)] == [False]
    assert_history_intact(document)


# Escalate


@pytest.fixture
def house(db):
    """A chief above a boss above two members."""
    top = RoleFactory.create()
    middle = RoleFactory.create(parent=top)
    role = RoleFactory.create(parent=middle)
    return {
        "chief": UserFactory.create(username="chief", role=top),
        "boss": UserFactory.create(username="boss", role=middle),
        "first": UserFactory.create(username="first", role=role),
        "second": UserFactory.create(username="second", role=role),
        "role": role,
    }


def test_escalate_goes_up_a_level_at_each_deadline(document, house, clock, told):
    flow = make_flow(document, due(house["first"], timeout_action="escalate"))
    told.clear()
    for rank in ("boss", "chief"):
        clock.pass_deadline_of(document)
        assert sweep()[1] == 0
        assert_waiting_on(document, house[rank])
    hooks = [hook for hook, _argument in told]
    assert hooks == ["before_escalate", "on_escalate", "after_escalate"] * 2
    assert the_current(flow).escalation_level == 2
    event = last_event(flow, "escalated")
    assert (event.actor, event.data["level"]) == (None, 2)
    assert_history_intact(document)


def test_escalate_at_the_top_is_noted_once_and_the_step_stays(document, house, clock):
    flow = make_flow(document, due(house["chief"], timeout_action="escalate"))
    clock.move_by(2 * DAY)
    assert sweep() == (1, 1, 0)
    assert_waiting_on(document, house["chief"])
    assert timed_out(flow) == [(house["chief"], False)]
    clock.move_by(10 * DAY)
    assert sweep() == (0, 0, 0)


def test_escalate_stops_at_its_limit(document, house, clock):
    step = due(house["first"], timeout_action="escalate", max_escalation_level=1)
    flow = make_flow(document, step)
    for _deadline in range(3):
        clock.move_by(2 * DAY)
        sweep()
    assert_waiting_on(document, house["boss"])
    assert timed_out(flow) == [(house["first"], True), (house["boss"], False)]


def test_step_for_anybody_is_escalated_once(document, house, clock):
    """One of its people hands it up; it does not climb a level for each of them."""
    flow = make_flow(document, due_role(house["role"], timeout_action="escalate"))
    clock.move_by(2 * DAY)
    assert sweep()[1:] == (2, 0)
    assert_waiting_on(document, house["boss"], house["second"])
    assert timed_out(flow) == [(house["first"], True), (house["second"], False)]
    FlowDriver(document).as_user(house["second"]).approve()
    assert_flow_status(document, FlowStatus.COMPLETED)


def test_step_for_anybody_goes_on_up_at_the_next_deadline(document, house, clock):
    make_flow(document, due_role(house["role"], timeout_action="escalate"))
    for _deadline in range(2):
        clock.move_by(2 * DAY)
        sweep()
    assert_waiting_on(document, house["chief"], house["second"])


def test_vote_is_escalated_in_each_part_that_is_open(document, house, clock):
    third = UserFactory.create(role=house["role"])
    make_flow(document, due_role(house["role"], "consensus", timeout_action="escalate"))
    driver = FlowDriver(document)
    driver.as_user(third).approve()
    clock.move_by(2 * DAY)
    assert sweep()[1:] == (2, 0)
    assert_waiting_on(document, house["boss"], house["chief"])
    for rank in ("boss", "chief"):
        driver.as_user(house[rank]).approve()
    assert_flow_status(document, FlowStatus.COMPLETED)


def test_claimed_step_is_escalated_with_its_claim(document, house, clock):
    make_flow(document, due_role(house["role"], timeout_action="escalate"))
    FlowDriver(document).as_user(house["first"]).claim()
    clock.move_by(2 * DAY)
    sweep()
    assert_waiting_on(document, house["boss"], house["second"])


@pytest.mark.parametrize("way", ["delegate", "reassign"])
def test_deadline_that_was_dealt_with_does_not_pass_again_for_who_takes_over(
    document, house, ann, clock, way
):
    """The step was left with the chief at its deadline; Ann takes over a step that is overdue."""
    flow = make_flow(document, due(house["chief"], timeout_action="escalate"))
    clock.move_by(2 * DAY)
    process_deadlines()
    if way == "delegate":
        FlowDriver(document).as_user(house["chief"]).delegate(house["first"])
    else:
        reassign(the_current(flow), ann, assign_to=house["first"], reason="x")
    assert sweep()[1:] == (0, 0)
    assert_waiting_on(document, house["first"])


# One step does not keep the others


@pytest.fixture
def stubborn():
    """A handler that does not let one document be approved."""

    @register_handler(Document)
    class Stubborn(BaseApprovalHandler):
        error = ValueError("not this one")

        def before_approve(self, instance):
            if instance.flow.target.title == "stubborn":
                raise self.error

    return Stubborn


def make_documents(user, *titles):
    documents = [Document.objects.create(title=title) for title in titles]
    for days, document in enumerate(documents, start=1):
        make_flow(document, due(user, days=days, timeout_action="approve"))
    return documents


@pytest.mark.parametrize("error", [ValueError("no"), PermissionError("no"), ZeroDivisionError()])
def test_handler_that_raises_keeps_no_other_step_waiting(ann, clock, stubborn, caplog, error):
    stubborn.error = error
    refused, fine = make_documents(ann, "stubborn", "fine")
    clock.move_by(10 * DAY)
    with caplog.at_level(logging.ERROR, "approval_workflow"):
        result = process_deadlines()
    assert (result.timed_out, result.failed) == (1, 1)
    assert_flow_status(fine, FlowStatus.COMPLETED)
    assert_flow_status(refused, FlowStatus.IN_PROGRESS)
    row = FlowDriver(refused).current_steps[0]
    assert f"approval step {row.pk} could not be dealt with" in caplog.text


def test_step_that_failed_is_as_it_was_and_tried_again(ann, clock, stubborn, caplog):
    (refused,) = make_documents(ann, "stubborn")
    flow = FlowDriver(refused).flow
    clock.move_by(10 * DAY)
    assert process_deadlines().failed == 1
    assert kinds(flow) == ["flow_started", "step_opened", "reminded"]
    Document.objects.update(title="fine")
    assert process_deadlines().timed_out == 1
    assert_flow_status(refused, FlowStatus.COMPLETED)


def test_steps_that_fail_do_not_use_up_the_limit(ann, clock, stubborn, caplog):
    """Else one broken handler would keep all later deadlines from being dealt with."""
    *_refused, fine = make_documents(ann, "stubborn", "stubborn", "fine")
    clock.move_by(10 * DAY)
    result = process_deadlines(limit=1)
    assert (result.timed_out, result.failed) == (1, 2)
    assert_flow_status(fine, FlowStatus.COMPLETED)


def test_limit_deals_with_the_oldest_deadlines_first(ann, clock):
    documents = make_documents(ann, "a", "b", "c")
    clock.move_by(10 * DAY)
    for number in range(1, 4):
        result = process_deadlines(limit=1)
        assert (result.timed_out, result.reminded) == (1, min(1, 3 - number))
        ended = [FlowDriver(document).status == "completed" for document in documents]
        assert ended == [True] * number + [False] * (3 - number)


def test_limit_of_nothing_does_nothing(ann, clock):
    make_documents(ann, "a")
    clock.move_by(10 * DAY)
    result = process_deadlines(limit=0)
    assert (result.timed_out, result.reminded, result.failed) == (0, 0, 0)


@pytest.mark.parametrize("rows", [2, 20])
def test_statements_of_a_sweep_are_those_of_its_acts(ann, clock, statements, rows):
    documents = [Document.objects.create(title="x") for _row in range(rows)]
    for document in documents:
        make_flow(document, due(ann, timeout_action="approve"))
    clock.move_by(10 * DAY)
    with statements() as seen:
        assert process_deadlines().timed_out == rows
    assert seen.count <= 2 + 10 * rows, str(seen)
    assert not ApprovalInstance.objects.current().exists()
