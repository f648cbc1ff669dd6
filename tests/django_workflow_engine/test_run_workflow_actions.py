"""Running what is due from outside: the command and the Celery tasks."""

import logging
import time

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging
from django.core.management import CommandError, call_command
from django.db import transaction

from django_workflow_engine import tasks
from django_workflow_engine.actions import outbox
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.models import ActionExecution, WorkflowAction
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from tests.brokers import RABBITMQ, REDIS
from tests.django_workflow_engine.due_actions import (
    Action,
    make_attachment,
    make_due,
    prepare,
    statuses,
)
from tests.factories import TicketFactory, UserFactory, by_user, make_workflow

BROKERS = {"redis": REDIS, "rabbitmq": RABBITMQ}


@pytest.fixture
def attachment(transactional_db):
    return make_attachment()


@pytest.fixture
def by_celery(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "celery"}


@pytest.fixture
def sent(monkeypatch):
    """What is handed to the broker, in place of a broker."""
    messages = []
    monkeypatch.setattr(
        tasks.run_transition, "apply_async", lambda args, **_options: messages.append(args)
    )
    return messages


@pytest.fixture(params=["amqp://guest@127.0.0.1:1//", "redis://127.0.0.1:1/0"])
def no_broker(celery_app, request):
    """Nothing listens on that port."""
    return celery_app(request.param)


def enqueue(attachment, *actions):
    """Make actions due as a transition does, which wants them run after commit."""
    rows = prepare(attachment, *actions)
    with transaction.atomic():
        outbox.enqueue(rows)
    return rows


# The command


def test_command_runs_what_is_due_and_counts_it(attachment, calls, capsys):
    rows = make_due(attachment, Action("note"), Action("fail"), Action("os.system"))
    call_command("run_workflow_actions")
    assert statuses(rows) == ["done", "failed", "dead"]
    assert capsys.readouterr().out == (
        "Actions done: 1, to be tried again: 1, failed for good: 1, not run: 0\n"
    )


def test_command_keeps_to_its_limit(attachment, calls, capsys):
    rows = make_due(attachment, Action("note"), Action("note"))
    call_command("run_workflow_actions", "--limit=1")
    assert statuses(rows) == ["done", "pending"]


@pytest.fixture
def failed(attachment):
    """Two dead actions, and one that is given up because of the first."""
    rows = make_due(attachment, Action("note", failure_policy="stop"), Action("note"))
    rows += make_due(attachment, Action("note"))
    dead = {"status": ExecutionStatus.DEAD, "attempts": 5, "error": "ValueError: no\n\ntraceback"}
    ActionExecution.objects.filter(pk__in=[rows[0].pk, rows[2].pk]).update(**dead)
    call_command("run_workflow_actions", verbosity=0)
    assert statuses(rows) == ["dead", "skipped", "dead"]
    return rows


def test_command_replays_all_that_is_dead(failed, calls, capsys):
    capsys.readouterr()
    call_command("run_workflow_actions", "--replay", "--dead")
    assert statuses(failed) == ["done"] * 3
    assert capsys.readouterr().out.splitlines() == [
        "Actions due again: 2",
        "Actions done: 3, to be tried again: 0, failed for good: 0, not run: 0",
    ]


def test_command_replays_what_is_named(failed, calls, capsys):
    call_command("run_workflow_actions", "--replay", "--id", str(failed[2].pk))
    assert statuses(failed) == ["dead", "skipped", "done"]
    assert len(calls) == 1


def test_dry_run_tells_what_would_run_and_runs_nothing(failed, attachment, calls, capsys):
    due = make_due(attachment, Action("note"))
    capsys.readouterr()
    call_command("run_workflow_actions", "--replay", "--id", str(failed[2].pk), "--dry-run")
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in lines] == [failed[2].pk, due[0].pk]
    assert statuses(failed + due) == ["dead", "skipped", "dead", "pending"]
    assert calls == []


def test_dry_run_keeps_to_the_limit(attachment, capsys):
    make_due(attachment, Action("note"), Action("note"))
    call_command("run_workflow_actions", "--dry-run", "--limit=1")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_dead_actions_are_listed_with_the_reason(failed, capsys):
    capsys.readouterr()
    call_command("run_workflow_actions", "--list-dead")
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        f"{failed[0].pk} dead after_approve tests.testapp.workflow_actions.note"
        f" (attachment {failed[0].attachment_id}, attempts 5): ValueError: no"
    )
    assert second.startswith(f"{failed[2].pk} dead ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--replay"],
        ["--dead"],
        ["--id", "1"],
        ["--replay", "--id", "987654"],
        ["--limit", "0"],
        ["--limit", "x"],
    ],
)
def test_arguments_that_make_no_sense_are_refused(failed, calls, arguments):
    with pytest.raises(CommandError):
        call_command("run_workflow_actions", *arguments)
    assert calls == []


# Celery


def test_transition_is_handed_to_a_worker_after_the_commit(attachment, calls, by_celery, sent):
    with transaction.atomic():
        rows = enqueue(attachment, Action("note"))
        assert sent == []
    assert sent == [(str(rows[0].transition), "default")]
    assert statuses(rows) == ["pending"]
    assert calls == []


def test_nothing_is_handed_over_for_a_transition_that_is_rolled_back(attachment, by_celery, sent):
    with transaction.atomic():
        enqueue(attachment, Action("note"))
        transaction.set_rollback(True)
    assert sent == []


def test_worker_runs_the_transition(attachment, calls, by_celery, sent):
    rows = enqueue(attachment, Action("note"), Action("note"))
    assert tasks.run_transition(*sent[0]) == {"done": 2, "failed": 0, "dead": 0, "skipped": 0}
    assert statuses(rows) == ["done", "done"]


def test_missing_broker_does_not_fail_the_request(attachment, calls, by_celery, no_broker, caplog):
    rows = enqueue(attachment, Action("note"))
    assert statuses(rows) == ["pending"]
    assert "No broker takes the actions" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_approval_without_a_broker_is_quick_and_its_actions_run_later(
    transactional_db, calls, by_celery, no_broker
):
    bob = UserFactory.create()
    workflow = make_workflow([[[by_user(bob)]]])
    WorkflowAction.objects.create(
        workflow=workflow, action_type="after_approve", function_path="note"
    )
    ticket = TicketFactory.create()
    attachment = attach_workflow_to_object(ticket, workflow, bob)
    began = time.monotonic()
    act_on_object(ticket, "approved", bob)
    assert time.monotonic() - began < 3
    attachment.refresh_from_db()
    assert attachment.status == "completed"
    assert calls == []
    call_command("run_workflow_actions")
    assert len(calls) == 1
    assert not ActionExecution.objects.unfinished().exists()


def test_periodic_task_runs_what_no_worker_has_taken(attachment, calls, by_celery, no_broker):
    rows = enqueue(attachment, Action("note"), Action("note"))
    assert tasks.run_workflow_actions(limit=1) == {"done": 1, "failed": 0, "dead": 0, "skipped": 0}
    assert tasks.run_workflow_actions() == {"done": 1, "failed": 0, "dead": 0, "skipped": 0}
    assert statuses(rows) == ["done", "done"]


@pytest.fixture
def own_logging():
    """A worker leaves logging as it is: it would raise the level for the tests after it."""

    def nothing(**_kwargs):
        return None

    setup_logging.connect(nothing)
    yield
    setup_logging.disconnect(nothing)


@pytest.mark.services
@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize("broker", BROKERS.values(), ids=BROKERS)
def test_transition_travels_through_a_broker(attachment, calls, by_celery, celery_app, broker):
    app = celery_app(broker)
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        app.set_current()
        rows = enqueue(attachment, Action("note", {"note": "through the broker"}))
        deadline = time.monotonic() + 30
        while statuses(rows) != ["done"] and time.monotonic() < deadline:
            time.sleep(0.05)
    assert statuses(rows) == ["done"]
    assert [call.parameters for call in calls] == [{"note": "through the broker"}]
