"""Statements of moves into branches, out of them, and past stages: counted on PostgreSQL."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from approval_workflow.models import ApprovalInstance
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.models import StageRun
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from purchasing.models import PurchaseRequest
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_staged

pytestmark = pytest.mark.django_db

BRANCHES = 5
SPLIT, END_OF_A_BRANCH, JOIN, SKIPPING, JOB_DONE = 22, 17, 23, 18, 23
JOB = {"kind": "job", "job": {"function": "tests.testapp.workflow_actions.score"}}


@pytest.fixture(autouse=True)
def no_default_actions(settings: Any) -> None:
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False


def counted(statements: Callable[..., Any], act: Callable[[], Any]) -> Any:
    with statements() as seen:
        act()
    return seen


def within(seen: Any, budget: int) -> None:
    """The budgets are PostgreSQL's: on others a flow is looked up, then locked."""
    assert seen.count <= budget + (0 if connection.vendor == "postgresql" else 1), str(seen)


def attached(*stages: dict[str, Any]) -> PurchaseRequest:
    workflow = make_staged({f"s{number}": info for number, info in enumerate(stages)})
    # The definition is compiled once in a process.
    attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow)
    return request


def test_a_split_into_five_branches_and_their_join(statements: Callable[..., Any]) -> None:
    first, *people = UserFactory.create_batch(BRANCHES + 1)
    branches = [asking(by_user(person), parallel_group="g") for person in people]
    request = attached(asking(by_user(first)), *branches, asking(by_user(first)))
    within(counted(statements, lambda: act_on_object(request, "approve", first)), SPLIT)
    assert ApprovalInstance.objects.for_object(request).current().count() == BRANCHES
    for person in people[:-1]:
        seen = counted(statements, lambda person=person: act_on_object(request, "approve", person))
        within(seen, END_OF_A_BRANCH)
    within(counted(statements, lambda: act_on_object(request, "approve", people[-1])), JOIN)
    assert StageRun.objects.get(left_at=None, attachment__object_id=str(request.pk))


@pytest.mark.parametrize("skipped", [1, 8])
def test_stages_that_are_passed_over_cost_nothing_more(
    statements: Callable[..., Any], skipped: int
) -> None:
    first = UserFactory.create()
    passed = asking(by_user(first), skip_when="object.amount > 0.0")
    request = attached(asking(by_user(first)), *[passed] * skipped, asking(by_user(first)))
    within(counted(statements, lambda: act_on_object(request, "approve", first)), SKIPPING)


def test_a_job_that_is_done_moves_its_object_in_so_many(statements: Callable[..., Any]) -> None:
    attached(JOB, asking(by_user(UserFactory.create())))
    run_due(limit=1)
    within(counted(statements, run_due), JOB_DONE)
    assert not StageRun.objects.filter(left_at=None, stage__code="s0").exists()
