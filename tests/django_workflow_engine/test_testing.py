"""The templates in one call, the driver and the assertions that projects test workflows with."""

import pytest
from django.db import transaction
from django.test import override_settings

from approval_workflow.exceptions import ApprovalPermissionDenied, InvalidFormData
from approval_workflow.testing import assert_waiting_on
from django_workflow_engine.conf import settings as engine
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import ActionExecution, Stage, WorkFlow
from django_workflow_engine.services import validate_completeness
from django_workflow_engine.testing import (
    WorkflowDriver,
    actions_of,
    actions_run,
    assert_action_ran,
    assert_completed,
    assert_pipeline,
    assert_stage,
    assert_workflow_status,
    engine_settings,
    inline_actions,
    make_action,
    make_attachment,
    make_workflow,
    role_approval,
    stage_of,
    user_approval,
)
from tests.factories import DynamicFormFactory, UserFactory, make_role
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

FAIL = "tests.testapp.workflow_actions.fail"


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


@pytest.fixture
def document():
    return Document.objects.create(title="Desk")


@pytest.fixture
def purchases(ann, bob):
    """Two stages in the first pipeline, one in the second; nothing happens besides."""
    with override_settings(WORKFLOW_AUTO_CREATE_ACTIONS=False):
        return make_workflow(
            "Purchases",
            {"Finance": {"Check": ann, "Budget": [ann, bob]}, "Board": {"Final": bob}},
        )


# Templates in one call


def test_make_workflow_makes_stages_in_order(purchases):
    made = [
        (pipeline.name_en, stage.name_en, len(stage.stage_info["approvals"]))
        for pipeline in purchases.pipelines.all()
        for stage in pipeline.stages.all()
    ]
    assert made == [("Finance", "Check", 1), ("Finance", "Budget", 2), ("Board", "Final", 1)]
    assert (purchases.strategy, validate_completeness(purchases)) == ("stage", {})


def test_make_workflow_makes_pipelines_that_ask(ann):
    board = make_role(2)
    workflow = make_workflow("Leave", {"Team": ann, "Staff": role_approval(board, "consensus")})
    asked = [row.pipeline_info["approvals"][0]["approval_type"] for row in workflow.pipelines.all()]
    assert (workflow.strategy, asked) == ("pipeline", ["USER", "ROLE"])
    assert validate_completeness(workflow) == {}


@pytest.mark.parametrize("several", [False, True])
def test_make_workflow_makes_a_workflow_that_asks(ann, several):
    approval = user_approval(ann, exclude_starter=True)
    workflow = make_workflow("Leave", [approval, ann] if several else approval, slug="leave")
    assert (workflow.strategy, workflow.slug) == ("workflow", "leave")
    assert workflow.workflow_info["approvals"][0]["exclude_starter"] is True
    assert validate_completeness(workflow) == {}


def test_make_workflow_refuses_pipelines_of_two_kinds(ann):
    with pytest.raises(ValueError, match="either all pipelines have stages, or none has"):
        make_workflow("Mixed", {"Finance": {"Check": ann}, "Board": ann})


def test_make_workflow_that_fails_leaves_nothing(ann):
    with pytest.raises(ValueError, match="expected a user or an approval, not 'ann'"):
        make_workflow("Mistaken", {"Finance": {"Check": "ann"}})
    with pytest.raises(InvalidConfiguration):
        make_workflow("Mistaken", {"Finance": user_approval(ann, colour="red")})
    assert not WorkFlow.objects.exists()


def test_make_action_is_on_the_part_given(purchases):
    pipeline = purchases.pipelines.get(name_en="Board")
    stage = stage_of(purchases, "Check")
    for part in (purchases, pipeline, stage):
        action = make_action(part, "after_reject", "note", order=7)
        assert [action.workflow, action.pipeline, action.stage].count(None) == 2
        assert part in (action.workflow, action.pipeline, action.stage)
        assert action.order == 7


# The driver


def test_driver_tells_where_the_object_stands(document, purchases, ann):
    driver = WorkflowDriver.attach(document, purchases, ann, metadata={"cost": 9})
    assert (driver.pipeline, driver.stage, driver.progress) == ("Finance", "Check", 0)
    assert (driver.status, driver.visited) == ("in_progress", ["Check"])
    assert (driver.attachment.started_by, driver.attachment.metadata) == (ann, {"cost": 9})
    assert driver.flow.history == ["flow_started", "step_opened"]


def test_approve_stage_goes_through_all_approvals_of_one_stage(document, purchases):
    driver = WorkflowDriver.attach(document, purchases)
    driver.approve_stage()
    assert (driver.stage, driver.progress) == ("Budget", 33)
    driver.approve_stage(reason="fine")
    assert (driver.pipeline, driver.stage) == ("Board", "Final")
    rows = driver.flow.flow.instances.filter(status="approved").in_order()
    assert [row.comment for row in rows] == ["", "fine", "fine"]


def test_approve_stage_stops_in_the_same_stage_visited_again(document, purchases, ann):
    driver = WorkflowDriver.attach(document, purchases)
    driver.as_user(ann).send_back("Check")
    driver.approve_stage()
    assert driver.visited == ["Check", "Check", "Budget"]


def test_approve_stage_goes_through_a_pipeline_that_asks(document, ann, bob):
    driver = WorkflowDriver.attach(
        document, make_workflow("Leave", {"Team": [ann, bob], "HR": bob})
    )
    driver.approve_stage()
    assert (driver.stage, driver.pipeline, driver.visited) == (None, "HR", ["Team", "HR"])


def test_approve_all_completes_the_workflow(document, purchases):
    driver = WorkflowDriver.attach(document, purchases)
    assert driver.approve_all().status == "completed"
    assert (driver.stage, driver.pipeline, driver.progress) == (None, None, 100)
    assert driver.visited == ["Check", "Budget", "Final"]


def test_approve_all_completes_a_workflow_that_asks_itself(document, ann, bob):
    driver = WorkflowDriver.attach(document, make_workflow("Leave", [ann, bob]))
    driver.approve_all()
    assert (driver.status, driver.visited) == ("completed", ["Leave (Copy)"])


def test_form_data_goes_to_the_steps_that_have_a_form(document, ann):
    form = DynamicFormFactory.create()
    asked = [ann, user_approval(ann, required_form=form.pk)]
    driver = WorkflowDriver.attach(document, make_workflow("Forms", {"One": {"Only": asked}}))
    with pytest.raises(InvalidFormData):
        driver.approve_all()
    driver.approve_all(form_data={"note": "seen"})
    data = [row.form_data for row in driver.flow.flow.instances.in_order()]
    assert data == [None, {"note": "seen"}]


def test_reject_ends_the_workflow(document, purchases):
    driver = WorkflowDriver.attach(document, purchases)
    assert driver.reject(reason="no").status == "rejected"
    assert driver.flow.flow.instances.get(status="rejected").comment == "no"
    with pytest.raises(AssertionError, match="Nothing is open"):
        driver.approve_stage()


def test_actor_can_do_what_the_person_can(document, purchases, ann, bob):
    driver = WorkflowDriver.attach(document, purchases)
    driver.as_user(ann).delegate(bob, reason="away")
    assert_waiting_on(document, bob)
    assert driver.as_user(bob).approve().current_stage.name_en == "Budget"
    driver.as_user(ann).send_back("Check", reason="again")
    assert_stage(document, "Check")
    assert driver.as_user(ann).reject(reason="no").status == "rejected"


def test_actor_is_refused_as_the_person_is(document, purchases, bob):
    driver = WorkflowDriver.attach(document, purchases)
    with pytest.raises(ApprovalPermissionDenied):
        driver.as_user(bob).approve()


def test_sending_back_names_the_pipeline_or_nothing(document, ann):
    driver = WorkflowDriver.attach(document, make_workflow("Leave", {"Team": ann, "HR": ann}))
    driver.approve_stage()
    driver.as_user(ann).send_back("Team")
    assert driver.pipeline == "Team"
    other = Document.objects.create(title="Lamp")
    driver = WorkflowDriver.attach(other, make_workflow("Short", ann))
    driver.as_user(ann).send_back()
    assert driver.visited == ["Short (Copy)", "Short (Copy)"]


def test_sending_back_to_an_unknown_stage_names_those_there_are(document, purchases, ann):
    driver = WorkflowDriver.attach(document, purchases)
    with pytest.raises(AssertionError, match=r"no stage 'Chek', only: Check, Budget, Final"):
        driver.as_user(ann).send_back("Chek")


def test_object_without_a_workflow_is_named(document):
    with pytest.raises(AssertionError, match=r"No workflow was attached to <Document: Desk>"):
        WorkflowDriver(document).approve_stage()


# Beginning in the middle


def test_make_attachment_brings_the_object_to_a_stage(document, purchases, ann):
    attachment = make_attachment(document, purchases, ann, at="Final", metadata={"cost": 9})
    assert (attachment.current_stage.name_en, attachment.metadata) == ("Final", {"cost": 9})
    assert attachment.started_by == ann


def test_make_attachment_brings_the_object_to_a_pipeline(document, ann):
    workflow = make_workflow("Leave", {"Team": ann, "HR": ann})
    assert make_attachment(document, workflow, at="HR").current_pipeline.name_en == "HR"


@pytest.mark.parametrize(
    "status", ["not_started", "in_progress", "completed", "rejected", "cancelled"]
)
def test_make_attachment_brings_the_workflow_to_each_status(document, purchases, status):
    assert make_attachment(document, purchases, status=status).status == status
    assert_workflow_status(document, status)


def test_make_attachment_says_so_when_the_stage_never_comes(document, purchases):
    with pytest.raises(AssertionError, match="does not come to Finl"):
        make_attachment(document, purchases, at="Finl")


def test_make_attachment_that_waits_is_at_no_stage(document, purchases):
    with pytest.raises(AssertionError, match="does not come to Check"):
        make_attachment(document, purchases, at="Check", status="not_started")


# Assertions


def test_assert_stage_takes_names_and_rows(document, purchases):
    attachment = make_attachment(document, purchases)
    Stage.objects.filter(pk=stage_of(purchases, "Check").pk).update(name_ar="فحص")
    assert_stage(document, "Check")
    assert_stage(document, stage_of(purchases, "Check"))
    assert_stage(document, attachment.current_stage)
    second = Document.objects.create(title="Lamp")
    make_attachment(second, purchases)
    assert_stage(second, "فحص")


def test_assert_stage_tells_where_the_object_is(document, purchases):
    make_attachment(document, purchases)
    with pytest.raises(AssertionError) as caught:
        assert_stage(document, "Budget")
    assert str(caught.value).splitlines() == [
        "Expected the stage Budget.",
        "The workflow of <Document: Desk> is in_progress, at Finance / Check.",
        "The flow of <Document: Desk> is in_progress.",
        "Step 1: ann is asked.",
    ]
    with pytest.raises(AssertionError, match="Expected the stage None"):
        assert_stage(document, None)


def test_assert_pipeline_tells_where_the_object_is(document, purchases):
    make_attachment(document, purchases)
    assert_pipeline(document, "Finance")
    with pytest.raises(AssertionError, match="Expected the pipeline Board"):
        assert_pipeline(document, purchases.pipelines.get(name_en="Board"))


def test_assert_completed_is_about_the_end(document, purchases):
    make_attachment(document, purchases)
    with pytest.raises(AssertionError, match="Expected the workflow to be completed"):
        assert_completed(document)
    WorkflowDriver(document).approve_all()
    assert_completed(document)
    assert_stage(document, None)


# Actions


@pytest.mark.parametrize("execution", ["process", "celery"])
def test_actions_run_at_the_end_of_the_block(document, purchases, calls, execution):
    make_action(purchases, "after_move_stage", "note", execution=execution)
    driver = WorkflowDriver.attach(document, purchases)
    with actions_run() as ran:
        driver.approve_stage()
        assert (calls, ran.rows) == ([], [])
    assert [call.context["stage"].name_en for call in calls] == ["Budget"]
    assert ran.functions == ["note"]
    assert ran.rows == actions_of(document)


def test_actions_run_keeps_the_order_of_process_and_celery(document, purchases, calls):
    for order, execution in enumerate(("process", "celery", "process"), start=1):
        place = {"parameters": {"place": order}, "order": order, "execution": execution}
        make_action(purchases, "after_move_stage", "note", **place)
    with actions_run():
        make_attachment(document, purchases, at="Budget")
    assert [call.parameters["place"] for call in calls] == [1, 2, 3]


def test_actions_run_tells_only_of_its_own_block(document, purchases, calls):
    make_action(purchases, "after_move_stage", "note")
    with actions_run():
        make_attachment(document, purchases, at="Budget")
    with actions_run() as ran:
        WorkflowDriver(document).approve_stage()
    assert [row.context["stage_id"] for row in ran.rows] == [
        WorkflowDriver(document).attachment.current_stage_id
    ]
    assert len(calls) == 2


def test_actions_of_what_was_rolled_back_do_not_run(document, purchases, calls):
    make_action(purchases, "on_workflow_start", "note")
    with actions_run() as ran, transaction.atomic():
        make_attachment(document, purchases)
        transaction.set_rollback(True)
    assert (calls, ran.rows) == ([], [])


def test_actions_run_collects_the_emails(document, ann, bob, mailoutbox):
    workflow = make_workflow("Purchases", {"Finance": {"Check": bob}})
    with actions_run() as ran:
        make_attachment(document, workflow, ann, status="rejected")
    assert [message.to for message in ran.emails] == [["ann@example.org"]]
    with actions_run() as later:
        pass
    assert (later.emails, len(mailoutbox)) == ([], 1)


def test_actions_run_does_not_hide_a_failure(document, purchases):
    make_action(purchases, "on_workflow_start", FAIL)
    with pytest.raises(AssertionError) as caught, actions_run():
        make_attachment(document, purchases)
    assert str(caught.value).splitlines() == [
        "Actions failed.",
        f"on_workflow_start: {FAIL} is failed (ValueError: no luck).",
    ]


def test_failures_may_be_expected(document, purchases):
    make_action(purchases, "on_workflow_start", FAIL)
    with actions_run(allow_failures=True) as ran:
        make_attachment(document, purchases)
    assert (ran.functions, ran.failures) == ([], list(ActionExecution.objects.all()))


def test_inline_actions_run_at_once(document, purchases, calls):
    make_action(purchases, "on_workflow_start", "note")
    with inline_actions():
        make_attachment(document, purchases)
        assert len(calls) == 1


@override_settings(DJANGO_WORKFLOW_ENGINE={"ACTION_MAX_ATTEMPTS": 2, "ACTION_RETRY_DELAY": 9})
def test_engine_settings_changes_single_keys():
    with engine_settings(ACTION_RETRY_DELAY=5):
        assert (engine.action_max_attempts, engine.action_retry_delay.seconds) == (2, 5)
    assert engine.action_retry_delay.seconds == 9


def test_assert_action_ran_knows_event_and_times(document, purchases, calls):
    make_action(purchases, "after_move_stage", "note")
    with actions_run():
        make_attachment(document, purchases, at="Final")
    assert_action_ran(document, "note")
    assert_action_ran(document, "note", event="after_move_stage", times=2)
    assert_action_ran(document, "note", event="after_reject", times=0)
    with pytest.raises(AssertionError, match="to run 1 times; it ran 2 times"):
        assert_action_ran(document, "note", times=1)


def test_assert_action_ran_tells_what_became_of_the_actions(document, purchases):
    make_action(purchases, "after_move_stage", "note")
    make_attachment(document, purchases, at="Budget")
    with pytest.raises(AssertionError) as caught:
        assert_action_ran(document, "note", event="after_move_stage")
    assert str(caught.value).splitlines() == [
        "Expected note to run at least once after after_move_stage; it ran 0 times.",
        "after_move_stage: note is pending.",
    ]
