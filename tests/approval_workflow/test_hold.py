"""Putting a flow on hold, and letting it go on."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import (
    Conflict,
    FlowAlreadyOpen,
    FlowEnded,
    FlowOnHold,
    InvalidInput,
    NoCurrentStep,
    VersionConflict,
)
from approval_workflow.models import ApprovalFlow
from approval_workflow.permissions import can_act
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    claim,
    continue_flow,
    extend_flow,
    hold_flow,
    process_deadlines,
    purge_flows,
    reassign,
    release,
    remind,
    replace_steps,
    resume_flow,
    start_flow,
)
from approval_workflow.services.bulk import advance_many
from approval_workflow.testing import FlowDriver, frozen_time
from approval_workflow.utils import (
    can_user_approve,
    explain_approvers,
    get_approval_summary,
    get_current_approval,
    get_next_approval,
    waiting_for,
)
from approval_workflow.visibility import visible_flows
from tests.approval_workflow.flows import (
    by,
    current,
    kinds,
    last_event,
    make_flow,
    row_of,
    statuses,
    the_current,
    verified,
)
from tests.factories import make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


def stored(flow):
    return ApprovalFlow.objects.get(pk=flow.pk)


@pytest.fixture
def held(ann, bob):
    """Ann is asked, Bob comes after her; it is on hold."""
    flow = make_flow(ann, bob)
    hold_flow(flow, bob, reason="The supplier is being checked")
    return flow


# On hold


def test_open_steps_are_held_and_those_to_come_stay_so(held):
    assert (held.status, held.is_open, held.completed_at) == (FlowStatus.ON_HOLD, True, None)
    assert held.held_at is not None
    assert statuses(held) == [(1, "on_hold"), (2, "pending")]


def test_all_tracks_and_all_people_of_a_role_are_held(ann):
    flow = make_flow(
        by(make_role(2), "consensus", step=1, parallel_group="a"),
        {"step": 1, "assigned_to": ann, "parallel_group": "b"},
    )
    hold_flow(flow)
    assert statuses(flow) == [(1, "on_hold")] * 3


def test_running_flow_of_an_object_is_held(ann):
    flow = make_flow(ann)
    assert hold_flow(flow.target).pk == flow.pk


def test_flow_passed_in_is_brought_up_to_date(held):
    assert (held.version, held.held_at) == (stored(held).version, stored(held).held_at)


def test_hold_is_told_with_person_and_reason(held, bob):
    event = last_event(held)
    assert (event.kind, event.actor) == ("flow_held", bob)
    assert event.comment == "The supplier is being checked"
    assert (event.from_status, event.to_status) == ("in_progress", "on_hold")
    assert verified(held)


def test_handlers_hear_of_hold_and_resumption(ann, told):
    flow = make_flow(ann)
    hold_flow(flow)
    resume_flow(flow)
    assert [(hook, argument.pk) for hook, argument in told] == [
        ("on_hold", flow.pk),
        ("on_resume", flow.pk),
    ]


# What cannot be done meanwhile


def refused(act, error=FlowOnHold):
    before = dump()
    with pytest.raises(error) as caught:
        act()
    assert dump() == before
    return caught.value


@pytest.mark.parametrize("on_the_object", [True, False], ids=["object", "step"])
@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("approved", {}),
        ("rejected", {}),
        ("resubmission", {"resubmission_steps": [{}]}),
        ("delegated", {"delegate_to": None}),
        ("escalated", {}),
        ("claimed", {}),
        ("released", {}),
    ],
)
def test_nobody_acts(held, ann, action, arguments, on_the_object):
    target = held.target if on_the_object else held.instances.get(step_number=1)
    error = refused(lambda: advance_flow(target, action, ann, **arguments))
    assert (error.code, error.details["status"]) == ("flow_on_hold", "on_hold")


def test_step_to_come_cannot_be_acted_on_either(held, bob):
    refused(lambda: advance_flow(row_of(held, bob), "approved", bob))


def test_step_is_not_reassigned(held, ann, bob):
    step = held.instances.get(step_number=1)
    refused(lambda: reassign(step, bob, assign_to=bob, reason="x"))


def test_steps_are_not_replaced(held, bob):
    refused(lambda: replace_steps(held, [{"assigned_to": bob}]))


def test_flow_does_not_go_on_by_itself(held):
    refused(lambda: continue_flow(held))


def test_flow_on_hold_cannot_be_held(held):
    refused(lambda: hold_flow(held))


def test_no_other_flow_starts_on_the_object(held, ann):
    refused(lambda: start_flow(held.target, [{"assigned_to": ann}]), FlowAlreadyOpen)


def test_bulk_acts_say_of_each_item_why_not(held, ann):
    (result,) = advance_many([held.target], "approved", ann)
    assert isinstance(result.error, FlowOnHold)


def test_steps_may_be_added_and_come_in_their_turn(held, ann, bob, cid):
    extend_flow(held, [{"assigned_to": cid}])
    assert statuses(held) == [(1, "on_hold"), (2, "pending"), (3, "pending")]
    resume_flow(held)
    advance_flow(held.target, "approved", ann)
    assert advance_flow(held.target, "approved", bob).assigned_to == cid


def test_flow_on_hold_can_be_cancelled(held, bob):
    cancel_flow(held, bob)
    assert (held.status, held.is_open, held.held_at) == (FlowStatus.CANCELLED, None, None)
    assert statuses(held) == [(1, "cancelled"), (2, "cancelled")]
    event = last_event(held)
    assert (event.from_status, event.data) == ("on_hold", {"steps_cancelled": 2})


def test_flow_on_hold_is_not_purged(held):
    assert purge_flows(ApprovalFlow.objects.all())["flows"] == 0


def test_act_whose_key_was_used_before_the_hold_is_answered_as_then(ann, bob):
    flow = make_flow(ann, bob)
    first = advance_flow(flow.target, "approved", ann, idempotency_key="k")
    hold_flow(flow)
    assert advance_flow(flow.target, "approved", ann, idempotency_key="k") == first


# What is seen of it


def test_inbox_and_helper_agree_that_nobody_may_act(ann):
    role = make_role(2)
    flow = make_flow(by(role))
    holder = role.users.first()
    row = row_of(flow, holder)
    assert [step.pk for step in waiting_for(holder)] != []
    hold_flow(flow)
    row.refresh_from_db()
    assert list(waiting_for(holder)) == []
    assert can_user_approve(row, holder) is False
    assert can_act(row, holder).code == "on_hold"


def test_explanation_names_those_asked_and_the_hold(held, ann):
    (found,) = explain_approvers(held)
    assert (found.user, found.permission.code) == (ann, "on_hold")
    assert "manager" not in found.permission.reason


def test_nothing_awaits_a_decision(held, bob):
    assert get_current_approval(held.target) is None
    assert get_next_approval(held.target).assigned_to == bob


def test_progress_counts_held_steps(held):
    summary = get_approval_summary(held.target)
    assert (summary["flow_status"], summary["total_steps"]) == ("on_hold", 2)
    assert (summary["pending_steps"], summary["progress_percentage"]) == (1, 0)
    assert summary["current_step"] is None


def test_progress_keeps_what_is_done(held, ann):
    resume_flow(held)
    advance_flow(held.target, "approved", ann)
    hold_flow(held)
    assert get_approval_summary(held.target)["progress_percentage"] == 50


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_those_who_take_part_still_see_the_flow(held, name, request):
    assert list(visible_flows(request.getfixturevalue(name))) == [held]


def test_driver_says_that_it_is_on_hold(held):
    driver = FlowDriver(held.target)
    assert (driver.status, driver.current_steps) == ("on_hold", [])
    with pytest.raises(AssertionError, match=r"is on_hold\.\nStep 1: .* may not act \(on_hold\)"):
        driver.approve_all()


# Going on


def test_held_steps_are_open_again(held, ann, bob):
    resume_flow(held, bob, reason="Checked")
    assert (held.status, held.held_at) == (FlowStatus.IN_PROGRESS, None)
    assert statuses(held) == [(1, "current"), (2, "pending")]
    assert [step.assigned_to for step in waiting_for(ann)] == [ann]
    assert advance_flow(held.target, "approved", ann).assigned_to == bob


def test_resumption_is_told_with_person_reason_and_since_when(held, bob):
    held_at = held.held_at
    resume_flow(held.target, bob, reason="Checked")
    event = last_event(held)
    assert (event.kind, event.actor, event.comment) == ("flow_resumed", bob, "Checked")
    assert (event.from_status, event.to_status) == ("on_hold", "in_progress")
    assert event.data == {"held_at": held_at.isoformat()}
    assert verified(held)


def test_votes_and_claims_outlast_a_hold(ann):
    role, other = make_role(3), make_role(2)
    flow = make_flow(
        by(role, "consensus", step=1, parallel_group="a"),
        by(other, step=1, parallel_group="b"),
    )
    first, second, third = role.users.order_by("pk")
    holder, colleague = other.users.order_by("pk")
    advance_flow(flow.target, "approved", first)
    claim(flow.target, holder)
    hold_flow(flow)
    resume_flow(flow)
    assert can_act(row_of(flow, colleague), colleague).code == "claimed"
    release(row_of(flow, holder), holder)
    for person in (second, third, colleague):
        advance_flow(flow.target, "approved", person)
    assert stored(flow).status == FlowStatus.COMPLETED


def test_flow_may_be_held_again(held, ann):
    for _time in range(2):
        resume_flow(held)
        hold_flow(held)
    resume_flow(held)
    assert the_current(held).assigned_to == ann
    assert kinds(held).count("flow_held") == 3


def test_running_flow_cannot_be_resumed(ann):
    flow = make_flow(ann)
    error = refused(lambda: resume_flow(flow), Conflict)
    assert (error.code, error.details["status"]) == ("conflict", "in_progress")


@pytest.mark.parametrize("verb", [hold_flow, resume_flow])
def test_ended_flow_is_neither_held_nor_resumed(ann, verb):
    flow = make_flow(ann)
    cancel_flow(flow)
    refused(lambda: verb(flow), FlowEnded)
    refused(lambda: verb(flow.target), NoCurrentStep)


@pytest.mark.parametrize("verb", [hold_flow, resume_flow])
def test_object_without_a_flow_has_none(document, verb):
    refused(lambda: verb(document), NoCurrentStep)


@pytest.mark.parametrize("verb", [hold_flow, resume_flow])
def test_flow_that_changed_since_it_was_read_is_left_alone(held, verb):
    version = held.version
    resume_flow(held)
    if verb is resume_flow:
        hold_flow(held)
    refused(lambda: verb(held, expected_version=version), VersionConflict)


@pytest.mark.parametrize("verb", [hold_flow, resume_flow])
@pytest.mark.parametrize(
    ("arguments", "named"), [({"reason": 5}, "reason"), ({"user": "ann"}, "user")]
)
def test_who_and_why_are_checked(ann, verb, arguments, named):
    with pytest.raises(InvalidInput, match=named):
        verb(make_flow(ann), **arguments)


# Deadlines


def due(user, days=2, **keys):
    return {"assigned_to": user, "sla_duration": days * DAY, **keys}


def held_for(clock, flow, duration):
    hold_flow(flow)
    clock.move_by(duration)
    resume_flow(flow)


def test_deadline_is_put_off_by_the_time_on_hold(ann):
    with frozen_time(MONDAY) as clock:
        flow = make_flow(due(ann))
        clock.move_by(DAY)
        held_for(clock, flow, 5 * HOUR)
    assert the_current(flow).due_at == MONDAY + 2 * DAY + 5 * HOUR


def test_deadline_that_has_passed_already_is_put_off_too(ann):
    with frozen_time(MONDAY) as clock:
        flow = make_flow(due(ann, timeout_action="reject"))
        clock.move_by(3 * DAY)
        held_for(clock, flow, DAY)
        assert the_current(flow).due_at == MONDAY + 3 * DAY
        process_deadlines()
    assert stored(flow).status == FlowStatus.REJECTED


def test_step_without_a_deadline_gets_none(held):
    resume_flow(held)
    assert the_current(held).due_at is None


def test_step_to_come_has_its_whole_time(ann, bob):
    with frozen_time(MONDAY) as clock:
        flow = make_flow(ann, due(bob))
        held_for(clock, flow, DAY)
        advance_flow(flow.target, "approved", ann)
    assert the_current(flow).due_at == MONDAY + 3 * DAY


def test_nobody_is_reminded_and_nothing_times_out_on_hold(ann):
    with frozen_time(MONDAY) as clock:
        flow = make_flow(due(ann, timeout_action="approve"))
        hold_flow(flow)
        clock.move_by(10 * DAY)
        before = dump()
        result = process_deadlines()
        assert (result.reminded, result.timed_out, result.failed) == (0, 0, 0)
        assert remind(flow.instances.get()) is False
        assert dump() == before


def test_deadline_is_dealt_with_when_it_comes_after_the_hold(ann):
    with frozen_time(MONDAY) as clock:
        flow = make_flow(due(ann, timeout_action="approve"))
        held_for(clock, flow, 10 * DAY)
        assert process_deadlines().timed_out == 0
        clock.move_by(2 * DAY)
        assert process_deadlines().timed_out == 1
    assert stored(flow).status == FlowStatus.COMPLETED


def test_nobody_is_reminded_twice_for_a_hold(ann):
    with frozen_time(MONDAY) as clock:
        flow = make_flow(due(ann))
        clock.move_by(DAY)
        assert process_deadlines().reminded == 1
        held_for(clock, flow, DAY)
        assert process_deadlines().reminded == 0


@pytest.mark.parametrize(
    ("opened", "until"),
    [
        # The nights in which the clocks go forward, and back: a day on hold is 24 hours.
        ("2026-03-28 12:00", "2026-03-30 13:00"),
        ("2026-10-24 12:00", "2026-10-26 11:00"),
    ],
)
def test_hold_is_by_the_clock_when_the_clocks_change(ann, opened, until):
    moment = datetime.fromisoformat(opened).replace(tzinfo=BERLIN)
    with frozen_time(moment) as clock:
        flow = make_flow(due(ann, days=1))
        held_for(clock, flow, DAY)
    due_at = the_current(flow).due_at.astimezone(BERLIN)
    assert due_at.replace(tzinfo=None) == datetime.fromisoformat(until)


@pytest.fixture
def office_hours(settings):
    settings.APPROVAL_BUSINESS_CALENDAR = {
        "working_hours": ("09:00", "17:00"),
        "timezone": "UTC",
        "holidays": [(MONDAY + 7 * DAY).date()],
    }


@pytest.mark.parametrize(
    ("held_at", "on_hold", "until"),
    [
        # From Monday 9:00, due Wednesday 9:00.
        ("2026-03-02 10:00", 3 * HOUR, "2026-03-04 12:00"),
        # Over a night: from 16:00 to 10:00 are two hours of work.
        ("2026-03-02 16:00", 18 * HOUR, "2026-03-04 11:00"),
        # A night is no time at all, nor is a moment.
        ("2026-03-02 18:00", 10 * HOUR, "2026-03-04 09:00"),
        ("2026-03-02 10:00", timedelta(0), "2026-03-04 09:00"),
        # Over a weekend and a holiday: Tuesday 9:00 to Tuesday 9:00 are four days of eight hours.
        ("2026-03-03 09:00", 7 * DAY, "2026-03-10 17:00"),
    ],
)
@pytest.mark.usefixtures("office_hours")
def test_with_a_calendar_only_working_time_counts(ann, held_at, on_hold, until):
    with frozen_time(MONDAY) as clock:
        flow = make_flow(due(ann))
        clock.move_to(datetime.fromisoformat(held_at).replace(tzinfo=UTC))
        held_for(clock, flow, on_hold)
    assert the_current(flow).due_at == datetime.fromisoformat(until).replace(tzinfo=UTC)


@pytest.mark.usefixtures("office_hours")
def test_deadline_at_the_end_of_a_day_stays_there_when_no_work_was_missed(ann):
    with frozen_time(MONDAY) as clock:
        flow = make_flow({"assigned_to": ann, "sla_duration": 8 * HOUR})
        assert the_current(flow).due_at == MONDAY + 8 * HOUR
        clock.move_to(MONDAY + 10 * HOUR)
        held_for(clock, flow, HOUR)
    assert the_current(flow).due_at == MONDAY + 8 * HOUR


@pytest.mark.usefixtures("office_hours")
def test_each_deadline_is_put_off_once_with_a_calendar(ann, bob, cid):
    """Each new deadline is the old one of the next."""
    ten = MONDAY + HOUR
    with frozen_time(ten) as clock:
        flow = make_flow(
            *(
                due(user, days, step=1, parallel_group=str(days))
                for days, user in enumerate((ann, bob, cid), start=1)
            )
        )
        held_for(clock, flow, DAY)
    assert [row.due_at for row in current(flow)] == [ten + days * DAY for days in (2, 3, 4)]
