"""Where objects go from a stage: by routes, past stages that are skipped, into branches and out."""

from decimal import Decimal

import pytest

from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services import resume_flow
from django_workflow_engine.definition import compile_definition
from django_workflow_engine.models import Stage, StageRun
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_workflow_attachment,
)
from django_workflow_engine.testing import WorkflowDriver
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_staged

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


@pytest.fixture
def cid():
    return UserFactory.create(username="cid")


def outcomes(obj):
    attachment = get_workflow_attachment(obj)
    return [
        (run.stage.code, run.outcome)
        for run in StageRun.objects.filter(attachment=attachment)
        .select_related("stage")
        .order_by("pk")
    ]


def waiting(obj):
    """Who is asked, by the stage."""
    rows = ApprovalInstance.objects.for_object(obj).current().select_related("assigned_to")
    return sorted(row.assigned_to.username for row in rows)


# T-5
def test_a_route_is_taken_when_its_condition_holds(ann, bob, cid):
    workflow = make_staged(
        {
            "check": asking(
                by_user(ann), routes=[{"to": "board", "when": "object.amount > 1000.0"}]
            ),
            "manager": asking(by_user(bob), routes=[{"to": "end"}]),
            "board": asking(by_user(cid)),
        }
    )
    for amount, person in (("1000.00", "bob"), ("1000.01", "cid")):
        request = PurchaseRequestFactory.create(amount=Decimal(amount))
        attach_workflow_to_object(request, workflow, ann)
        act_on_object(request, "approve", ann)
        assert waiting(request) == [person]
        WorkflowDriver(request).approve_all()
        assert get_workflow_attachment(request).status == "completed"


def test_a_stage_is_passed_over_when_it_says_so(ann, bob, cid):
    workflow = make_staged(
        {
            "check": asking(by_user(ann)),
            "legal": asking(by_user(bob), skip_when="object.amount < 500.0"),
            "pay": asking(by_user(cid)),
        }
    )
    request = PurchaseRequestFactory.create(amount=Decimal("499.99"))
    attach_workflow_to_object(request, workflow, ann)
    act_on_object(request, "approve", ann)
    assert waiting(request) == ["cid"]
    assert outcomes(request) == [("check", "approved"), ("legal", "skipped"), ("pay", "")]
    [note] = ApprovalEvent.objects.filter(kind="noted")
    assert "'Legal' was passed over" in note.comment


def test_a_stage_approves_itself_by_its_rule(ann, bob):
    workflow = make_staged(
        {
            "check": asking(by_user(ann)),
            "small": asking(by_user(bob), approve_when="object.amount < 500.0"),
        }
    )
    request = PurchaseRequestFactory.create(amount=Decimal(20))
    attach_workflow_to_object(request, workflow, ann)
    act_on_object(request, "approve", ann)
    attachment = get_workflow_attachment(request)
    assert attachment.status == "completed"
    assert attachment.flow.status == "completed"
    assert outcomes(request) == [("check", "approved"), ("small", "approved_by_rule")]


# V-3
@pytest.mark.parametrize("join", ["all", "any", 2])
def test_branches_run_side_by_side_and_join(ann, bob, cid, join):
    workflow = make_staged(
        {
            "check": asking(by_user(ann)),
            "legal": asking(by_user(bob), by_user(cid), parallel_group="g", join=join),
            "tax": asking(by_user(cid), parallel_group="g"),
            "works": asking(by_user(ann), parallel_group="g"),
            "pay": asking(by_user(bob)),
        }
    )
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow, ann)
    act_on_object(request, "approve", ann)
    assert waiting(request) == ["ann", "bob", "cid"]
    act_on_object(request, "approve", bob)
    assert waiting(request) == ["ann", "cid", "cid"]
    act_on_object(request, "approve", ann)
    if join == "any":
        assert waiting(request) == ["bob"]
        assert dict(outcomes(request)) == {
            "check": "approved",
            "legal": "not_needed",
            "tax": "not_needed",
            "works": "approved",
            "pay": "",
        }
        return
    assert waiting(request) == ["cid", "cid"]
    act_on_object(request, "approve", cid)
    if join == "all":
        assert waiting(request) == ["cid"]
        act_on_object(request, "approve", cid)
    assert waiting(request) == ["bob"]
    act_on_object(request, "approve", bob)
    assert get_workflow_attachment(request).status == "completed"
    assert not StageRun.objects.filter(left_at=None).exists()


def test_pipelines_run_side_by_side(ann, bob, cid):
    group = {"parallel_group": "p"}
    workflow = make_staged(
        {"a1": asking(by_user(ann)), "a2": asking(by_user(bob))},
        {"b1": asking(by_user(cid))},
        {"end_stage": asking(by_user(ann))},
        infos=[group, group, {}],
    )
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow, ann)
    assert waiting(request) == ["ann", "cid"]
    act_on_object(request, "approve", ann)
    assert waiting(request) == ["bob", "cid"]
    act_on_object(request, "approve", bob)
    assert waiting(request) == ["cid"]
    act_on_object(request, "approve", cid)
    assert waiting(request) == ["ann"]
    act_on_object(request, "approve", ann)
    assert get_workflow_attachment(request).status == "completed"


def test_a_condition_without_an_answer_holds_the_run_with_its_reason(ann, bob):
    workflow = make_staged(
        {
            "check": asking(by_user(ann), routes=[{"to": "end", "when": "metadata.urgent"}]),
            "more": asking(by_user(bob)),
        }
    )
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow, ann)
    act_on_object(request, "approve", ann)
    attachment = get_workflow_attachment(request)
    assert attachment.status == "on_hold"
    assert "urgent" in attachment.hold_reason
    assert attachment.flow.status == "on_hold"
    assert outcomes(request) == [("check", "")]
    attachment.metadata = {"urgent": False}
    attachment.save()
    with pytest.MonkeyPatch.context():
        resume_flow(attachment.flow)
    assert get_workflow_attachment(request).status == "in_progress"


def test_a_loop_ends_at_its_limit(ann):
    workflow = make_staged(
        {
            "draft": asking(by_user(ann), max_visits=3),
            "review": asking(by_user(ann), routes=[{"to": "draft", "when": "object.amount > 1.0"}]),
        }
    )
    request = PurchaseRequestFactory.create(amount=Decimal(5))
    attach_workflow_to_object(request, workflow, ann)
    for _number in range(6):
        act_on_object(request, "approve", ann)
    attachment = get_workflow_attachment(request)
    assert attachment.status == "on_hold"
    assert "3 times" in attachment.hold_reason


def test_a_stage_called_end_is_not_the_end_of_routes(ann):
    workflow = make_staged({"": asking(by_user(ann), routes=[{"to": "end"}])})
    Stage.objects.update(name_en="End")
    assert compile_definition(workflow.pk).places[0].code == "end_2"
