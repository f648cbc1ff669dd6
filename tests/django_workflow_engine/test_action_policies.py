"""What a failed action means for the later ones, where each runs, how often it is tried."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from django_workflow_engine import tasks
from django_workflow_engine.actions import outbox, runner
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.models import ActionExecution, WorkflowAction
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from tests.django_workflow_engine.due_actions import (
    Action,
    make_due,
    prepare,
    statuses,
)
from tests.factories import TicketFactory, UserFactory, by_user, make_workflow


@pytest.fixture
def sent(monkeypatch):
    """What is handed to Celery, in place of a broker."""
    messages = []
    monkeypatch.setattr(
        tasks.run_transition, "apply_async", lambda args, **_options: messages.append(args)
    )
    return messages


def stopping(name="fail", **details):
    return Action(name, {"note": "stopping"}, failure_policy="stop", **details)


def noting(note, **details):
    return Action("note", {"note": note}, **details)


def notes(calls):
    return [call.parameters["note"] for call in calls]


def make_dead(row):
    ActionExecution.objects.filter(pk=row.pk).update(
        status=ExecutionStatus.DEAD, finished_at=timezone.now()
    )


def fetch(row):
    return ActionExecution.objects.get(pk=row.pk)


def make_all_due():
    ActionExecution.objects.filter(status=ExecutionStatus.FAILED).update(run_after=timezone.now())


# After a failure


def test_later_actions_wait_for_one_that_stops(attachment, calls):
    rows = make_due(attachment, stopping(), noting("later"))
    assert runner.run_due() == {"done": 0, "failed": 1, "dead": 0, "skipped": 0}
    assert statuses(rows) == ["failed", "pending"]
    assert runner.run_due() == {"done": 0, "failed": 0, "dead": 0, "skipped": 0}


def test_later_actions_run_once_the_one_that_stops_has_succeeded(attachment, calls):
    rows = make_due(attachment, stopping(), noting("later"))
    runner.run_due()
    ActionExecution.objects.filter(pk=rows[0].pk).update(
        function_path="note", run_after=timezone.now()
    )
    assert runner.run_due()["done"] == 2
    assert notes(calls) == ["stopping", "stopping", "later"]


def test_later_actions_are_not_run_when_the_one_that_stops_is_dead(attachment, calls, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_MAX_ATTEMPTS": 1}
    rows = make_due(attachment, stopping(), noting("b"), noting("c"))
    assert runner.run_due() == {"done": 0, "failed": 0, "dead": 1, "skipped": 2}
    assert statuses(rows) == ["dead", "skipped", "skipped"]
    skipped = fetch(rows[1])
    assert skipped.error == "Not run: action 0 of the transition failed for good."
    assert (skipped.attempts, skipped.finished_at is not None) == (0, True)
    assert notes(calls) == ["stopping"]


def test_dead_action_stops_its_own_transition_only(attachment, calls):
    (dead,) = make_due(attachment, stopping())
    make_dead(dead)
    rows = make_due(attachment, noting("of another transition"))
    runner.run_due()
    assert statuses(rows) == ["done"]


def test_dead_action_that_does_not_stop_lets_the_later_ones_run(attachment, calls, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_MAX_ATTEMPTS": 1}
    rows = make_due(attachment, Action("fail"), Action("note"))
    runner.run_due()
    assert statuses(rows) == ["dead", "done"]


def test_replay_makes_what_was_given_up_due_again(committing_attachment, calls):
    rows = make_due(committing_attachment, stopping("note"), noting("b"), noting("c"))
    make_dead(rows[0])
    runner.run_due()
    assert statuses(rows) == ["dead", "skipped", "skipped"]
    assert outbox.replay(rows[0]) is True
    assert statuses(rows) == ["done"] * 3
    assert notes(calls) == ["stopping", "b", "c"]
    assert (fetch(rows[1]).error, fetch(rows[1]).result) == ("", None)


def test_replay_leaves_what_another_action_stopped(committing_attachment, calls):
    rows = make_due(committing_attachment, Action("note"), stopping("note"), noting("c"))
    make_dead(rows[1])
    runner.run_due()
    ActionExecution.objects.filter(pk=rows[0].pk).update(status=ExecutionStatus.DEAD)
    outbox.replay(rows[0])
    assert statuses(rows) == ["done", "dead", "skipped"]


@pytest.mark.parametrize("size", [1, 10])
def test_replay_takes_the_same_statements_for_any_number_of_rows(attachment, statements, size):
    rows = make_due(attachment, stopping("note"), *[noting("later")] * size)
    make_dead(rows[0])
    runner.run_due()
    with statements() as seen:
        outbox.replay(rows[0])
    assert seen.count == 3, str(seen)


# Where actions run


def test_mode_of_an_action_wins_over_the_setting(attachment, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "celery"}
    rows = prepare(attachment, Action("note"), Action("note", execution="inline"))
    assert [row.execution for row in rows] == ["celery", "inline"]


def test_setting_counts_at_the_moment_of_the_event(committing_attachment, calls, settings, sent):
    rows = prepare(committing_attachment, Action("note"))
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "celery"}
    outbox.enqueue(rows)
    assert (len(calls), sent) == (1, [])


def test_inline_action_runs_inside_and_the_others_after_the_commit(committing_attachment, calls):
    with transaction.atomic():
        outbox.enqueue(
            prepare(committing_attachment, noting("after"), noting("inside", execution="inline"))
        )
        assert notes(calls) == ["inside"]
    assert notes(calls) == ["inside", "after"]


def test_celery_action_goes_to_a_worker_and_the_others_do_not(committing_attachment, calls, sent):
    actions = noting("here"), noting("there", execution="celery")
    with transaction.atomic():
        outbox.enqueue(prepare(committing_attachment, *actions))
    assert notes(calls) == ["here"]
    assert len(sent) == 1
    tasks.run_transition(*sent[0])
    assert notes(calls) == ["here", "there"]


def test_action_behind_a_celery_action_is_run_by_the_worker(committing_attachment, calls, sent):
    """Order counts more than place."""
    actions = noting("first", execution="celery"), noting("second", execution="process")
    with transaction.atomic():
        outbox.enqueue(prepare(committing_attachment, *actions))
    assert calls == []
    tasks.run_transition(*sent[0])
    assert notes(calls) == ["first", "second"]


def test_nothing_goes_to_celery_that_does_not_ask_for_it(committing_attachment, calls, sent):
    outbox.enqueue(prepare(committing_attachment, Action("note")))
    assert sent == []


def test_inline_action_that_stops_holds_those_after_the_commit(committing_attachment, calls):
    with transaction.atomic():
        outbox.enqueue(
            prepare(committing_attachment, stopping(execution="inline"), noting("later"))
        )
    assert notes(calls) == ["stopping"]
    assert set(ActionExecution.objects.values_list("status", flat=True)) == {"failed", "pending"}


def test_replayed_celery_action_goes_to_a_worker(committing_attachment, sent):
    (row,) = make_due(committing_attachment, noting("again", execution="celery"))
    make_dead(row)
    outbox.replay(row)
    assert sent == [(str(row.transition), "default")]


def test_action_of_a_template_runs_where_and_how_its_row_says(db, settings):
    """D-26: what is set on the action is fixed in what it becomes due as."""
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False
    bob = UserFactory.create()
    workflow = make_workflow([[[by_user(bob)]]])
    WorkflowAction.objects.create(
        workflow=workflow,
        action_type="after_approve",
        function_path="note",
        execution="inline",
        failure_policy="stop",
    )
    ticket = TicketFactory.create()
    attach_workflow_to_object(ticket, workflow, bob)
    act_on_object(ticket, "approved", bob)
    row = ActionExecution.objects.get()
    assert (row.execution, row.failure_policy, row.status) == ("inline", "stop", "done")


# How often


def test_attempts_and_waits_follow_the_settings(attachment, calls, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_MAX_ATTEMPTS": 2, "ACTION_RETRY_DELAY": 10}
    (row,) = make_due(attachment, Action("fail"))
    before = timezone.now()
    assert runner.run_due()["failed"] == 1
    wait = fetch(row).run_after - before
    assert timedelta(seconds=10) <= wait <= timedelta(seconds=13)
    make_all_due()
    assert runner.run_due()["dead"] == 1


@pytest.mark.parametrize("attempts", [7, 100, 10_000])
def test_wait_never_grows_beyond_a_day_and_a_quarter(attempts):
    assert timedelta(days=1) <= runner.backoff(attempts) <= timedelta(days=1.25)


def test_each_attempt_is_in_the_log_of_the_action(attachment, calls):
    (row,) = make_due(attachment, Action("fail", {"message": "no paper"}))
    runner.run_due()
    ActionExecution.objects.update(function_path="note")
    make_all_due()
    runner.run_due()
    first, second = fetch(row).log
    assert (first["attempt"], first["outcome"]) == (1, "failed")
    assert first["error"].startswith("ValueError: no paper")
    assert first["started_at"] <= first["finished_at"] <= second["started_at"]
    assert (second["attempt"], second["outcome"], second["error"]) == (2, "done", "")


def test_attempt_of_a_killed_process_is_in_the_log(attachment, calls):
    (row,) = make_due(attachment, Action("note"))
    ActionExecution.objects.update(
        status=ExecutionStatus.RUNNING,
        attempts=1,
        started_at=timezone.now() - timedelta(hours=1),
    )
    runner.run_due()
    assert [(entry["attempt"], entry["outcome"]) for entry in fetch(row).log] == [
        (1, "killed"),
        (2, "done"),
    ]


def test_log_keeps_the_last_twenty_attempts(attachment, calls, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_MAX_ATTEMPTS": 25}
    (row,) = make_due(attachment, Action("fail"))
    for _ in range(25):
        runner.run_due()
        make_all_due()
    log = fetch(row).log
    assert [entry["attempt"] for entry in log] == list(range(6, 26))
    assert log[-1]["outcome"] == "dead"
