"""Time that stands still, and deadlines that pass in it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from approval_workflow.models import ApprovalEvent
from approval_workflow.testing import (
    FlowDriver,
    assert_waiting_on,
    frozen_time,
    make_flow,
    user_step,
)
from tests.testapp.models import Document

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_time_stands_still_at_the_moment_given():
    with frozen_time(MONDAY) as clock:
        assert timezone.now() == clock.now == MONDAY
        assert timezone.localdate() == MONDAY.date()


def test_time_goes_on_afterwards():
    with pytest.raises(RuntimeError), frozen_time(MONDAY):
        raise RuntimeError
    assert timezone.now() != MONDAY


def test_without_a_moment_it_is_now():
    before = timezone.now()
    with frozen_time() as clock:
        assert before <= clock.now <= timezone.now()
        assert timezone.now() == clock.now


def test_clock_moves_when_it_is_told_to():
    with frozen_time(MONDAY) as clock:
        assert clock.move_by(timedelta(hours=2)) == timezone.now() == MONDAY + timedelta(hours=2)
        assert clock.move_to(MONDAY) == timezone.now() == MONDAY


def test_clocks_may_be_nested():
    with frozen_time(MONDAY):
        with frozen_time(MONDAY + timedelta(days=1)):
            assert timezone.now() == MONDAY + timedelta(days=1)
        assert timezone.now() == MONDAY


def test_moment_without_a_time_zone_is_refused():
    naive = MONDAY.replace(tzinfo=None)
    with pytest.raises(ValueError, match="with its time zone"), frozen_time(naive):
        pass


def test_flows_happen_at_that_time(document, ann):
    with frozen_time(MONDAY):
        flow = make_flow(document, user_step(ann, sla_duration=timedelta(days=2)))
    row = flow.instances.get()
    moments = {row.created_at, row.started_at, flow.created_at}
    moments |= {event.created_at for event in ApprovalEvent.objects.all()}
    assert moments == {MONDAY}
    assert row.due_at == MONDAY + timedelta(days=2)


def test_deadline_passes(document, ann, bob):
    step = user_step(
        ann,
        sla_duration=timedelta(days=2),
        timeout_action="delegate",
        timeout_delegate_to=bob,
    )
    with frozen_time(MONDAY) as clock:
        make_flow(document, step)
        result = clock.pass_deadline_of(document)
        assert timezone.now() == MONDAY + timedelta(days=2)
    assert result.timed_out == 1
    assert_waiting_on(document, bob)


def test_deadline_that_has_passed_already_does_not_turn_the_clock_back(document, ann):
    step = user_step(ann, sla_duration=timedelta(hours=1), timeout_action="reject")
    with frozen_time(MONDAY) as clock:
        make_flow(document, step)
        clock.move_by(timedelta(days=1))
        clock.pass_deadline_of(document)
        assert timezone.now() == MONDAY + timedelta(days=1)
    assert FlowDriver(document).status == "rejected"


def test_without_a_deadline_none_can_pass(document, ann):
    make_flow(document, ann)
    with frozen_time() as clock, pytest.raises(AssertionError, match="Step 1: ann is asked"):
        clock.pass_deadline_of(document)


def test_other_flows_are_left_alone_until_their_own_deadline(document, ann):
    other = Document.objects.create(title="Other")
    for obj, hours in ((document, 1), (other, 2)):
        step = user_step(ann, sla_duration=timedelta(hours=hours), timeout_action="approve")
        make_flow(obj, step)
    with frozen_time() as clock:
        clock.pass_deadline_of(document)
    assert FlowDriver(document).status == "completed"
    assert FlowDriver(other).status == "in_progress"
