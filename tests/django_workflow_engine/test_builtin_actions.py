"""The actions that come with the engine besides its default e-mails."""

import re

import pytest
from django.core import mail

from django_workflow_engine import function_paths
from django_workflow_engine.actions import runner, workflow_action
from django_workflow_engine.models import ActionExecution
from support.models import Ticket
from tests.django_workflow_engine.due_actions import Action, make_due
from tests.factories import UserFactory

HANDLERS = "django_workflow_engine.action_handlers"


def run(attachment, handler, /, **parameters):
    """Run an action; return the row that it leaves."""
    (row,) = make_due(attachment, Action(f"{HANDLERS}.{handler}", parameters))
    runner.run_due()
    return ActionExecution.objects.get(pk=row.pk)


# E-mail


def test_email_goes_to_the_recipients_that_it_names(attachment):
    row = run(
        attachment,
        "send_email",
        recipients=["workflow_starter", "boss@example.org"],
        cc=["archive@example.org"],
        subject="Look here",
    )
    assert row.status == "done"
    assert [message.to for message in mail.outbox] == [
        [attachment.started_by.email],
        ["boss@example.org"],
    ]
    assert mail.outbox[0].cc == ["archive@example.org"]
    assert {message.subject for message in mail.outbox} == {"Look here"}


def test_email_uses_the_template_that_it_names(attachment):
    run(attachment, "send_email", recipients="boss@example.org", template="workflow_approved")
    assert mail.outbox[0].subject.startswith("Approved: ")


# Set a field


def target(attachment):
    return Ticket.objects.get(pk=attachment.object_id)


def test_field_of_the_object_is_set(attachment):
    row = run(attachment, "set_field", field="title", value="Mended chair")
    assert (row.status, row.result) == ("done", {"field": "title"})
    assert target(attachment).title == "Mended chair"


def test_only_the_field_is_written(attachment, statements):
    action = Action(f"{HANDLERS}.set_field", {"field": "title", "value": "Mended chair"})
    make_due(attachment, action)
    with statements() as seen:
        runner.run_due()
    (update,) = [sql for sql in seen.sql if re.match("UPDATE .support_ticket. ", sql)]
    assert update.count(" = ") == 2, update


def test_relation_is_set_by_its_key(attachment):
    ann = UserFactory.create()
    run(attachment, "set_field", field="created_by", value=ann.pk)
    assert target(attachment).created_by == ann


MISTAKES = {
    "no such field": ("titel", "x", "Did you mean 'title'?"),
    "the key": ("id", 5, "cannot be edited"),
    "too long": ("title", "x" * 1000, "at most"),
    "not a choice": ("status", "no such status", "not a valid choice"),
    "nobody": ("created_by", 0, "not a valid choice"),
    "nothing": ("title", None, "cannot be null"),
}


@pytest.mark.parametrize(("field", "value", "message"), MISTAKES.values(), ids=MISTAKES)
def test_value_that_the_field_does_not_take_is_dead_at_once(attachment, field, value, message):
    before = Ticket.objects.values().get(pk=attachment.object_id)
    row = run(attachment, "set_field", field=field, value=value)
    assert row.status == "dead"
    assert message in row.error
    assert Ticket.objects.values().get(pk=attachment.object_id) == before


def test_field_of_an_object_that_is_gone_is_a_failure(attachment):
    target(attachment).delete()
    row = run(attachment, "set_field", field="title", value="x")
    assert (row.status, row.error) == ("failed", "The object is gone.")


# Call a function


def test_registered_function_gets_what_it_is_called_with(attachment, calls):
    row = run(attachment, "call_function", function="note", kwargs={"returns": "fine"})
    assert (row.status, row.result) == ("done", "fine")
    (call,) = calls
    assert call.parameters == {"returns": "fine"}
    assert call.context["idempotency_key"] == f"{row.transition}:0"


def test_registered_function_that_returns_false_has_failed(attachment, calls):
    row = run(attachment, "call_function", function="note", kwargs={"returns": False})
    assert row.status == "failed"


def test_call_looks_the_function_up_each_time(attachment, calls, monkeypatch):
    monkeypatch.setattr(function_paths, "_registered", dict(function_paths._registered))

    @workflow_action("greet")
    def greet(context, parameters=None):
        return {"hello": parameters["name"]}

    row = run(attachment, "call_function", function="greet", kwargs={"name": "Ann"})
    assert row.result == {"hello": "Ann"}
