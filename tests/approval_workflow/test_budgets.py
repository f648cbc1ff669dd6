"""Statements of each service and read, at two sizes, so that growth shows."""

import re
from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType

from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    continue_flow,
    extend_flow,
    hold_flow,
    remind,
    resume_flow,
    start_flow,
    undo_decision,
)
from approval_workflow.types import Continuation
from approval_workflow.utils import (
    can_user_approve,
    get_approval_flow,
    get_approval_summary,
    get_current_approval,
    get_full_approvals,
    get_next_approval,
)
from purchasing.models import Role, User
from tests.approval_workflow.flows import by, current, make_document, make_flow, row_of
from tests.factories import UserFactory, make_role
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

INSERT = re.compile(r"INSERT INTO \S+")
# What goes before the SELECT ... FOR UPDATE of the flow, or takes its place.
LOCK = re.compile(
    r'UPDATE "(\w+)" SET "version" = "\1"\."version"'
    r"|SELECT `(\w+_approvalflow)`\.(?!.*FOR UPDATE).* FROM `\2` WHERE .*`object_id` = "
)


@pytest.fixture(autouse=True)
def content_types_are_known():
    """Django remembers content types for the life of the process."""
    for model in (Document, Role, User):
        ContentType.objects.get_for_model(model)


def count(seen):
    """How many statements there would be on PostgreSQL (L8).

    An insert that SQLite splits because it is long counts once. What locks the flow by an UPDATE
    (SQLite) or looks for its key first (MariaDB) does not count: it is read with the lock anyway.
    """
    sql = [statement for statement in seen.sql if not LOCK.match(statement)]
    heads = [INSERT.match(statement) for statement in sql]
    heads = [head.group() if head else text for head, text in zip(heads, sql, strict=True)]
    return sum(head != before for head, before in zip(heads, [None, *heads], strict=False))


def plain_steps(number):
    user = UserFactory.create()
    return [{"assigned_to": user} for _step in range(number)]


@pytest.mark.parametrize("number", [3, 50])
def test_start_takes_five_statements_for_any_number_of_steps(document, statements, number):
    steps = plain_steps(number)
    with statements() as seen:
        start_flow(document, steps)
    assert count(seen) <= 5, seen


@pytest.mark.parametrize("number", [3, 50])
def test_approval_of_a_plain_step_takes_six_statements(document, statements, number):
    steps = plain_steps(number)
    user = start_flow(document, steps).instances.first().assigned_to
    with statements() as seen:
        advance_flow(document, "approved", user)
    assert count(seen) <= 6, seen


@pytest.mark.parametrize("action", ["approved", "rejected"])
def test_end_of_a_flow_takes_five_statements(document, ann, statements, action):
    start_flow(document, [{"assigned_to": ann}])
    with statements() as seen:
        advance_flow(document, action, ann)
    assert count(seen) <= 5, seen


@pytest.mark.parametrize("strategy", ["anyone", "consensus"])
@pytest.mark.parametrize("holders", [10, 1000])
def test_approval_in_a_role_step_takes_nine_statements(document, statements, holders, strategy):
    role = make_role(holders)
    start_flow(document, [by(role, strategy), {"assigned_to": UserFactory.create()}])
    holder = role.users.order_by("pk")[holders // 2]
    with statements() as seen:
        advance_flow(document, "approved", holder)
    assert count(seen) <= 9, seen


@pytest.mark.parametrize("holders", [10, 1000])
def test_last_vote_of_a_consensus_takes_nine_statements(document, statements, holders):
    role = make_role(holders)
    flow = start_flow(document, [by(role, "consensus"), {"assigned_to": UserFactory.create()}])
    last = role.users.order_by("pk").last()
    flow.instances.exclude(assigned_to=last).filter(step_number=1).update(status="approved")
    with statements() as seen:
        advance_flow(document, "approved", last)
    assert count(seen) <= 9, seen
    assert flow.instances.get(step_number=2).status == "current"


@pytest.mark.parametrize("strategy", ["anyone", "consensus", "round_robin"])
@pytest.mark.parametrize("holders", [10, 1000])
def test_approval_that_opens_a_role_step_does_not_grow(
    document, ann, statements, holders, strategy
):
    role = make_role(holders)
    start_flow(document, [{"assigned_to": ann}, by(role, strategy)])
    with statements() as seen:
        advance_flow(document, "approved", ann)
    assert count(seen) <= 9, seen


@pytest.mark.parametrize("holders", [10, 300])
def test_refusal_in_a_role_step_does_not_grow(document, ann, statements, holders):
    """Somebody who may not act costs no more when many others may."""
    ann.role = make_role(0)
    ann.save()
    start_flow(document, [by(make_role(holders), "consensus")])
    with statements() as seen, pytest.raises(PermissionError):
        advance_flow(document, "approved", ann)
    assert count(seen) <= 8, seen


@pytest.mark.parametrize("number", [3, 50])
def test_resubmission_takes_eight_statements(document, ann, statements, number):
    start_flow(document, [{"assigned_to": ann}, {"assigned_to": ann}])
    steps = plain_steps(number)
    with statements() as seen:
        advance_flow(document, "resubmission", ann, resubmission_steps=steps)
    assert count(seen) <= 8, seen


@pytest.mark.parametrize("holders", [10, 300])
def test_delegation_takes_nine_statements(document, ann, statements, holders):
    role = make_role(holders)
    start_flow(document, [by(role, "consensus")])
    holder = role.users.first()
    with statements() as seen:
        advance_flow(document, "delegated", holder, delegate_to=ann)
    assert count(seen) <= 9, seen


@pytest.mark.parametrize("number", [3, 50])
def test_extension_takes_six_statements(ann, statements, number):
    flow = make_flow(ann)
    steps = plain_steps(number)
    with statements() as seen:
        extend_flow(flow, steps)
    assert count(seen) <= 6, seen


@pytest.mark.parametrize("number", [3, 50])
def test_cancellation_takes_four_statements(document, statements, number):
    flow = start_flow(document, plain_steps(number))
    with statements() as seen:
        cancel_flow(flow)
    assert count(seen) <= 4, seen


@pytest.mark.parametrize("holders", [10, 1000])
def test_hold_takes_four_statements_and_resumption_five(ann, statements, holders):
    flow = make_flow(by(make_role(holders), "consensus", sla_duration=timedelta(days=1)))
    with statements() as seen:
        hold_flow(flow)
    assert count(seen) <= 4, seen
    with statements() as seen:
        resume_flow(flow)
    assert count(seen) <= 5, seen


@pytest.mark.parametrize("number", [3, 50])
def test_going_on_takes_seven_statements(ann, statements, number):
    flow = make_flow(ann)
    continue_flow(flow, Continuation(waits=True), afresh=True)
    steps = plain_steps(number)
    with statements() as seen:
        continue_flow(flow, steps)
    assert count(seen) <= 7, seen


@pytest.mark.parametrize("number", [3, 50])
def test_undoing_takes_eleven_statements(ann, statements, number):
    """However many steps there are, and reminders since."""
    flow = make_flow(ann, *plain_steps(number))
    advance_flow(flow.target, "approved", ann)
    for _time in range(number):
        remind(current(flow)[0])
    with statements() as seen:
        undo_decision(flow, ann)
    assert count(seen) <= 11, seen


@pytest.mark.parametrize("holders", [10, 300])
def test_undoing_does_not_grow_with_the_people_asked(ann, statements, holders):
    flow = make_flow(ann, by(make_role(holders), "consensus"))
    advance_flow(flow.target, "approved", ann)
    with statements() as seen:
        undo_decision(flow, ann)
    assert count(seen) <= 11, seen


@pytest.mark.parametrize("number", [3, 50])
@pytest.mark.parametrize(
    ("read", "most"),
    [
        (get_current_approval, 1),
        (get_next_approval, 1),
        (get_approval_flow, 1),
        (get_full_approvals, 1),
        (get_approval_summary, 2),
    ],
)
def test_reads_of_an_object_take_at_most_two_statements(document, statements, number, read, most):
    """S0-43, S0-47, S0-60"""
    start_flow(document, plain_steps(number))
    with statements() as seen:
        read(document)
    assert count(seen) <= most, seen


def test_current_step_is_looked_up_by_its_stored_status(document, statements):
    """S0-47: the database finds the one row; nobody goes through the steps."""
    start_flow(document, plain_steps(3))
    with statements() as seen:
        get_current_approval(document)
    assert re.search(r"""status[`"] = '?current'?.* LIMIT 1$""", seen.sql[-1]), seen


def test_objects_without_a_flow_take_no_more(statements):
    document = make_document()
    with statements() as seen:
        get_current_approval(document)
    assert count(seen) <= 1, seen


@pytest.mark.parametrize("holders", [10, 300])
def test_question_whether_somebody_may_act_takes_one_statement(statements, holders):
    role = make_role(holders)
    flow = make_flow(by(role, "consensus"))
    holder = role.users.last()
    row = row_of(flow, holder)
    with statements() as seen:
        assert can_user_approve(row, holder)
    assert count(seen) <= 1, seen
    assert len(current(flow)) == holders
