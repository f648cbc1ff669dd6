"""A sweeper that dies in the middle: what it had begun never happened, and is done once later.

Also the two ways in which sweeps are started: the command and the Celery task.
"""

from datetime import timedelta
from io import StringIO

import pytest
from celery import current_app
from django.core.management import call_command

from approval_workflow.models import ApprovalFlow
from approval_workflow.services import process_deadlines
from approval_workflow.tasks import process_approval_deadlines
from approval_workflow.testing import (
    assert_flow_status,
    assert_history_intact,
    assert_waiting_on,
    frozen_time,
    make_flow,
    user_step,
)
from tests.approval_workflow.flows import kinds
from tests.factories import RoleFactory, UserFactory
from tests.faults import count_writes, dump, failing_at_write

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ACTIONS = ("approve", "reject", "delegate", "escalate")


@pytest.fixture
def clock():
    with frozen_time() as clock:
        yield clock


def overdue_step(action):
    """A step with a deadline of a day, followed by another."""
    top = RoleFactory.create()
    boss = UserFactory.create(role=top)
    worker = UserFactory.create(role=RoleFactory.create(parent=top))
    delegate = {"timeout_delegate_to": boss} if action == "delegate" else {}
    step = user_step(worker, sla_duration=DAY, timeout_action=action, **delegate)
    return step, user_step(boss)


class Killed(BaseException):
    """The sweeper's process ends: nothing may catch it."""


@pytest.mark.parametrize("action", ACTIONS)
def test_fault_at_any_write_leaves_everything_as_it_was(document, clock, settings, caplog, action):
    """The step is dealt with by the next sweep, once."""
    settings.APPROVAL_REMIND_BEFORE = None
    flow = make_flow(document, *overdue_step(action))
    clock.move_by(2 * DAY)
    before = dump()
    number = 1
    while True:
        with failing_at_write(number):
            result = process_deadlines()
        if not result.failed:
            break
        assert (result.timed_out, result.failed) == (0, 1)
        assert dump() == before, f"write {number}"
        number += 1
    assert number > 3
    assert result.timed_out == 1
    assert process_deadlines().timed_out == 0
    assert kinds(flow).count("timed_out") == 1
    assert_history_intact(document)


def test_fault_at_any_write_of_a_reminder_leaves_everything_as_it_was(document, ann, clock, caplog):
    flow = make_flow(document, user_step(ann, sla_duration=DAY))
    before = dump()
    for number in range(1, 4):
        with failing_at_write(number):
            result = process_deadlines()
        assert (result.reminded, result.failed) == (0, 1)
        assert dump() == before, f"write {number}"
    assert count_writes(process_deadlines) in (3, 4)  # one more where rows cannot be locked
    assert process_deadlines().reminded == 0
    assert kinds(flow).count("reminded") == 1


@pytest.mark.parametrize("action", ACTIONS)
def test_sweeper_that_is_killed_repeats_nothing(document, clock, monkeypatch, action):
    """It dies after everything was written and before it is committed."""
    flow = make_flow(document, *overdue_step(action))
    clock.move_by(2 * DAY)
    before = dump()

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("approval_workflow.events.transaction.on_commit", die)
        with pytest.raises(Killed):
            process_deadlines()
    assert dump() == before
    assert process_deadlines().timed_out == 1
    assert kinds(flow).count("timed_out") == 1


# The command


def run(*arguments):
    said = StringIO()
    call_command("process_approval_deadlines", *arguments, stdout=said)
    return said.getvalue()


def test_command_says_what_it_did(document, ann, clock):
    make_flow(document, user_step(ann, sla_duration=DAY, timeout_action="approve"))
    assert run() == "Reminded: 1. Deadlines dealt with: 0. Failed: 0.\n"
    clock.move_by(DAY)
    assert run() == "Reminded: 0. Deadlines dealt with: 1. Failed: 0.\n"
    assert run() == "Reminded: 0. Deadlines dealt with: 0. Failed: 0.\n"
    assert_flow_status(document, "completed")


def test_command_keeps_to_its_limit(ann, clock, document):
    for _number in range(3):
        other = type(document).objects.create(title="x")
        make_flow(other, user_step(ann, sla_duration=DAY, timeout_action="approve"))
    clock.move_by(DAY)
    assert run("--limit", "2") == "Reminded: 1. Deadlines dealt with: 2. Failed: 0.\n"
    assert ApprovalFlow.objects.open().count() == 1


# The task


def test_task_has_the_name_that_schedules_use():
    assert process_approval_deadlines.name == "approval_workflow.process_approval_deadlines"
    assert process_approval_deadlines.name in current_app.tasks


def test_task_does_what_the_command_does(document, ann, bob, clock):
    step = user_step(ann, sla_duration=DAY, timeout_action="delegate", timeout_delegate_to=bob)
    make_flow(document, step)
    clock.move_by(DAY)
    result = process_approval_deadlines.apply(kwargs={"limit": 10})
    assert result.get() == {"reminded": 1, "timed_out": 1, "failed": 0}
    assert_waiting_on(document, bob)
    assert process_approval_deadlines.apply().get()["timed_out"] == 0
