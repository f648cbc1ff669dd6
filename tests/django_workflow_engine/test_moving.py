"""Moving on, going back, ending: inside the core's transaction, in the printed order."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    InvalidDelegate,
    InvalidInput,
    NoCurrentStep,
    StepAlreadyProcessed,
)
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, cancel_flow, extend_flow, process_deadlines
from django_workflow_engine.exceptions import (
    NotAttached,
    UnknownStage,
)
from django_workflow_engine.models import (
    ActionExecution,
    Stage,
    StageRun,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    cancel_workflow,
    get_current_stage,
    get_workflow_attachment,
)
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory, make_role
from tests.factories.workflows import (
    by_role,
    by_user,
    make_large_workflow,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

EVENTS = (
    "after_approve",
    "after_reject",
    "after_resubmission",
    "after_delegate",
    "after_move_stage",
    "after_move_pipeline",
    "on_workflow_start",
    "on_workflow_complete",
)


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


@pytest.fixture
def template(ann, bob):
    """Two stages, then one in a second pipeline; a noted action for every event."""
    workflow = make_workflow([[by_user(ann), by_user(bob)], [by_user(ann)]])
    for event in EVENTS:
        WorkflowAction.objects.create(
            workflow=workflow,
            action_type=event,
            function_path="tests.testapp.workflow_actions.note",
        )
    return workflow


@pytest.fixture
def request_(template):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template, user=request.requester)
    return request


def due(request):
    """The events whose actions are due for the object, in order, without the start."""
    rows = ActionExecution.objects.filter(attachment__object_id=str(request.pk)).order_by("pk")
    return [row.action_type for row in rows if row.action_type != "on_workflow_start"]


def test_approval_moves_to_the_next_stage_of_the_pipeline(request_, ann):
    """D-66."""
    attachment = act_on_object(request_, "approved", ann)
    assert attachment.current_stage.name_en == "Stage 1.2"
    assert due(request_) == ["after_approve", "after_move_stage"]


def test_the_end_of_a_pipeline_leads_to_the_first_stage_of_the_next(request_, ann, bob):
    """D-35, D-66, D-70."""
    act_on_object(request_, "approved", ann)
    ActionExecution.objects.all().delete()
    attachment = act_on_object(request_, "APPROVED", bob)
    assert attachment.current_pipeline.name_en == "Pipeline 2"
    assert attachment.current_stage.name_en == "Stage 2.1"
    assert attachment.next_stage is None
    assert due(request_) == ["after_approve", "after_move_pipeline", "after_move_stage"]


def test_the_end_of_the_last_pipeline_completes_the_workflow(request_, ann, bob):
    """D-24, D-33, D-35, D-66, D-120."""
    for person in (ann, bob):
        act_on_object(request_, "approved", person)
    ActionExecution.objects.all().delete()
    attachment = act_on_object(request_, "approved", ann)
    assert attachment.status == "completed"
    assert attachment.current_stage is None
    assert get_current_stage(request_) is None
    assert attachment.next_stage is None
    assert attachment.completed_at is not None
    assert ApprovalFlow.objects.get().status == "completed"
    assert due(request_) == ["after_approve", "on_workflow_complete"]


def test_each_event_sees_the_stage_fixed_for_it(request_, ann, bob):
    """D-70: after_approve the stage left, the moves the stage entered."""
    act_on_object(request_, "approved", ann)
    ActionExecution.objects.all().delete()
    act_on_object(request_, "approved", bob, reason="fine")
    attachment = get_workflow_attachment(request_)
    left, entered = stages_of(attachment.workflow)[1:]
    contexts = {row.action_type: row.context for row in ActionExecution.objects.all()}
    assert contexts["after_approve"]["stage_id"] == left.pk
    assert contexts["after_approve"]["stage_complete"] is True
    assert contexts["after_approve"]["reason"] == "fine"
    assert contexts["after_move_stage"]["stage_id"] == entered.pk
    assert contexts["after_move_stage"]["previous_stage_id"] == left.pk
    assert contexts["after_move_pipeline"]["previous_pipeline_id"] == left.pipeline_id


def test_rejection_ends_the_workflow_with_its_reason(request_, ann):
    """D-24, D-35, D-67."""
    attachment = act_on_object(request_, "rejected", ann, reason="Too dear")
    assert attachment.status == "rejected"
    assert attachment.current_stage.name_en == "Stage 1.1"
    assert attachment.next_stage is None
    assert due(request_) == ["after_reject"]
    assert ActionExecution.objects.get(action_type="after_reject").context["reason"] == "Too dear"


@pytest.mark.parametrize("of", ["template", "snapshot"])
def test_resubmission_goes_back_to_a_stage_of_template_or_snapshot(
    request_, template, ann, bob, of
):
    """D-64, D-68, D-115, K26."""
    attachment = act_on_object(request_, "approved", ann)
    stage = stages_of(template if of == "template" else attachment.workflow)[0]
    ActionExecution.objects.all().delete()
    attachment = act_on_object(
        request_, "NEEDS_RESUBMISSION", bob, stage_id=stage.pk, reason="Break the costs down"
    )
    assert attachment.current_stage.name_en == "Stage 1.1"
    assert due(request_) == ["after_resubmission"]
    sent_back = ApprovalInstance.objects.get(status="resubmission")
    assert (sent_back.comment, sent_back.action_user) == ("Break the costs down", bob)
    current = ApprovalInstance.objects.get(status="current")
    assert (current.assigned_to, current.round) == (ann, 2)
    for person in (ann, bob, ann):
        attachment = act_on_object(request_, "approved", person)
    assert attachment.status == "completed"


def test_stage_visits_tell_the_way_of_the_object(request_, template, ann, bob):
    act_on_object(request_, "approved", ann)
    act_on_object(request_, "resubmission", bob, stage_id=stages_of(template)[0].pk)
    act_on_object(request_, "rejected", ann)
    visits = StageRun.objects.order_by("pk").values_list("stage__name_en", "round", "outcome")
    assert list(visits) == [
        ("Stage 1.1", 1, "approved"),
        ("Stage 1.2", 1, "resubmission"),
        ("Stage 1.1", 2, "rejected"),
    ]
    assert not StageRun.objects.filter(left_at=None).exists()


def test_resubmission_needs_a_stage(request_, ann):
    with pytest.raises(InvalidInput, match="stage_id"):
        act_on_object(request_, "resubmission", ann)


def test_resubmission_to_a_later_stage_is_refused(request_, template, ann):
    with pytest.raises(UnknownStage, match="comes after"):
        act_on_object(request_, "resubmission", ann, stage_id=stages_of(template)[1].pk)


def test_resubmission_to_a_stage_of_another_workflow_is_refused(request_, ann):
    elsewhere = stages_of(make_workflow())[0]
    with pytest.raises(UnknownStage, match="There is no stage"):
        act_on_object(request_, "resubmission", ann, stage_id=elsewhere.pk)


def test_resubmission_through_the_core_alone_stays_at_the_stage(request_, ann, bob):
    advance_flow(request_, "resubmission", ann, resubmission_steps=[{"assigned_to": bob}])
    attachment = get_workflow_attachment(request_)
    assert attachment.current_stage.name_en == "Stage 1.1"
    assert StageRun.objects.count() == 2


def test_delegation_hands_the_step_over(request_, ann, bob):
    """D-69, D-115, K23."""
    attachment = act_on_object(request_, "DELEGATED", ann, user_id=bob.pk, reason="Over my limit")
    assert attachment.current_stage.name_en == "Stage 1.1"
    assert ApprovalInstance.objects.get(status="current").assigned_to == bob
    assert due(request_) == ["after_delegate"]
    row = ActionExecution.objects.get(action_type="after_delegate")
    assert row.context["delegated_to_id"] == bob.pk
    assert act_on_object(request_, "approved", bob).current_stage.name_en == "Stage 1.2"


@pytest.mark.parametrize("user_id", [None, 0, "nobody"])
def test_delegation_needs_a_user(request_, ann, user_id):
    with pytest.raises(InvalidDelegate, match="user_id"):
        act_on_object(request_, "delegated", ann, user_id=user_id)


def test_cancelling_the_flow_cancels_the_workflow(request_, ann):
    attachment = cancel_workflow(request_, ann, reason="Not needed")
    assert attachment.status == "cancelled"
    assert StageRun.objects.get().outcome == "cancelled"
    with pytest.raises(NotAttached):
        cancel_workflow(request_, ann)


def test_the_core_cancels_the_workflow_too(request_):
    cancel_flow(request_)
    assert get_workflow_attachment(request_).status == "cancelled"


def test_somebody_else_is_refused(request_, bob):
    with pytest.raises(ApprovalPermissionDenied):
        act_on_object(request_, "approved", bob)


def test_a_stale_step_is_refused_and_nothing_moves_twice(request_, ann):
    step = ApprovalInstance.objects.get(status="current")
    advance_flow(instance=step, action="approved", user=ann)
    with pytest.raises(StepAlreadyProcessed):
        advance_flow(instance=step, action="approved", user=ann)
    assert get_workflow_attachment(request_).current_stage.name_en == "Stage 1.2"


def test_an_attachment_that_was_replaced_does_not_stand_for_the_run_after_it(request_, ann):
    ended = get_workflow_attachment(request_)
    assert act_on_object(ended, "approved", ann).current_stage.name_en == "Stage 1.2"
    cancel_workflow(request_)
    attach_workflow_to_object(request_, make_workflow([[by_user(ann), by_user(ann)]]))
    with pytest.raises(NoCurrentStep):
        act_on_object(ended, "approved", ann)
    assert get_workflow_attachment(request_).current_stage.name_en == "Stage 1.1"


def test_an_object_without_workflow_cannot_be_decided(ann):
    with pytest.raises(NotAttached):
        act_on_object(PurchaseRequestFactory.create(), "approved", ann)


def test_deciding_needs_the_permission_where_the_settings_say_so(request_, ann, settings):
    """D-10: also through the core."""
    settings.DJANGO_WORKFLOW_ENGINE = {"PERMISSIONS": {"REQUIRE_PERMISSION_TO_APPROVE": True}}
    for act in (act_on_object, advance_flow):
        with pytest.raises(ApprovalPermissionDenied) as refused:
            act(request_, "approved", ann)
        assert refused.value.details["reason"] == "missing_permission"
    ann.is_superuser = True
    ann.save()
    assert act_on_object(request_, "approved", ann).current_stage.name_en == "Stage 1.2"


def test_several_approvals_of_a_stage_follow_one_another(ann, bob):
    """L16: after_approve once for each, saying whether the stage is complete."""
    workflow = make_workflow([[[by_user(ann), by_user(bob)], by_user(ann)]])
    WorkflowAction.objects.create(
        workflow=workflow,
        action_type="after_approve",
        function_path="tests.testapp.workflow_actions.note",
    )
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow)
    assert act_on_object(request, "approved", ann).current_stage.name_en == "Stage 1.1"
    assert act_on_object(request, "approved", bob).current_stage.name_en == "Stage 1.2"
    rows = ActionExecution.objects.filter(action_type="after_approve").order_by("pk")
    assert [row.context["stage_complete"] for row in rows] == [False, True]


def test_a_vote_makes_its_actions_due_once_when_it_is_decided():
    """L16."""
    board = make_role(3)
    workflow = make_workflow([[by_role(board, "consensus")]])
    WorkflowAction.objects.create(
        workflow=workflow,
        action_type="after_approve",
        function_path="tests.testapp.workflow_actions.note",
    )
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow)
    for number, member in enumerate(board.users.all(), start=1):
        act_on_object(request, "approved", member)
        assert due(request).count("after_approve") == (number == 3)


# Editing the template while objects run on it


def rename_by_save(template):
    stage = stages_of(template)[1]
    stage.name_en = "Renamed"
    stage.save()


def rename_by_update(template):
    Stage.objects.filter(pk=stages_of(template)[1].pk).update(name_en="Renamed")


@pytest.mark.parametrize("edit", [rename_by_save, rename_by_update])
def test_objects_finish_on_what_they_started_with(request_, template, ann, bob, edit):
    """D-48."""
    edit(template)
    later = PurchaseRequestFactory.create()
    attach_workflow_to_object(later, template)
    assert act_on_object(request_, "approved", ann).current_stage.name_en == "Stage 1.2"
    assert act_on_object(later, "approved", ann).current_stage.name_en == "Renamed"


def test_a_stage_taken_from_the_template_stays_in_what_runs(request_, template, ann, bob):
    """D-48."""
    stages_of(template)[1].delete()
    later = PurchaseRequestFactory.create()
    attach_workflow_to_object(later, template)
    assert act_on_object(request_, "approved", ann).current_stage.name_en == "Stage 1.2"
    assert act_on_object(later, "approved", ann).current_stage.name_en == "Stage 2.1"


def test_changes_reach_what_runs_on_the_template_itself(template, ann):
    """D-49."""
    request = PurchaseRequestFactory.create()
    with pytest.warns(UserWarning, match="disable_clone"):
        attach_workflow_to_object(request, template, disable_clone=True)
    stage = stages_of(template)[1]
    stage.stage_info = {"approvals": [by_user(ann)]}
    stage.save()
    act_on_object(request, "approved", ann)
    assert ApprovalInstance.objects.get(status="current").assigned_to == ann


# Budgets


def own_statements(seen):
    """Statements that PostgreSQL needs: elsewhere flows are locked by one more."""
    return seen.count - (0 if connection.vendor == "postgresql" else 1)


@pytest.mark.parametrize("stages", [6, 100])
def test_approving_with_a_move_keeps_to_the_budget(stages, statements, ann):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, make_large_workflow(stages, approval=by_user(ann)))
    advance_flow(request, "approved", ann)
    step = ApprovalInstance.objects.get(status="current")
    with statements() as seen:
        advance_flow(instance=step, action="approved", user=ann)
    assert own_statements(seen) <= 14, str(seen)


@pytest.mark.parametrize("holders", [10, 1000])
def test_moving_into_a_stage_of_a_role_keeps_to_the_budget(holders, statements, ann):
    board = make_role(holders)
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, make_workflow([[by_user(ann), by_role(board, "consensus")]]))
    with statements() as seen:
        advance_flow(request, "approved", ann)
    if connection.vendor != "sqlite":  # which splits large inserts
        assert own_statements(seen) <= 14, str(seen)
    assert ApprovalInstance.objects.filter(status="current").count() == holders


def test_moving_on_writes_only_what_it_changes_of_the_attachment(statements, ann):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, make_large_workflow(6, approval=by_user(ann)))
    with statements() as seen:
        advance_flow(request, "approved", ann)
    table = connection.ops.quote_name(WorkflowAttachment._meta.db_table)
    (update,) = [sql for sql in seen.sql if sql.startswith(f"UPDATE {table}")]
    changes = update.partition(" SET ")[2].partition(" WHERE ")[0]
    assert re.findall(r"\w+(?=. = )", changes) == ["current_stage_id", "next_stage_id"]


def test_moving_on_reads_no_row_of_the_template(statements, ann):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, make_large_workflow(6, approval=by_user(ann)))
    advance_flow(request, "approved", ann)
    with statements() as seen:
        advance_flow(request, "approved", ann)
    tables = [
        f'"{model._meta.db_table}"'
        for model in (
            Stage,
            WorkflowAction,
            WorkflowAttachment._meta.get_field("workflow").related_model,
        )
    ]
    text = str(seen).replace("`", '"')
    assert not [table for table in tables if f"FROM {table}" in text]


def test_a_vote_against_that_decides_for_the_step_moves_the_object_too(ann):
    """Two of four approve, one leaves the role: the last vote makes the majority certain."""
    board = make_role(4)
    policy = {"rejection_policy": "out_of_reach"}
    workflow = make_workflow([[by_role(board, "majority", **policy), by_user(ann)]])
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow)
    first, second, leaver, against = board.users.all()
    act_on_object(request, "approved", first)
    act_on_object(request, "approved", second)
    leaver.role = None
    leaver.save()
    attachment = act_on_object(request, "rejected", against)
    assert attachment.current_stage.name_en == "Stage 1.2"
    assert ApprovalInstance.objects.get(status="current").assigned_to == ann
    assert StageRun.objects.count() == 2


def test_escalating_needs_the_permission_too(request_, ann, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"PERMISSIONS": {"REQUIRE_PERMISSION_TO_APPROVE": True}}
    with pytest.raises(ApprovalPermissionDenied):
        advance_flow(request_, "escalated", ann, escalate_to=UserFactory.create())


def test_escalating_goes_to_whom_the_caller_names(request_, ann):
    """L14, with the key of the person as delegation takes it."""
    bob = UserFactory.create()
    act_on_object(request_, "escalated", ann, user_id=bob.pk)
    assert ApprovalInstance.objects.current().get().assigned_to == bob


@pytest.mark.parametrize(("rule", "status"), [("approve", "completed"), ("reject", "rejected")])
def test_a_deadline_asks_nobody_for_a_permission(ann, settings, rule, status):
    request = PurchaseRequestFactory.create()
    attachment = attach_workflow_to_object(request, make_workflow([[by_user(ann)]]))
    step = {"assigned_to": ann, "sla_duration": timedelta(hours=1), "timeout_action": rule}
    extend_flow(attachment.flow, [step])
    act_on_object(request, "approved", ann)
    ApprovalInstance.objects.current().update(due_at=timezone.now() - timedelta(minutes=1))
    settings.DJANGO_WORKFLOW_ENGINE = {"PERMISSIONS": {"REQUIRE_PERMISSION_TO_APPROVE": True}}
    assert process_deadlines().failed == 0
    assert get_workflow_attachment(request).status == status
