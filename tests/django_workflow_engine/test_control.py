"""Hold, withdraw, restart, jump, skip, one more approver, undo: each with its rules."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    CannotUndo,
    FlowOnHold,
    InvalidInput,
)
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from django_workflow_engine.exceptions import WorkflowPermissionDenied
from django_workflow_engine.models import ActionExecution, StageRun
from django_workflow_engine.services import (
    act_on_object,
    add_approver,
    attach_workflow_to_object,
    get_workflow_attachment,
    hold_workflow,
    jump_to_stage,
    restart_workflow,
    resume_workflow,
    skip_stage,
    undo_last_decision,
    withdraw_workflow,
)
from django_workflow_engine.testing import make_action
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_staged, stages_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


@pytest.fixture
def manager():
    user = UserFactory.create(username="manager")
    user.user_permissions.add(Permission.objects.get(codename="control_workflow"))
    return type(user).objects.get(pk=user.pk)


@pytest.fixture
def workflow(ann, bob):
    return make_staged(
        {
            "first": asking(by_user(ann)),
            "second": asking(by_user(bob)),
            "third": asking(by_user(ann)),
        }
    )


@pytest.fixture
def request_(workflow, ann):
    obj = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(obj, workflow, ann)
    return obj


def outcomes(obj):
    rows = StageRun.objects.filter(attachment=get_workflow_attachment(obj)).order_by("pk")
    return [(row.stage.code, row.outcome) for row in rows.select_related("stage")]


def waiting(obj):
    rows = ApprovalInstance.objects.for_object(obj).current().select_related("assigned_to")
    return sorted(row.assigned_to.username for row in rows)


def test_nobody_acts_on_hold(request_, ann, manager):
    attachment = hold_workflow(request_, manager, reason="audit")
    assert (attachment.status, attachment.hold_reason) == ("on_hold", "audit")
    with pytest.raises(FlowOnHold):
        act_on_object(request_, "approve", ann)
    resume_workflow(request_, manager)
    act_on_object(request_, "approve", ann)
    assert waiting(request_) == ["bob"]


@pytest.mark.parametrize(
    "act",
    [
        lambda obj, user: hold_workflow(obj, user, reason="x"),
        resume_workflow,
        restart_workflow,
        lambda obj, user: skip_stage(obj, user, reason="x"),
        lambda obj, user: jump_to_stage(obj, "third", user, reason="x"),
        lambda obj, user: add_approver(obj, user, user, reason="x"),
    ],
)
def test_controlling_needs_the_permission(request_, bob, act):
    with pytest.raises(WorkflowPermissionDenied):
        act(request_, bob)


def test_an_administrator_sends_the_object_elsewhere(request_, manager, ann):
    jump_to_stage(request_, "third", manager, reason="agreed by telephone")
    assert outcomes(request_) == [("first", "jumped"), ("third", "")]
    [note] = ApprovalEvent.objects.filter(kind="noted")
    assert note.actor == manager
    assert "agreed by telephone" in note.comment
    act_on_object(request_, "approve", ann)
    assert get_workflow_attachment(request_).status == "completed"


def test_a_stage_is_skipped(request_, manager):
    skip_stage(request_, manager, reason="not needed")
    assert outcomes(request_) == [("first", "skipped"), ("second", "")]
    assert waiting(request_) == ["bob"]
    with pytest.raises(InvalidInput, match="reason"):
        skip_stage(request_, manager, reason=" ")


def test_a_run_is_restarted_on_the_newest_version(request_, manager, ann, workflow):
    act_on_object(request_, "approve", ann)
    stage = stages_of(workflow)[0]
    stage.name_en = "Changed"
    stage.save()
    attachment = restart_workflow(request_, manager, reason="again")
    assert attachment.current_stage.name_en == "Changed"
    assert "restarted_from" in attachment.metadata
    assert attachment.started_by == ann


def test_the_requester_withdraws(request_, ann, bob):
    with pytest.raises(ApprovalPermissionDenied):
        withdraw_workflow(request_, bob)
    attachment = withdraw_workflow(request_, ann, reason="bought elsewhere")
    assert attachment.status == "cancelled"
    assert ApprovalEvent.objects.get(kind="flow_cancelled").comment == "bought elsewhere"


def test_one_more_person_is_asked_before_the_object_leaves(request_, ann, bob, manager):
    [row] = add_approver(request_, manager, ann, reason="needs a second look")
    assert row.status == "pending"
    act_on_object(request_, "approve", ann)
    assert waiting(request_) == ["manager"]
    assert get_workflow_attachment(request_).current_stage.code == "first"
    act_on_object(request_, "approve", manager)
    assert waiting(request_) == ["bob"]


# V-12
def test_the_last_decision_is_undone(request_, ann, bob, settings, workflow):
    settings.APPROVAL_UNDO_PERIOD = timedelta(hours=1)
    act_on_object(request_, "approve", ann)
    attachment, _executed = undo_last_decision(request_, ann, reason="slip")
    assert attachment.current_stage.code == "first"
    assert waiting(request_) == ["ann"]
    assert outcomes(request_) == [("first", ""), ("second", "undone")]
    act_on_object(request_, "approve", ann)
    act_on_object(request_, "approve", bob)
    with pytest.raises(ApprovalPermissionDenied):
        undo_last_decision(request_, ann)
    act_on_object(request_, "approve", ann)
    assert get_workflow_attachment(request_).status == "completed"
    attachment, _executed = undo_last_decision(request_, ann)
    assert (attachment.status, attachment.flow.status) == ("in_progress", "in_progress")
    act_on_object(request_, "approve", ann)
    assert get_workflow_attachment(request_).status == "completed"


def test_undoing_lists_what_was_executed_and_compensates(
    request_, ann, settings, workflow, django_capture_on_commit_callbacks
):
    settings.APPROVAL_UNDO_PERIOD = timedelta(hours=1)
    make_action(
        workflow,
        "after_approve",
        "tests.testapp.workflow_actions.score",
        compensation="tests.testapp.workflow_actions.score",
        parameters={"n": 1},
    )
    obj = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(obj, workflow, ann)
    with django_capture_on_commit_callbacks(execute=True):
        act_on_object(obj, "approve", ann)
    with django_capture_on_commit_callbacks(execute=True):
        _attachment, executed = undo_last_decision(obj, ann)
    assert "tests.testapp.workflow_actions.score" in [row.function_path for row in executed]
    [compensation] = ActionExecution.objects.filter(action_type="compensation")
    assert compensation.status == "done"


def test_without_a_period_nothing_is_undone(request_, ann):
    act_on_object(request_, "approve", ann)
    with pytest.raises(CannotUndo):
        undo_last_decision(request_, ann)
