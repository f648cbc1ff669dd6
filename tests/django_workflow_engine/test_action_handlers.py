"""The e-mails of the default actions, from the decision to the mailbox."""

from unittest import mock

import pytest
from django.core import mail

from django_workflow_engine import action_handlers
from django_workflow_engine.choices import ActionType
from django_workflow_engine.models import ActionExecution, Stage, WorkflowAction
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from tests.factories import TicketFactory, UserFactory, by_user, make_workflow
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db
HANDLERS = "django_workflow_engine.action_handlers"


@pytest.fixture
def people():
    """Ann asks, Bob, Cem and Dan decide, Eve takes over."""
    names = ("ann", "bob", "cem", "dan", "eve")
    return {name: UserFactory.create(username=name, first_name=name.title()) for name in names}


@pytest.fixture
def ticket(people):
    return TicketFactory.create(title="Broken chair", created_by=people["ann"])


@pytest.fixture
def workflow(people):
    bob, cem, dan = (by_user(people[name]) for name in ("bob", "cem", "dan"))
    workflow = make_workflow([[[bob], [cem]], [[dan]]], name_en="Repairs", name_ar="الإصلاحات")
    Stage.objects.filter(name_en="Stage 1.1").update(name_ar="المرحلة الأولى")
    return workflow


@pytest.fixture
def start(ticket, workflow, people):
    """Attach and start: `start()`; what that sends is not looked at."""

    def start(**options):
        attachment = attach_workflow_to_object(ticket, workflow, people["ann"], **options)
        mail.outbox.clear()
        return attachment

    return start


@pytest.fixture
def act(ticket, people, django_capture_on_commit_callbacks):
    """Decide and commit; return the messages that this sent, by recipient and subject."""

    def act(action, name, **options):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            act_on_object(ticket, action, people[name], **options)
        assert not ActionExecution.objects.exclude(status__in=("done", "pending")).exists()
        return [(message.to[0].partition("@")[0], message.subject) for message in mail.outbox]

    return act


# By default (D-92, D-115, K23)


def test_creator_hears_of_an_approval_and_of_the_next_stage(start, act):
    start()
    assert act("approved", "bob") == [
        ("ann", "Approved: Broken chair"),
        ("ann", "Next stage: Broken chair"),
    ]
    approved, moved = mail.outbox
    assert "Stage: Stage 1.1" in approved.body
    assert "By: Bob No." in approved.body
    assert "Previous stage: Stage 1.1\nStage: Stage 1.2" in moved.body


def test_creator_hears_of_a_rejection(start, act):  # D-92
    start()
    assert act("rejected", "bob", reason="Too dear") == [("ann", "Rejected: Broken chair")]
    assert "Comment: Too dear" in mail.outbox[0].body


def test_creator_and_who_is_asked_next_hear_of_a_resubmission(start, act, workflow):  # D-92, D-115
    start()
    act("approved", "bob")
    first = Stage.objects.get(pipeline__workflow=workflow, name_en="Stage 1.1")
    sent = act("resubmission", "cem", stage_id=first.pk, reason="Which chair?")
    assert sent == [
        ("ann", "Changes requested: Broken chair"),
        ("bob", "Changes requested: Broken chair"),
    ]
    assert "Stage: Stage 1.2\nBack to: Stage 1.1" in mail.outbox[0].body


def test_who_takes_over_and_the_creator_hear_of_a_delegation(start, act, people):  # D-92, D-115
    start()
    assert act("delegated", "bob", user_id=people["eve"].pk) == [
        ("eve", "Delegated: Broken chair"),
        ("ann", "Delegated: Broken chair"),
    ]
    assert "Handed to: Eve No." in mail.outbox[0].body


def test_name_of_the_workflow_is_that_of_the_template_in_the_readers_language(start, act, people):
    start()
    people["ann"].language = "ar"
    people["ann"].save()
    act("approved", "bob")
    assert "الإصلاحات" in mail.outbox[0].body
    assert "المرحلة: المرحلة الأولى" in mail.outbox[0].body
    assert "(Copy)" not in mail.outbox[0].body
    assert "نسخة" not in mail.outbox[0].body


def test_approval_that_does_not_complete_the_stage_says_so(start, act, people, ticket):
    both = [by_user(people["bob"]), by_user(people["cem"])]
    attach_workflow_to_object(ticket, make_workflow([[both]]), people["ann"])
    act("approved", "bob")
    assert "Further approvals of this stage are still to come." in mail.outbox[0].body
    act("approved", "cem")
    assert "Further approvals" not in mail.outbox[0].body


def test_nobody_with_an_address_is_no_failure(start, act, people):
    people["ann"].email = ""
    people["ann"].save()
    start()
    assert act("rejected", "bob") == []
    assert set(ActionExecution.objects.values_list("status", flat=True)) == {"done"}


def test_switch_for_e_mail_leaves_other_actions_running(start, act, workflow, settings):
    """D-99"""
    settings.WORKFLOW_DISABLE_EMAILS = True
    for function, parameters in (
        (f"{HANDLERS}.send_rejection_notification", {}),
        ("tests.testapp.workflow_actions.write_document", {"title": "effect"}),
    ):
        WorkflowAction.objects.create(
            workflow=workflow,
            action_type=ActionType.AFTER_REJECT,
            function_path=function,
            parameters=parameters,
        )
    start()
    assert act("rejected", "bob") == []
    assert Document.objects.filter(title="effect").exists()
    assert set(ActionExecution.objects.values_list("status", flat=True)) == {"done"}


# Replaced by actions of the template: D-86, D-87 and K15


def test_own_actions_of_the_nearest_level_replace_the_default_ones(start, act, workflow):
    stage = Stage.objects.get(pipeline__workflow=workflow, name_en="Stage 1.1")
    for level, title in (({"workflow": workflow}, "Workflow"), ({"stage": stage}, "Stage")):
        for order, letter in ((2, "b"), (1, "a"), (3, "off")):
            WorkflowAction.objects.create(
                **level,
                action_type=ActionType.AFTER_APPROVE,
                function_path=f"{HANDLERS}.send_approval_notification",
                parameters={"recipients": ["ops@example.org"], "subject": f"{title} {letter}"},
                order=order,
                is_active=letter != "off",
            )
    start()
    moved = ("ann", "Next stage: Broken chair")
    assert act("approved", "bob") == [("ops", "Stage a"), ("ops", "Stage b"), moved]
    assert act("approved", "cem") == [("ops", "Workflow a"), ("ops", "Workflow b"), moved]


def test_parameters_choose_recipients_copies_template_and_subject(start, act, workflow):
    """D-98"""
    WorkflowAction.objects.create(
        workflow=workflow,
        action_type=ActionType.AFTER_REJECT,
        function_path=f"{HANDLERS}.send_rejection_notification",
        parameters={
            "recipients": ["creator", "manager@example.org"],
            "cc": ["workflow_starter", "boss@example.org"],
            "template": "custom_approved",
            "subject": "Custom Rejection",
        },
    )
    start()
    assert act("rejected", "bob") == [("ann", "Custom Rejection"), ("manager", "Custom Rejection")]
    assert mail.outbox[0].cc == ["boss@example.org"]
    assert mail.outbox[0].alternatives[0][0] == "<p> in Repairs</p>"


def test_parameters_reach_the_templates_of_the_project(start):
    attachment = start()
    context = action_handlers.email_context(attachment, {"custom_field": 7}, {})
    assert context["parameters"] == {"custom_field": 7}


# Tests of a project (D-93, L1)


def test_patched_handler_is_called_in_place_of_the_default_one(start, act):
    start()
    with mock.patch(f"{HANDLERS}.send_approval_notification") as handler:
        handler.return_value = True
        assert act("approved", "bob") == [("ann", "Next stage: Broken chair")]
    assert handler.called
    attachment, parameters = handler.call_args.args
    assert attachment.current_stage.name_en == "Stage 1.1"
    assert parameters == {"recipients": ["creator"]}


def test_patched_handler_is_called_at_once_with_inline_actions(start, ticket, people, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "inline"}
    start()
    with mock.patch(f"{HANDLERS}.send_approval_notification", return_value=True) as handler:
        act_on_object(ticket, "approved", people["bob"])
    assert handler.called


# Senders that fail (D-119)


@pytest.mark.parametrize("address", ["raise@example.org", "false@example.org"])
def test_failing_sender_does_not_break_the_approval(
    start, ticket, people, settings, address, django_capture_on_commit_callbacks
):
    settings.WORKFLOW_SEND_EMAIL_FUNCTION = "tests.testapp.mailing.send_email"
    people["ann"].email = address
    people["ann"].save()
    start()
    with django_capture_on_commit_callbacks(execute=True):
        attachment = act_on_object(ticket, "approved", people["bob"])
    assert attachment.current_stage.name_en == "Stage 1.2"
    statuses = dict(ActionExecution.objects.values_list("action_type", "status"))
    assert statuses == {"after_approve": "failed", "after_move_stage": "failed"}


def test_e_mail_that_reached_somebody_is_not_sent_to_them_again(start, people, settings):
    """Trying again would send it twice; what failed is in the log."""
    settings.WORKFLOW_SEND_EMAIL_FUNCTION = "tests.testapp.mailing.send_email"
    parameters = {"recipients": ["raise@example.org", "fine@example.org"]}
    assert action_handlers.send_approval_notification(start(), parameters) is True
    parameters = {"recipients": ["raise@example.org"]}
    assert action_handlers.send_approval_notification(start_again(people), parameters) is False


def start_again(people):
    ticket = TicketFactory.create(created_by=people["ann"])
    workflow = make_workflow([[[by_user(people["bob"])]]])
    return attach_workflow_to_object(ticket, workflow, people["ann"])


# What e-mails are told (D-117)


def test_context_of_the_e_mails(start, people, ticket):
    attachment = start()
    context = action_handlers.email_context(
        attachment,
        {},
        {
            "stage": attachment.current_stage,
            "pipeline": attachment.current_pipeline,
            "user": people["bob"],
            "delegated_to": people["eve"],
            "reason": "on leave",
            "stage_complete": True,
        },
    )
    assert context["workflow_name"] == "Repairs"
    assert context["stage_name"] == context["current_stage"] == "Stage 1.1"
    assert context["pipeline_name"] == "Pipeline 1"
    assert (context["user"], context["user_name"]) == (
        people["bob"],
        people["bob"].get_full_name(),
    )
    assert context["delegated_to"] == people["eve"]
    assert (context["object"], context["object_name"]) == (ticket, "Broken chair")
    assert context["reason"] == "on leave"
    assert context["stage_complete"] is True


def test_person_without_a_full_name_is_called_by_their_user_name(start):
    user = UserFactory.create(username="root", first_name="", last_name="")
    assert action_handlers.email_context(start(), {}, {"user": user})["user_name"] == "root"
