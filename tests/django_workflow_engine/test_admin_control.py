"""Stepping in from the admin: who may, the reason, and what the page says of jobs and holds."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from pytest_django.asserts import assertContains, assertNotContains

from approval_workflow.models import ApprovalEvent, ApprovalInstance
from django_workflow_engine.actions import runner
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_workflow_attachment,
    hold_workflow,
)
from django_workflow_engine.testing import make_action
from purchasing.models import User
from tests.django_workflow_engine.admin_pages import address_of, staff_client, superuser_client
from tests.factories import PurchaseRequestFactory, UserFactory
from tests.factories.workflows import asking, by_user, make_staged

pytestmark = pytest.mark.django_db

CONTROLS = ["hold", "resume", "retry", "set_status", "skip", "jump", "add_approver", "restart"]
SCORE = "tests.testapp.workflow_actions.score"


@pytest.fixture
def client():
    return superuser_client()


@pytest.fixture
def ann():
    return UserFactory.create(username="ann", is_staff=True, is_superuser=True)


@pytest.fixture
def workflow(ann):
    return make_staged({code: asking(by_user(ann)) for code in ("first", "second", "third")})


@pytest.fixture
def obj(ann, workflow):
    obj = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(obj, workflow, ann)
    return obj


@pytest.fixture
def failed_job(ann, django_capture_on_commit_callbacks):
    """An object whose job has failed for good."""
    workflow = make_staged(
        {
            "check": {"kind": "job", "job": {"function": "tests.testapp.workflow_actions.fail"}},
            "look": asking(by_user(ann)),
        }
    )
    obj = PurchaseRequestFactory.create(requester=ann)
    with django_capture_on_commit_callbacks(execute=True):
        attach_workflow_to_object(obj, workflow, ann)
    ActionExecution.objects.filter(visit__isnull=False).update(status="dead")
    return obj


def take(client, action, *objects, **typed):
    """Take an action on the newest attachments of objects, from the list."""
    keys = [get_workflow_attachment(obj).pk for obj in objects]
    address = address_of(WorkflowAttachment, "changelist")
    return client.post(address, {"action": action, "_selected_action": keys, **typed})


def confirm(client, action, *objects, reason="Agreed by telephone", **typed):
    return take(client, action, *objects, confirmed="yes", reason=reason, **typed)


def told(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def page_of(client, obj):
    attachment = get_workflow_attachment(obj)
    return client.get(address_of(WorkflowAttachment, "change", attachment.pk))


def buttons_of(client, obj):
    return [action for action, _label in page_of(client, obj).context["buttons"]]


def standing(obj):
    """The codes of the stages where an object is."""
    rows = StageRun.objects.filter(attachment=get_workflow_attachment(obj), left_at=None)
    return sorted(rows.values_list("stage__code", flat=True))


def signed_in(user):
    client = staff_client()
    client.force_login(user)
    return client


# What the actions do


def test_a_workflow_is_held_with_its_reason_and_resumed(client, obj):  # V-10
    page = confirm(client, "hold", obj, reason="Audit")

    attachment = get_workflow_attachment(obj)
    assert (attachment.status, attachment.hold_reason) == ("on_hold", "Audit")
    assert told(page) == ["1 workflow was put on hold."]
    shown = page_of(client, obj)
    assertContains(shown, "Audit")
    assert "resume" in buttons_of(client, obj)
    assert "skip" not in buttons_of(client, obj)

    confirm(client, "resume", obj)
    assert get_workflow_attachment(obj).status == "in_progress"


def test_a_stage_is_skipped(client, obj):
    page = confirm(client, "skip", obj)

    assert standing(obj) == ["second"]
    assert told(page) == ["1 object was taken from its stage."]
    assert "Agreed by telephone" in ApprovalEvent.objects.get(kind="noted").comment


def test_an_object_is_sent_to_the_stage_chosen(client, obj):
    asked = take(client, "jump", obj)
    field = asked.context["adminform"].form.fields["stage"]
    stages = {label: key for key, label in field.choices}

    confirm(client, "jump", obj, stage=stages["Pipeline 1 / Third"])

    assert standing(obj) == ["third"]


def test_objects_on_versions_of_one_workflow_have_one_choice_of_stages(client, obj, workflow, ann):
    workflow.name_ar = "شراء"
    workflow.save()
    other = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(other, workflow, ann)

    asked = take(client, "jump", obj, other)
    choices = asked.context["adminform"].form.fields["stage"].choices
    confirm(client, "jump", obj, other, stage=choices[-1][0])

    assert len(choices) == 4
    assert standing(obj) == standing(other) == ["third"]


def test_a_stage_must_be_chosen(client, obj):
    page = confirm(client, "jump", obj)

    assert "stage" in page.context["errors"]
    assert standing(obj) == ["first"]


def test_where_an_object_is_at_several_stages_it_is_asked_which_is_skipped(client, ann):
    workflow = make_staged(
        {
            "left": asking(by_user(ann), parallel_group="both"),
            "right": asking(by_user(ann), parallel_group="both"),
            "last": asking(by_user(ann)),
        }
    )
    obj = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(obj, workflow, ann)

    asked = take(client, "skip", obj)
    choices = asked.context["adminform"].form.fields["stage"].choices
    assert [label for _key, label in choices[1:]] == ["Pipeline 1 / Left", "Pipeline 1 / Right"]
    confirm(client, "skip", obj, stage=choices[1][0])

    assert standing(obj) == ["right"]


def test_one_more_person_is_asked(client, obj):
    bob = UserFactory.create(username="bob")

    page = confirm(client, "add_approver", obj, approver=bob.pk)

    assert told(page) == ["One more person is asked about 1 object."]
    assert ApprovalInstance.objects.for_object(obj).filter(assigned_to=bob).exists()


def test_a_workflow_begins_anew(client, obj, ann):
    act_on_object(obj, "approve", ann)

    confirm(client, "restart", obj)

    assert standing(obj) == ["first"]
    assert WorkflowAttachment.objects.filter(status="cancelled").count() == 1


def test_the_last_decision_is_undone_and_told_what_was_executed(  # V-12
    ann, workflow, settings, django_capture_on_commit_callbacks
):
    settings.APPROVAL_UNDO_PERIOD = timedelta(hours=1)
    make_action(workflow, "after_approve", SCORE, parameters={"n": 1}, compensation=SCORE)
    make_action(workflow, "after_approve", SCORE, parameters={"n": 2})
    obj = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(obj, workflow, ann)
    with django_capture_on_commit_callbacks(execute=True):
        act_on_object(obj, "approve", ann)

    client = signed_in(ann)
    assert "undo" in buttons_of(client, obj)
    page = confirm(client, "undo", obj)

    assert standing(obj) == ["first"]
    [message] = told(page)
    assert f"Actions that are taken back: {SCORE}." in message
    assert f"Actions that had been executed and stand: {SCORE}," in message


def test_the_decision_of_somebody_else_is_not_undone(client, obj, ann, settings):
    settings.APPROVAL_UNDO_PERIOD = timedelta(hours=1)
    act_on_object(obj, "approve", ann)

    page = confirm(client, "undo", obj)

    assert "undo" not in buttons_of(client, obj)
    assert "Only who made the last decision may undo it." in told(page)[0]
    assert standing(obj) == ["second"]


def test_a_run_before_the_newest_is_left_alone(client, obj):
    before = get_workflow_attachment(obj)
    confirm(client, "restart", obj)

    address = address_of(WorkflowAttachment, "changelist")
    typed = {"action": "hold", "_selected_action": before.pk, "confirmed": "1", "reason": "x"}
    page = client.post(address, typed)

    assert "A later workflow has been attached to the object." in told(page)[-1]
    assert get_workflow_attachment(obj).status == "in_progress"


def test_the_object_of_a_run_may_be_gone(client, obj):
    attachment = get_workflow_attachment(obj)
    obj.delete()

    address = address_of(WorkflowAttachment, "changelist")
    typed = {"action": "hold", "_selected_action": attachment.pk, "confirmed": "1", "reason": "x"}
    page = client.post(address, typed)

    assert "The object is not there any more." in told(page)[0]


# Jobs


def test_a_failed_job_is_shown_with_its_error(client, failed_job):  # V-13
    ActionExecution.objects.filter(visit__isnull=False).update(error="No <b>connection</b>")

    page = page_of(client, failed_job)

    assertContains(page, "Failed for good")
    assertContains(page, "No &lt;b&gt;connection&lt;/b&gt;")
    assert "retry" in buttons_of(client, failed_job)


def test_a_failed_job_is_run_again(  # V-10
    client, failed_job, django_capture_on_commit_callbacks
):
    ActionExecution.objects.filter(visit__isnull=False).update(
        function_path=SCORE, parameters={"n": 1}
    )

    with django_capture_on_commit_callbacks(execute=True):
        page = take(client, "retry", failed_job)
    runner.run_due()

    assert told(page) == ["1 action will be run again."]
    assert standing(failed_job) == ["look"]


def test_a_failed_job_is_skipped(client, failed_job):  # V-12
    confirm(client, "skip", failed_job)

    assert standing(failed_job) == ["look"]
    assert not ActionExecution.objects.filter(visit__isnull=False, status="dead").exists()


# Statuses


def test_the_status_of_a_stage_is_set_and_moves_the_object_on(client, ann):  # T-4, V-10
    statuses = [{"name": "Open", "default": True}, {"name": "Paid: in full", "completes": True}]
    workflow = make_staged(
        {"pay": {"kind": "status", "statuses": statuses}, "look": asking(by_user(ann))}
    )
    obj = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(obj, workflow, ann)
    assertContains(page_of(client, obj), "Open")
    assert "set_status" in buttons_of(client, obj)

    asked = take(client, "set_status", obj)
    choices = asked.context["adminform"].form.fields["status"].choices
    page = confirm(client, "set_status", obj, status=choices[-1][0])

    assert choices[-1][1] == "Pipeline 1 / Pay: Paid: in full"
    assert told(page) == ["The status of 1 stage was set."]
    assert standing(obj) == ["look"]
    assert "set_status" not in buttons_of(client, obj)


# Who may


@pytest.mark.parametrize("action", CONTROLS)
def test_stepping_in_takes_its_permission(obj, action):
    if action == "resume":
        hold_workflow(obj)
    before = list(WorkflowAttachment.objects.values())
    codenames = ["view_workflowattachment", "change_workflowattachment"]

    refused = confirm(staff_client(*codenames), action, obj)
    allowed = take(staff_client(*codenames, "control_workflow"), action, obj)

    assert refused.status_code == 403
    assert allowed.status_code == (302 if action == "retry" else 200)
    assert list(WorkflowAttachment.objects.values()) == before


def test_buttons_are_those_that_a_person_may_use(obj):
    looking = staff_client("view_workflowattachment")
    stepping_in = staff_client("view_workflowattachment", "control_workflow")

    assert buttons_of(looking, obj) == []
    assert buttons_of(stepping_in, obj) == ["hold", "skip", "jump", "add_approver", "restart"]


def test_an_ended_workflow_has_no_buttons(client, obj):
    confirm(client, "cancel", obj)

    assert buttons_of(client, obj) == []


@pytest.mark.parametrize("action", ["hold", "skip", "restart", "undo", "cancel"])
def test_each_asks_for_a_reason(client, obj, action):
    page = confirm(client, action, obj, reason=" ")

    assertContains(page, "Expected why this is done.")
    assert standing(obj) == ["first"]


def test_who_came_from_the_page_of_an_object_goes_back_there(client, obj):
    key = get_workflow_attachment(obj).pk

    response = confirm(client, "hold", obj, origin=key)

    assert response.url == address_of(WorkflowAttachment, "change", key)


def test_a_person_who_can_not_search_people_types_a_name(obj):
    UserFactory.create(username="bob")
    client = staff_client("view_workflowattachment", "control_workflow")

    confirm(client, "add_approver", obj, approver="bob")

    bob = User.objects.get(username="bob")
    assert ApprovalInstance.objects.for_object(obj).filter(assigned_to=bob).exists()


def test_what_is_not_on_the_page_is_not_offered(client, obj):
    assertNotContains(page_of(client, obj), 'value="undo"')
