"""Several sweepers at once, with real connections: each deadline is dealt with exactly once."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from approval_workflow.exceptions import InvalidSubstitution
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalFlow, ApprovalInstance, Substitution
from approval_workflow.services import process_deadlines, substitute
from approval_workflow.testing import FlowDriver, assert_history_intact, make_flow, user_step
from tests.approval_workflow.crowd import a_crowd_of
from tests.approval_workflow.flows import make_document
from tests.factories import RoleFactory, UserFactory
from tests.testapp.models import Document

pytestmark = [pytest.mark.contention, pytest.mark.django_db(transaction=True)]

SWEEPERS = 3
FLOWS = 12
DAY = timedelta(days=1)


@pytest.fixture
def people():
    """A worker, somebody above, and somebody else."""
    top = RoleFactory.create()
    worker = UserFactory.create(role=RoleFactory.create(parent=top))
    return worker, UserFactory.create(role=top), UserFactory.create()


def make_overdue(worker, other, action):
    """Flows whose first step is overdue."""
    keys = {"timeout_delegate_to": other} if action == "delegate" else {}
    step = user_step(worker, sla_duration=DAY, timeout_action=action, **keys)
    for _flow in range(FLOWS):
        make_flow(make_document(), step, other)
    ApprovalInstance.objects.current().update(due_at=timezone.now() - timedelta(hours=1))
    return list(ApprovalFlow.objects.all())


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("approve", "approved"),
        ("reject", "rejected"),
        ("delegate", "delegated"),
        ("escalate", "escalated"),
    ],
)
def test_three_sweepers_act_once_at_each_deadline(people, action, kind):
    worker, _boss, other = people
    flows = make_overdue(worker, other, action)
    with a_crowd_of(SWEEPERS) as crowd:
        results = crowd.at_once(*[process_deadlines] * SWEEPERS)
    assert sum(result.timed_out for result in results) == FLOWS, results
    assert sum(result.failed for result in results) == 0, results
    for flow in flows:
        events = Counter(flow.events.values_list("kind", flat=True))
        assert (events["timed_out"], events[kind]) == (1, 1)
        assert_history_intact(flow)


def test_three_sweepers_remind_once(people):
    worker = people[0]
    for _flow in range(FLOWS):
        make_flow(make_document(), user_step(worker, sla_duration=DAY))
    with a_crowd_of(SWEEPERS) as crowd:
        results = crowd.at_once(*[process_deadlines] * SWEEPERS)
    assert sum(result.reminded for result in results) == FLOWS, results
    for flow in ApprovalFlow.objects.all():
        assert flow.events.filter(kind="reminded").count() == 1


def test_sweepers_and_the_person_decide_once(people):
    """The person approves at the very deadline at which the step is rejected."""
    worker, _boss, other = people
    flows = make_overdue(worker, other, "reject")

    def approve_all():
        decided = 0
        for flow in flows:
            try:
                FlowDriver(flow.target).as_user(worker).approve()
            except (ValueError, PermissionError):
                continue
            decided += 1
        return decided

    with a_crowd_of(SWEEPERS) as crowd:
        approved, *swept = crowd.at_once(approve_all, *[process_deadlines] * (SWEEPERS - 1))
    assert approved + sum(result.timed_out for result in swept) == FLOWS
    for flow in flows:
        first = flow.instances.get(step_number=1)
        assert first.status in ("approved", "rejected")
        assert (first.action_user is None) == (first.status == "rejected")
        assert_history_intact(flow)


def kill(connection_id):
    """End another connection, as the end of its process would."""
    command = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL CONNECTION %s"}
    with connection.cursor() as cursor:
        cursor.execute(command[connection.vendor], [connection_id])


def own_connection_id():
    command = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
    with connection.cursor() as cursor:
        cursor.execute(command[connection.vendor])
        return cursor.fetchone()[0]


def test_sweeper_whose_connection_dies_leaves_the_step_to_the_next(people, settings, caplog):
    """It dies in the middle of a step: the database takes back what it had written."""
    settings.APPROVAL_REMIND_BEFORE = None
    worker = people[0]
    document = make_document()
    step = user_step(worker, sla_duration=DAY, timeout_action="approve")
    flow = make_flow(document, step)
    ApprovalInstance.objects.update(due_at=timezone.now() - timedelta(hours=1))
    in_the_middle, go_on = threading.Event(), threading.Event()
    seen = {}

    @register_handler(Document)
    class Slow(BaseApprovalHandler):
        def on_approve(self, instance):
            if not seen:
                seen["connection"] = own_connection_id()
                in_the_middle.set()
                go_on.wait(timeout=30)

    def sweep():
        try:
            seen["result"] = process_deadlines()
        finally:
            connections.close_all()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    assert in_the_middle.wait(timeout=30)
    kill(seen["connection"])
    go_on.set()
    sweeper.join(timeout=30)
    assert (seen["result"].timed_out, seen["result"].failed) == (0, 1)
    assert flow.events.count() == 2
    assert ApprovalInstance.objects.get().timed_out_at is None
    assert process_deadlines().timed_out == 1
    assert flow.events.filter(kind="timed_out").count() == 1
    assert_history_intact(document)


def test_two_who_name_each_other_at_once_are_no_circle(people):
    one, other = people[:2]
    ends_at = timezone.now() + DAY
    with a_crowd_of(2) as crowd:
        for _round in range(20):
            Substitution.objects.all().delete()
            results = crowd.at_once(
                lambda: substitute(one, other, ends_at=ends_at),
                lambda: substitute(other, one, ends_at=ends_at),
            )
            refused = [result for result in results if isinstance(result, InvalidSubstitution)]
            assert (len(refused), Substitution.objects.count()) == (1, 1), results
