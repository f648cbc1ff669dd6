"""The way that an object would take, without taking it."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approval_workflow.models import ApprovalFlow
from django_workflow_engine.models import StageRun, WorkflowAttachment
from django_workflow_engine.services import simulate
from django_workflow_engine.services.simulate import SimulatedKind
from django_workflow_engine.testing import WorkflowDriver
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_staged

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def workflow(ann):
    asks = asking(by_user(ann))
    return make_staged(
        {
            "check": {**asks, "routes": [{"to": "board", "when": "object.amount > 1000.0"}]},
            "small": {**asks, "approve_when": "object.amount < 50.0"},
            "legal": {**asks, "skip_when": "object.amount < 500.0"},
            "left": {**asks, "parallel_group": "g"},
            "right": {**asks, "parallel_group": "g"},
            "score": {
                "kind": "job",
                "job": {"function": "tests.testapp.workflow_actions.score"},
                "routes": [{"to": "end", "when": "results.score.points > 5"}],
            },
            "board": asks,
        }
    )


def way(simulation):
    return [(step.place.code, step.kind.value) for step in simulation.steps]


def test_the_way_of_a_small_request(workflow, ann):
    request = PurchaseRequestFactory.create(amount=Decimal(20))
    found = simulate(workflow, request, ann, results={"score": {"points": 9}})
    assert way(found) == [
        ("check", "approval"),
        ("small", "approves_itself"),
        ("legal", "passed_over"),
        ("left", "approval"),
        ("right", "approval"),
        ("score", "job"),
    ]
    assert found.is_completed
    assert found.steps[2].reason == "object.amount < 500.0"
    assert found.steps[-1].route == "results.score.points > 5"
    assert [person for step in found.steps[:1] for person in step.approvers[0].people] == [ann]


def test_the_way_of_a_large_request(workflow, ann):
    request = PurchaseRequestFactory.create(amount=Decimal(2000))
    assert way(simulate(workflow, request, ann)) == [("check", "approval"), ("board", "approval")]


def test_what_is_not_known_ends_the_way_with_its_reason(workflow, ann):
    request = PurchaseRequestFactory.create(amount=Decimal(700))
    found = simulate(workflow, request, ann)
    assert way(found)[-1] == ("score", "job")
    assert not found.is_completed
    assert "results.score.points" in found.reason


def test_a_loop_in_thought_ends_too(ann):
    workflow = make_staged(
        {"again": asking(by_user(ann), routes=[{"to": "again", "when": "1 < 2"}], max_visits=4)}
    )
    found = simulate(workflow, PurchaseRequestFactory.create(), ann)
    assert way(found) == [("again", "approval")] * 4
    assert "4 times" in found.reason


def test_nothing_is_written(workflow, ann):
    request = PurchaseRequestFactory.create(amount=Decimal(20))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        simulate(workflow, request, ann, results={"score": {"points": 9}})
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert not WorkflowAttachment.objects.exists()
    assert not ApprovalFlow.objects.exists()


@pytest.mark.parametrize("amount", [20, 700, 2000])
def test_it_is_the_way_that_is_taken(workflow, ann, amount, django_capture_on_commit_callbacks):
    request = PurchaseRequestFactory.create(amount=Decimal(amount))
    thought = simulate(workflow, request, ann, results={"score": {"points": 9}})
    with django_capture_on_commit_callbacks(execute=True):
        driver = WorkflowDriver.attach(request, workflow, ann)
    while driver.flow.flow.is_open and driver.stage != "Score":
        with django_capture_on_commit_callbacks(execute=True):
            driver.flow.approve_step()
    taken = StageRun.objects.filter(attachment=driver.attachment).order_by("pk")
    codes = [visit.stage.code for visit in taken.select_related("stage")]
    assert codes == [step.place.code for step in thought.steps]
    outcomes = {visit.stage.code: visit.outcome for visit in taken}
    for step in thought.steps:
        if step.kind is SimulatedKind.PASSED_OVER:
            assert outcomes[step.place.code] == "skipped"
        if step.kind is SimulatedKind.APPROVES_ITSELF:
            assert outcomes[step.place.code] == "approved_by_rule"
