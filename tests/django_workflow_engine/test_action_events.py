"""Actions of all eight events, from the decision to the call (D-85, D-88, D-115, L2, L16, L17)."""

from unittest import mock

import pytest

from approval_workflow.models import ApprovalInstance
from django_workflow_engine.choices import ActionType
from django_workflow_engine.models import ActionExecution, Stage, WorkflowAction
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from tests.factories import TicketFactory, UserFactory, by_user, make_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob():
    return UserFactory.create()


@pytest.fixture
def workflow(bob, settings):
    """Stages 1.1, 1.2 and 2.1, all Bob's; each event is noted by an action of the workflow."""
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False
    one = by_user(bob)
    workflow = make_workflow([[[one], [one]], [[one]]])
    for event in ActionType:
        WorkflowAction.objects.create(
            workflow=workflow,
            action_type=event,
            function_path="tests.testapp.workflow_actions.note",
            parameters={"for": event.value},
        )
    return workflow


@pytest.fixture(params=["process", "inline"])
def decide(request, settings, bob, workflow, calls, django_capture_on_commit_callbacks):
    """Run a ticket through the workflow; return (event, stage seen) for each call of a decision."""
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": request.param}
    ticket = TicketFactory.create()

    def decide(action, **options):
        calls.clear()
        with django_capture_on_commit_callbacks(execute=True):
            if action == "start":
                attach_workflow_to_object(ticket, workflow, bob)
            else:
                act_on_object(ticket, action, bob, **options)
        return [(call.parameters["for"], call.attachment.current_stage.name_en) for call in calls]

    return decide


def test_events_come_in_the_printed_order_and_see_their_stage(decide):  # D-70, D-85, D-88
    assert decide("start") == [("on_workflow_start", "Stage 1.1")]
    assert decide("approved") == [("after_approve", "Stage 1.1"), ("after_move_stage", "Stage 1.2")]
    assert decide("approved") == [
        ("after_approve", "Stage 1.2"),
        ("after_move_pipeline", "Stage 2.1"),
        ("after_move_stage", "Stage 2.1"),
    ]
    assert decide("approved") == [
        ("after_approve", "Stage 2.1"),
        ("on_workflow_complete", "Stage 2.1"),
    ]


def test_steps_of_the_next_stage_come_after_the_actions(workflow, bob, settings):  # D-70
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "inline"}
    ticket = TicketFactory.create()
    attach_workflow_to_object(ticket, workflow, bob)
    asked = {}

    def note(_attachment, parameters, **_context):
        asked[parameters["for"]] = ApprovalInstance.objects.current().count()

    with mock.patch("tests.testapp.workflow_actions.note", side_effect=note):
        act_on_object(ticket, "approved", bob)
    assert asked == {"after_approve": 0, "after_move_stage": 0}
    assert ApprovalInstance.objects.current().count() == 1


def test_rejection(decide, calls, bob):  # D-85
    decide("start")
    assert decide("rejected", reason="Too dear") == [("after_reject", "Stage 1.1")]
    assert (calls[0].context["user"], calls[0].context["reason"]) == (bob, "Too dear")


def test_resubmission(decide, calls, workflow):  # D-85, D-115
    decide("start")
    decide("approved")
    first = Stage.objects.get(pipeline__workflow=workflow, name_en="Stage 1.1")
    sent_back = decide("resubmission", stage_id=first.pk)
    assert sent_back == [("after_resubmission", "Stage 1.2")]
    assert calls[0].context["resubmission_stage"].name_en == "Stage 1.1"


def test_delegation(decide, calls):  # D-85, D-115
    eve = UserFactory.create()
    decide("start")
    assert decide("delegated", user_id=eve.pk) == [("after_delegate", "Stage 1.1")]
    assert calls[0].context["delegated_to"] == eve


def test_going_back_and_handing_over_take_the_actions_of_the_nearest_level(decide, workflow):
    """D-115"""
    here = Stage.objects.get(pipeline__workflow=workflow, name_en="Stage 1.1")
    for event in (ActionType.AFTER_RESUBMISSION, ActionType.AFTER_DELEGATE):
        WorkflowAction.objects.create(
            stage=here,
            action_type=event,
            function_path="tests.testapp.workflow_actions.note",
            parameters={"for": "own"},
        )
    decide("start")
    assert decide("resubmission", stage_id=here.pk) == [("own", "Stage 1.1")]
    assert decide("delegated", user_id=UserFactory.create().pk) == [("own", "Stage 1.1")]


def test_moving_takes_its_actions_from_what_was_entered(decide, workflow):  # D-70
    for name, note in (("Stage 1.1", "left"), ("Stage 1.2", "entered")):
        WorkflowAction.objects.create(
            stage=Stage.objects.get(pipeline__workflow=workflow, name_en=name),
            action_type=ActionType.AFTER_MOVE_STAGE,
            function_path="tests.testapp.workflow_actions.note",
            parameters={"for": note},
        )
    decide("start")
    assert decide("approved") == [("after_approve", "Stage 1.1"), ("entered", "Stage 1.2")]


def test_failed_action_keeps_neither_the_move_nor_the_later_actions_back(decide, workflow):
    WorkflowAction.objects.create(
        workflow=workflow,
        action_type=ActionType.AFTER_APPROVE,
        function_path="tests.testapp.workflow_actions.fail",
        parameters={"for": "failed"},
        order=0,
    )
    decide("start")
    assert decide("approved") == [
        ("failed", "Stage 1.1"),
        ("after_approve", "Stage 1.1"),
        ("after_move_stage", "Stage 1.2"),
    ]
    statuses = ActionExecution.objects.order_by("pk").values_list("action_type", "status")
    assert list(statuses)[1:] == [
        ("after_approve", "failed"),
        ("after_approve", "done"),
        ("after_move_stage", "done"),
    ]
