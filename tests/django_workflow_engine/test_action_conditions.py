"""Conditions of actions are asked when the event happens; what they exclude is on record."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from django_workflow_engine.actions import outbox
from django_workflow_engine.models import ActionExecution, WorkflowAction
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from support.models import Ticket
from tests.django_workflow_engine.due_actions import Action, make_attachment, prepare
from tests.factories import TicketFactory, UserFactory, by_user, make_workflow
from tests.testapp.models import Document


@pytest.fixture
def attachment(db):
    attachment = make_attachment()
    Ticket.objects.filter(pk=attachment.object_id).update(title="Broken chair")
    return attachment


def when(note="note", **conditions):
    return Action("note", {"note": note}, conditions=conditions)


def enqueue(attachment, *actions):
    outbox.enqueue(prepare(attachment, *actions))
    return list(ActionExecution.objects.order_by("position"))


def test_action_whose_conditions_hold_is_due(attachment):
    (row,) = enqueue(attachment, when(title__startswith="Broken"))
    assert (row.status, row.error) == ("pending", "")


def test_action_whose_conditions_do_not_hold_is_on_record_as_not_run(attachment):
    (row,) = enqueue(attachment, when(title="Other"))
    assert row.status == "skipped"
    assert row.error == 'The object does not satisfy the conditions: {"title": "Other"}'
    assert row.finished_at is not None


def test_conditions_reach_over_relations(attachment):
    starter = attachment.started_by
    Ticket.objects.filter(pk=attachment.object_id).update(created_by=starter)
    rows = enqueue(
        attachment,
        when(created_by__username=starter.username),
        when(created_by__username="nobody"),
    )
    assert [row.status for row in rows] == ["pending", "skipped"]


@pytest.mark.parametrize("size", [1, 10])
def test_all_conditions_of_a_transition_are_asked_in_one_statement(attachment, statements, size):
    rows = prepare(attachment, *[when(title=f"Other {n}") for n in range(size)], when(title="x"))
    with statements() as seen:
        outbox.enqueue(rows)
    assert seen.count == 2, str(seen)
    assert len(seen.sql[0].split("EXISTS")) == 2 + size


def test_same_conditions_are_asked_once(attachment, statements):
    rows = prepare(attachment, when(title="x"), when(title="x"), Action("note"))
    with statements() as seen:
        outbox.enqueue(rows)
    assert len(seen.sql[0].split("EXISTS")) == 2, str(seen)


BAD = {
    "no such field": {"amount__gte": 1},
    "no such look-up": {"title__bigger": 1},
    "no such value": {"id__gte": "many"},
    "the database refuses it": {"title__regex": "("},
}


@pytest.mark.parametrize("conditions", BAD.values(), ids=BAD)
def test_conditions_that_cannot_be_asked_leave_the_transition_whole(attachment, conditions):
    with transaction.atomic():
        Document.objects.create(title="the caller's")
        rows = enqueue(attachment, when(**conditions), when(title="Broken chair"))
        assert Document.objects.filter(title="the caller's").exists()
    assert [row.status for row in rows] == ["dead", "pending"]
    assert "support.Ticket cannot be asked for" in rows[0].error


def test_conditions_on_a_model_that_is_gone_are_dead(attachment):
    gone = ContentType.objects.create(app_label="shop", model="nothing")
    attachment.content_type = gone
    attachment.save()
    (row,) = enqueue(attachment, when(title="x"))
    assert (row.status, row.error) == ("dead", "The model of the object is gone.")


def test_object_that_is_gone_satisfies_nothing(attachment):
    Ticket.objects.filter(pk=attachment.object_id).delete()
    (row,) = enqueue(attachment, when(title="Broken chair"))
    assert row.status == "skipped"


@pytest.mark.parametrize("mode", ["process", "inline"])
def test_approval_asks_with_what_the_transition_has_written(
    mode, db, settings, calls, django_capture_on_commit_callbacks
):
    """The status that completion writes is there when the condition is asked."""
    settings.DJANGO_WORKFLOW_ENGINE = {
        "DEFAULT_STATUS_FIELD": "status",
        "ACTION_EXECUTION": mode,
    }
    bob = UserFactory.create()
    workflow = make_workflow([[[by_user(bob)]]])
    for title in ("Lamp", "Chair"):
        WorkflowAction.objects.create(
            workflow=workflow,
            action_type="on_workflow_complete",
            function_path="note",
            parameters={"note": title},
            conditions={"title": title},
        )
    ticket = TicketFactory.create(title="Lamp")
    attach_workflow_to_object(ticket, workflow, bob)
    with django_capture_on_commit_callbacks(execute=True):
        act_on_object(ticket, "approved", bob)
    assert [call.parameters["note"] for call in calls] == ["Lamp"]
