"""100,000 open steps and as many done: the plans of PostgreSQL go by an index, whatever is done."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.queries import timeline
from approval_workflow.services import (
    advance_flow,
    process_deadlines,
    purge_flows,
    start_flow,
    substitute,
)
from approval_workflow.testing import make_flow, role_step, user_step
from approval_workflow.utils import (
    can_user_approve,
    explain_approvers,
    get_approval_flow,
    get_approval_summary,
    get_current_approval,
    get_full_approvals,
    waiting_for,
)
from benchmarks.copies import copy_flow
from benchmarks.copying import analyse, trusted
from purchasing.models import User
from tests.factories import RoleFactory, UserFactory
from tests.plans import slow_statements_of
from tests.testapp.models import Document

pytestmark = [pytest.mark.scale, pytest.mark.django_db(transaction=True)]

STEPS = 100_000
PEOPLE = 1_000


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
        self.documents = [new_document() for _document in range(40)]
        self.ended = new_document()
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
        soon = user_step(people[0], sla_duration=timedelta(days=90), timeout_action="reject")
        other = {"assigned_to_id": f"{first} + mod(number, {PEOPLE})"}
        with trusted():
            for document, status in ((self.ended, "completed"), (new_document(), "in_progress")):
                copy_flow(make_flow(document, soon, status=status), STEPS, other)
        analyse()


def new_document():
    return Document.objects.create(title="x")


@pytest.fixture
def house():
    house = House()
    house.fill()
    assert ApprovalInstance.objects.current().count() > STEPS
    return house


def slow(act):
    return slow_statements_of(act, (ApprovalFlow, ApprovalInstance, ApprovalEvent))


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
        "steps": lambda: get_full_approvals(house.ended),
        "history": lambda: list(timeline(get_approval_flow(house.ended))[:20]),
        "summary": lambda: get_approval_summary(document),
        "permission": lambda: can_user_approve(step, me),
        "explanation": lambda: explain_approvers(step.flow),
        "approval": lambda: advance_flow(document, "approved", me),
        "approval in a role": lambda: advance_flow(house.documents[1], "approved", me),
        "delegation": lambda: advance_flow(
            house.documents[5], "delegated", me, delegate_to=house.delegate
        ),
        "start": lambda: start_flow(new_document(), [user_step(somebody)] * 3),
        "purge": lambda: purge_flows(ApprovalFlow.objects.for_object(house.ended)),
    }
    assert {name: found for name, act in acts.items() if (found := slow(act))} == {}


def test_sweeper_goes_by_an_index(house):
    """Some are overdue, some are to be reminded of, and most are neither."""
    of_the_role = ApprovalInstance.objects.current().exclude(role_selection_strategy="")
    of_the_role.update(due_at=timezone.now() - timedelta(hours=1))
    swept = []
    assert slow(lambda: swept.append(process_deadlines())) == []
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
