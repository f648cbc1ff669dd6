"""What somebody else does between a look and a write: nothing is overwritten, nothing half done.

Locks keep others away where they can; here a handler plays the other, or a look is made stale.
"""

import re

import pytest
from django.db import IntegrityError, connection

from approval_workflow.choices import ApprovalStatus, FlowStatus
from approval_workflow.exceptions import (
    Conflict,
    NobodyEligible,
    StepAlreadyProcessed,
)
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalFlow, ApprovalInstance, RoleTurn
from approval_workflow.querysets import columns_naming
from approval_workflow.roles import RoleRef
from approval_workflow.services import (
    _locking,
    _opening,
    cancel_flow,
    process_deadlines,
    purge_flows,
    remind,
    start_flow,
    timeouts,
)
from approval_workflow.statements import Select
from approval_workflow.strategies import turns
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
from tests.approval_workflow.flows import by, kinds, row_of, the_current
from tests.approval_workflow.test_deadlines import DAY
from tests.factories import make_role
from tests.faults import dump
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def test_row_decided_meanwhile_is_not_decided_again(document, ann):
    @register_handler(Document)
    class SomebodyElse(BaseApprovalHandler):
        def before_approve(self, instance):
            rows = ApprovalInstance.objects.filter(pk=instance.pk)
            rows.update(status=ApprovalStatus.REJECTED)

    make_flow(document, ann)
    before = dump()
    with pytest.raises(StepAlreadyProcessed):
        FlowDriver(document).as_user(ann).approve()
    assert dump() == before


def test_step_that_is_no_longer_to_come_is_not_opened(document, ann, bob, monkeypatch):
    """It was pending when it was read, and is cancelled when it is to open."""
    flow = make_flow(document, ann, bob)
    before = dump()

    def cancelled_meanwhile(work, row):
        ApprovalInstance.objects.filter(pk=row.pk).update(status=ApprovalStatus.CANCELLED)
        row.status = ApprovalStatus.CURRENT
        return [row]

    monkeypatch.setattr(_opening, "expand", cancelled_meanwhile)
    with pytest.raises(StepAlreadyProcessed, match="not pending any more"):
        FlowDriver(document).as_user(ann).approve()
    assert dump() == before
    assert_history_intact(flow)


def test_other_faults_of_the_database_are_not_called_an_open_flow(document, ann, monkeypatch):
    def fail(using, rows):
        raise IntegrityError("another constraint")

    monkeypatch.setattr("approval_workflow.services.start._insert", fail)
    with pytest.raises(IntegrityError, match="another constraint"):
        start_flow(document, [user_step(ann)])


def test_object_that_is_gone_when_its_step_opens_has_nobody_to_ask(document, ann):
    step = {"role_selection_strategy": "dynamic_attribute", "dynamic_source": "owner"}
    row = the_current(make_flow(document, ann, step))
    document.delete()
    with pytest.raises(NobodyEligible):
        FlowDriver(row.flow).as_user(ann, step=row).approve()


# Votes when the electorate shrinks


def leave(*users):
    User.objects.filter(pk__in=[user.pk for user in users]).update(role=None)


def test_rejection_may_show_that_enough_had_approved_already(document):
    """Two of five have approved; two leave, and so two of three are a majority."""
    role = make_role(5)
    first, second, third, *leavers = role.users.order_by("pk")
    step = role_step(role, "majority", rejection_policy="out_of_reach")
    driver = FlowDriver.start(document, [step])
    driver.as_user(first).approve()
    driver.as_user(second).approve()
    leave(*leavers)
    assert driver.flow.is_open
    driver.as_user(third).reject()
    assert_flow_status(document, FlowStatus.COMPLETED)
    assert row_of(driver.flow, third).status == "rejected"
    assert kinds(driver.flow)[-2:] == ["rejected", "flow_completed"]


def test_approval_may_show_that_enough_cannot_be_reached_any_more(document):
    """One of three has rejected and one has left: two approvals are out of reach."""
    role = make_role(3)
    first, second, third = role.users.order_by("pk")
    step = role_step(role, "quorum", quorum_count=2, rejection_policy="out_of_reach")
    driver = FlowDriver.start(document, [step])
    driver.as_user(first).reject()
    leave(second)
    driver.as_user(third).approve()
    assert_flow_status(document, FlowStatus.REJECTED)
    assert row_of(driver.flow, third).status == "approved"
    assert_history_intact(document)


# Sweepers


@pytest.fixture
def clock():
    with frozen_time() as clock:
        yield clock


@pytest.fixture
def stale_lists(monkeypatch):
    """Each list of what is due has every row twice, as if another sweeper had been quicker."""
    for name in ("_overdue", "_to_remind"):
        look = getattr(timeouts, name)
        monkeypatch.setattr(timeouts, name, lambda now, look=look: list(look(now)) * 2)


@pytest.mark.parametrize("action", ["approve", "escalate"])
def test_deadline_that_another_sweeper_dealt_with_is_left_alone(
    document, ann, bob, clock, stale_lists, action
):
    """Approved, the row is closed; escalated at the top, it is open and dealt with."""
    flow = make_flow(document, user_step(ann, sla_duration=DAY, timeout_action=action), bob)
    clock.move_by(DAY)
    result = process_deadlines()
    assert (result.timed_out, result.failed) == (1, 0)
    assert kinds(flow).count("timed_out") == 1


def test_person_whom_another_sweeper_reminded_is_not_reminded_again(
    document, ann, clock, stale_lists
):
    flow = make_flow(document, user_step(ann, sla_duration=DAY))
    assert process_deadlines().reminded == 1
    assert kinds(flow).count("reminded") == 1


def test_flow_that_is_gone_has_no_deadlines(document, ann):
    flow = make_flow(document, ann)
    row = the_current(flow)
    cancel_flow(flow)
    assert remind(row) is False
    purge_flows(ApprovalFlow.objects.all())
    assert remind(row) is False


# Turns


def test_turn_that_somebody_else_took_is_not_taken_again(ann):
    role = RoleRef.of(make_role(0))
    assert turns._claim(role, ann, seen=None, turn=1) is True
    assert turns._claim(role, ann, seen=None, turn=2) is False
    assert turns._claim(role, ann, seen=1, turn=2) is True
    assert turns._claim(role, ann, seen=1, turn=3) is False
    assert RoleTurn.objects.get().turn == 2


@pytest.mark.parametrize("failures", [1, 5, turns.MAX_TRIES - 1])
def test_who_loses_a_turn_looks_again(document, monkeypatch, failures):
    tries, claim = [], turns._claim

    def lose_first(*args, **kwargs):
        tries.append(1)
        return len(tries) > failures and claim(*args, **kwargs)

    monkeypatch.setattr(turns, "_claim", lose_first)
    role = make_role(2)
    make_flow(document, role_step(role, "round_robin"))
    assert_waiting_on(document, role.users.order_by("pk").first())
    assert len(tries) == failures + 1


def test_turns_that_are_always_lost_are_an_error(document, monkeypatch):
    monkeypatch.setattr(turns, "_claim", lambda *args, **kwargs: False)
    with pytest.raises(Conflict, match="try again"):
        make_flow(document, by(make_role(2), "round_robin"))


# Locking by the key, as on MariaDB


def locked(document):
    return _locking._lock_by_key(columns_naming(document), "default")


def test_open_flow_is_locked_before_those_that_have_ended(document, ann):
    make_flow(document, ann, status="completed")
    flow = make_flow(document, ann)
    assert locked(document) == flow


def test_flow_that_ended_last_is_locked_where_none_is_open(document, ann):
    make_flow(document, ann, status="completed")
    flow = make_flow(document, ann, status="rejected")
    assert locked(document) == flow


def test_without_a_flow_nothing_is_locked(document):
    assert locked(document) is None


def test_mariadb_locks_by_the_key_and_not_by_the_object(document, ann, monkeypatch, statements):
    flow = make_flow(document, ann)
    monkeypatch.setattr(connection, "vendor", "mysql")
    with statements() as seen:
        assert _locking._lock_newest(document, "default") == flow
    by_object = [sql for sql in seen.sql if re.search(r"object_id\W+ = ", sql)]
    assert by_object == seen.sql[:1], seen


@pytest.mark.parametrize(("rows_can_be_locked", "writes"), [(True, 0), (False, 1)])
def test_lock_is_a_write_only_where_rows_cannot_be_locked(
    document, ann, monkeypatch, statements, rows_can_be_locked, writes
):
    """What a database that can lock rows would be sent; this one may not know FOR UPDATE."""
    make_flow(document, ann)
    monkeypatch.setattr(connection.features, "has_select_for_update", rows_can_be_locked)
    monkeypatch.setattr(connection.ops, "for_update_sql", lambda **options: "/* lock */")
    for name in ("_newest", "_by_key"):
        monkeypatch.setattr(_locking, name, Select(getattr(_locking, name).rows))
    with statements() as seen:
        _locking._lock_newest(document, "default")
    assert len([sql for sql in seen.sql if sql.startswith("UPDATE")]) == writes, seen
    assert ("/* lock */" in seen.sql[-1]) is rows_can_be_locked


def test_flow_that_was_started_while_we_waited_is_locked(document, ann, monkeypatch):
    """We waited for one that was just ending."""
    first = make_flow(document, ann)
    lock, started = _locking._lock, []

    def wait(key, using):
        monkeypatch.undo()
        cancel_flow(first)
        started.append(make_flow(document, ann))
        return lock(key, using)

    monkeypatch.setattr(_locking, "_lock", wait)
    assert locked(document) == started[0]
