"""100,000 open steps: the plans of PostgreSQL go by an index, whoever asks and whatever is done."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, process_deadlines, substitute
from approval_workflow.testing import make_flow, role_step, user_step
from approval_workflow.utils import (
    can_user_approve,
    explain_approvers,
    get_approval_summary,
    get_current_approval,
    waiting_for,
)
from benchmarks.copying import analyse, copy
from purchasing.models import User
from tests.factories import RoleFactory, UserFactory
from tests.testapp.models import Document

pytestmark = [pytest.mark.scale, pytest.mark.django_db(transaction=True)]

STEPS = 100_000
PEOPLE = 1_000
# More rows than this are many for somebody who has forty.
MANY = 1_000
STEP_TABLE = ApprovalInstance._meta.db_table


class House:
    """Somebody with steps of their own, of their role, of a junior and of whom they stand in for.

    Each of these has ten, and everybody else has a hundred.
    """

    def __init__(self):
        top = RoleFactory.create()
        self.me = UserFactory.create(role=top)
        self.junior = UserFactory.create(role=RoleFactory.create(parent=top))
        self.away, self.delegate = UserFactory.create(), UserFactory.create()
        substitute(self.away, self.me, ends_at=timezone.now() + timedelta(days=1))
        self.documents = [Document.objects.create(title="x") for _document in range(40)]
        role = role_step(top, sla_duration=timedelta(days=9), timeout_action="reject")
        steps = [user_step(self.me), role, user_step(self.junior), user_step(self.away)]
        for number, document in enumerate(self.documents):
            make_flow(document, steps[number % 4], self.me)

    def fill(self):
        """Make all the other steps, as copies of one, shared out among so many people."""
        people = User.objects.bulk_create(
            UserFactory.build(username=f"n{number}") for number in range(PEOPLE)
        )
        first = people[0].pk
        flow = make_flow(
            Document.objects.create(title="x"),
            user_step(people[0], sla_duration=timedelta(days=9), timeout_action="reject"),
        )
        flows = copy(ApprovalFlow.objects.filter(pk=flow.pk), STEPS, object_id="'copy ' || number")
        copy(
            flow.instances.all(),
            STEPS,
            flow_id=flows.of_copy("flow_id"),
            assigned_to_id=f"{first} + mod(number, {PEOPLE})",
            due_at="due_at + number * interval '1 minute'",
        )
        analyse()


@pytest.fixture
def house():
    house = House()
    house.fill()
    assert ApprovalInstance.objects.current().count() > STEPS
    return house


def nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def slow_statements_of(act):
    """Do something; return the statements that read much of the table of steps."""
    done = []

    def note(execute, sql, params, many, context):
        done.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        act()
    return [sql for sql, params in done if STEP_TABLE in sql and reads_much(sql, params)]


def reads_much(sql, params):
    """Whether the statement goes through the whole table, or through much of an index."""
    if sql.startswith("INSERT"):
        return False
    # Analysing runs the statement once more, which a change would not be right for.
    analyse = "ANALYZE, " if sql.startswith("SELECT") else ""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({analyse}FORMAT JSON) {sql}", params)
        (answer,) = cursor.fetchone()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    of_steps = [node for node in nodes(plan) if node.get("Relation Name") == STEP_TABLE]
    return any(node["Node Type"].endswith("Seq Scan") for node in of_steps) or (
        sum(rows_read(node) for node in of_steps) > MANY
    )


def rows_read(node):
    return node.get("Actual Loops", 0) * sum(
        node.get(key, 0)
        for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    )


def test_everything_goes_by_an_index(house):
    me, document = house.me, house.documents[0]
    step = get_current_approval(document)
    somebody = User.objects.get(username="n7")
    acts = {
        "page": lambda: list(waiting_for(me).select_related("flow")[:20]),
        "second page": lambda: list(waiting_for(me)[20:40]),
        "count": lambda: waiting_for(me).count(),
        "page of somebody with steps of their own only": lambda: list(waiting_for(somebody)[:20]),
        "page of a junior": lambda: list(waiting_for(house.junior)[:20]),
        "current step": lambda: get_current_approval(document),
        "summary": lambda: get_approval_summary(document),
        "permission": lambda: can_user_approve(step, me),
        "explanation": lambda: explain_approvers(step.flow),
        "approval": lambda: advance_flow(document, "approved", me),
        "approval in a role": lambda: advance_flow(house.documents[1], "approved", me),
        "delegation": lambda: advance_flow(
            house.documents[5], "delegated", me, delegate_to=house.delegate
        ),
    }
    assert {name: found for name, act in acts.items() if (found := slow_statements_of(act))} == {}


def test_sweeper_goes_by_an_index(house):
    """Some are overdue, some are to be reminded of, and most are neither."""
    of_the_role = ApprovalInstance.objects.current().exclude(role_selection_strategy="")
    of_the_role.update(due_at=timezone.now() - timedelta(hours=1))
    swept = []
    assert slow_statements_of(lambda: swept.append(process_deadlines())) == []
    assert (swept[0].timed_out, swept[0].failed) == (10, 0)


def test_statements_are_as_many_as_for_a_few_steps(statements):
    house, counts = House(), []
    list(waiting_for(house.me))  # content types are remembered from now on
    for _size in ("few", "many"):
        with statements() as seen:
            waiting = waiting_for(house.me)
            page, total = list(waiting.select_related("flow")[:20]), waiting.count()
        assert (len(page), total) == (20, 40)
        counts.append(seen.count)
        if len(counts) == 1:
            house.fill()
    assert counts[0] == counts[1] <= 4
