"""Running due actions: order, failures, what a crash leaves over, what an action sees."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from django_workflow_engine.actions import due, outcomes, runner
from django_workflow_engine.actions.claims import claim, mark, take
from django_workflow_engine.actions.context import build_context, load_attachment
from django_workflow_engine.choices import ActionType, ExecutionStatus
from django_workflow_engine.models import ActionExecution, WorkflowAction, WorkflowAttachment
from tests.django_workflow_engine.due_actions import (
    ACTIONS,
    Action,
    make_due,
    statuses,
)
from tests.factories import UserFactory, make_workflow, stages_of
from tests.testapp.models import Document

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def fetch(row):
    return ActionExecution.objects.get(pk=row.pk)


def leave_running(row, *, ago, attempts=1):
    """What a runner leaves that was killed after it had claimed the row."""
    ActionExecution.objects.filter(pk=row.pk).update(
        status=ExecutionStatus.RUNNING, attempts=attempts, started_at=timezone.now() - ago
    )


# Order


def test_actions_of_a_transition_run_in_order(attachment, calls):
    rows = make_due(attachment, *(Action("note", {"note": letter}) for letter in "abc"))
    assert runner.run_transition(rows[0].transition) == {
        "done": 3,
        "failed": 0,
        "dead": 0,
        "skipped": 0,
    }
    assert [call.parameters["note"] for call in calls] == ["a", "b", "c"]


def test_only_the_transition_asked_for_is_run(attachment, calls):
    first, second = make_due(attachment, Action("note")), make_due(attachment, Action("note"))
    runner.run_transition(second[0].transition)
    assert statuses(first + second) == ["pending", "done"]


def test_later_actions_go_on_after_a_failed_one(attachment, calls):
    rows = make_due(attachment, Action("fail"), Action("note"))
    assert runner.run_transition(rows[0].transition) == {
        "done": 1,
        "failed": 1,
        "dead": 0,
        "skipped": 0,
    }
    assert statuses(rows) == ["failed", "done"]


@pytest.mark.parametrize("status", [ExecutionStatus.PENDING, ExecutionStatus.RUNNING])
def test_action_waits_for_an_earlier_one_that_is_not_finished(attachment, calls, status):
    rows = make_due(attachment, Action("note"), Action("note"))
    later = timezone.now() + timedelta(hours=1)
    ActionExecution.objects.filter(pk=rows[0].pk).update(
        status=status, run_after=later, started_at=timezone.now()
    )
    assert runner.run_due() == {"done": 0, "failed": 0, "dead": 0, "skipped": 0}
    assert statuses(rows) == [status, "pending"]


def test_everything_that_is_due_is_run(attachment, calls, monkeypatch):
    monkeypatch.setattr(due, "BATCH_SIZE", 2)
    rows = [row for _ in range(3) for row in make_due(attachment, Action("note"), Action("note"))]
    assert runner.run_due() == {"done": 6, "failed": 0, "dead": 0, "skipped": 0}
    assert statuses(rows) == ["done"] * 6


def test_limit_is_kept(attachment, calls):
    rows = make_due(attachment, Action("note"), Action("fail"), Action("note"))
    assert runner.run_due(limit=2) == {"done": 1, "failed": 1, "dead": 0, "skipped": 0}
    assert statuses(rows) == ["done", "failed", "pending"]


def test_finished_actions_are_not_run_again(attachment, calls):
    rows = make_due(attachment, Action("note"), Action("note"))
    ActionExecution.objects.filter(pk=rows[0].pk).update(status=ExecutionStatus.DONE)
    ActionExecution.objects.filter(pk=rows[1].pk).update(status=ExecutionStatus.DEAD)
    assert runner.run_due() == {"done": 0, "failed": 0, "dead": 0, "skipped": 0}
    assert calls == []


# Failures


def test_exception_is_kept_with_its_traceback(attachment, calls):
    (row,) = make_due(attachment, Action("fail", {"message": "the printer is on fire"}))
    runner.run_due()
    stored = fetch(row)
    assert stored.error.startswith("ValueError: the printer is on fire\n")
    assert "workflow_actions.py" in stored.error
    assert stored.finished_at is None


def test_error_text_that_postgresql_does_not_store_is_mended(attachment, monkeypatch):
    def fail(context):
        raise ValueError("a\x00b")

    fail.__module__ = ACTIONS
    monkeypatch.setattr(f"{ACTIONS}.note", fail)
    (row,) = make_due(attachment, Action("note"))
    runner.run_due()
    assert fetch(row).error.startswith("ValueError: a\N{REPLACEMENT CHARACTER}b\n")


def test_false_is_a_failure_and_undoes_what_was_written(attachment, calls):
    (row,) = make_due(attachment, Action("fail", {"returns": False}))
    runner.run_due()
    assert (fetch(row).status, fetch(row).error) == ("failed", "The function returned False.")
    assert len(calls) == 1
    assert not Document.objects.exists()


def test_failure_is_logged(attachment, calls, caplog):  # D-91
    make_due(attachment, Action("fail"))
    runner.run_due()
    (record,) = [item for item in caplog.records if item.name.startswith("django_workflow_engine")]
    assert record.levelname == "WARNING"
    assert f"{ACTIONS}.fail" in record.getMessage()
    assert "attempt 1 of 5" in record.getMessage()


def test_failing_action_is_tried_five_times_with_growing_waits_and_is_dead_then(attachment, calls):
    (row,) = make_due(attachment, Action("fail"))
    waits = []
    with time_machine.travel(NOON, tick=False) as clock:
        ActionExecution.objects.update(run_after=NOON)
        while runner.run_due()["dead"] == 0:
            run_after = fetch(row).run_after
            waits.append((run_after - timezone.now()) / timedelta(minutes=1))
            clock.move_to(run_after - timedelta(seconds=1))
            assert sum(runner.run_due().values()) == 0
            clock.move_to(run_after)
    assert [1 <= waits[0] <= 1.25, 4 <= waits[1] <= 5, 16 <= waits[2] <= 20] == [True] * 3
    assert 64 <= waits[3] <= 80
    assert len(waits) == 4
    assert (fetch(row).status, fetch(row).attempts) == ("dead", 5)
    assert fetch(row).finished_at is not None
    assert len(calls) == 5


def test_action_that_succeeds_at_last_is_done(attachment, calls):
    (row,) = make_due(attachment, Action("fail"))
    runner.run_due()
    ActionExecution.objects.update(
        run_after=timezone.now(),
        function_path=f"{ACTIONS}.write_document",
        parameters={"title": "x"},
    )
    runner.run_due()
    assert (fetch(row).status, fetch(row).attempts, fetch(row).error) == ("done", 2, "")
    assert Document.objects.count() == 1


@pytest.mark.parametrize(
    "path", ["os.system", "subprocess.run", "builtins.eval", "tests.factories.people.make_role"]
)
def test_stored_path_that_is_not_allowed_is_dead_at_once(attachment, monkeypatch, path):
    """The row was written around the ORM's checks, by SQL."""
    workflow_action = make_stored_action(attachment, path)
    monkeypatch.setattr("os.system", lambda *_: pytest.fail("called"))
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("called"))
    (row,) = make_due(attachment, Action(workflow_action.function_path, id=workflow_action.pk))
    assert runner.run_due() == {"done": 0, "failed": 0, "dead": 1, "skipped": 0}
    assert "leads neither into an installed app" in fetch(row).error
    assert path in fetch(row).error


def make_stored_action(attachment, path):
    action = WorkflowAction.objects.create(
        workflow=make_workflow(), action_type=ActionType.AFTER_APPROVE, function_path="note"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_workflow_engine_workflowaction SET function_path = %s WHERE id = %s",
            [path, action.pk],
        )
    action.refresh_from_db()
    return action


# Exactly once, as far as the database reaches


def test_effect_and_mark_are_committed_together(attachment, monkeypatch):
    """The process dies, or the database goes away, between the effect and the mark."""
    (row,) = make_due(attachment, Action("write_document", {"title": "effect"}))

    def die(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(runner, "_finish", die)
        with pytest.raises(KeyboardInterrupt):
            runner.run_due()
    assert not Document.objects.exists()
    assert statuses([row]) == ["running"]
    ActionExecution.objects.update(started_at=timezone.now() - due.GRACE_PERIOD)
    assert runner.run_due()["done"] == 1
    assert Document.objects.count() == 1
    assert fetch(row).attempts == 2


def test_error_while_the_mark_is_written_undoes_the_effect(attachment, monkeypatch):
    (row,) = make_due(attachment, Action("write_document", {"title": "effect"}))

    def fail(*_args):
        raise RuntimeError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(outcomes, "done", fail)
        assert runner.run_due()["failed"] == 1
    assert not Document.objects.exists()
    ActionExecution.objects.update(run_after=timezone.now())
    runner.run_due()
    assert statuses([row]) == ["done"]
    assert Document.objects.count() == 1


def test_row_of_a_killed_runner_is_left_alone_for_a_while(attachment, calls):
    (row,) = make_due(attachment, Action("note"))
    leave_running(row, ago=due.GRACE_PERIOD - timedelta(seconds=5))
    assert runner.run_due() == {"done": 0, "failed": 0, "dead": 0, "skipped": 0}
    assert calls == []


def test_row_of_a_killed_runner_is_picked_up(attachment, calls):
    rows = make_due(attachment, Action("note"), Action("note"))
    leave_running(rows[0], ago=due.GRACE_PERIOD + timedelta(seconds=5))
    assert runner.run_due() == {"done": 2, "failed": 0, "dead": 0, "skipped": 0}
    assert fetch(rows[0]).attempts == 2


def test_row_that_kills_its_runner_each_time_is_dead_in_the_end(attachment, calls):
    (row,) = make_due(attachment, Action("note"))
    leave_running(row, ago=timedelta(hours=1), attempts=5)
    assert runner.run_due() == {"done": 0, "failed": 0, "dead": 1, "skipped": 0}
    assert "ended before the function returned" in fetch(row).error
    assert calls == []


def test_runner_that_was_only_slow_finds_its_row_taken(attachment, calls):
    """It claimed the row, stood still for longer than the grace period, and goes on."""
    (row,) = make_due(attachment, Action("note"))
    slow = claim(row.pk, "default")
    ActionExecution.objects.update(started_at=timezone.now() - timedelta(hours=1))
    assert runner.run_due()["done"] == 1
    assert mark(slow, "default", started_at=timezone.now()) is False
    assert len(calls) == 1
    assert statuses([row]) == ["done"]


def test_row_that_something_has_happened_to_is_not_taken_as_it_was_read(attachment, calls):
    """It failed for good meanwhile, and a person made it due again: its log must not be lost."""
    (read,) = make_due(attachment, Action("note"))
    log = [{"attempt": 5, "outcome": "dead"}]
    ActionExecution.objects.update(log=log, run_after=timezone.now())
    assert take(read, "default").log == log


def test_row_is_taken_once(attachment, calls):
    (row,) = make_due(attachment, Action("note"))
    read = fetch(row), fetch(row)
    assert [take(each, "default") is not None for each in read] == [True, False]
    assert fetch(row).attempts == 1


def test_effect_is_undone_when_the_row_was_taken_while_the_function_ran(attachment, monkeypatch):
    (row,) = make_due(attachment, Action("write_document", {"title": "effect"}))
    call = runner._call

    def call_and_lose(claimed, using):
        result = call(claimed, using)
        claimed.attempts += 1  # as if another claim had been counted in the database
        return result

    monkeypatch.setattr(runner, "_call", call_and_lose)
    assert runner.run_due() == {"done": 0, "failed": 0, "dead": 0, "skipped": 0}
    assert not Document.objects.exists()
    assert statuses([row]) == ["running"]


# Results


@pytest.mark.parametrize(
    ("result", "stored"),
    [
        (None, None),
        ({"email_sent": True}, {"email_sent": True}),
        (Decimal("1.50"), "1.50"),
        (float("nan"), "nan"),
        ("a\x00b", "'a\\x00b'"),
        ({1}, "{1}"),
    ],
)
def test_result_is_kept_as_json(attachment, calls, monkeypatch, result, stored):
    monkeypatch.setattr(f"{ACTIONS}.note", note_returning(result))
    (row,) = make_due(attachment, Action("note"))
    runner.run_due()
    assert (fetch(row).status, fetch(row).result) == ("done", stored)


def note_returning(result):
    def note(workflow_attachment, action_parameters, **context):
        return result

    note.__module__ = ACTIONS
    return note


# What an action sees


def test_context_holds_what_the_event_was_about(attachment, calls):
    first, second = stages_of(attachment.workflow)
    ann, bob = UserFactory.create(), UserFactory.create()
    make_due(
        attachment,
        Action("note", {"colour": "red"}),
        event=ActionType.AFTER_DELEGATE,
        stage_id=second.pk,
        pipeline_id=second.pipeline_id,
        previous_stage_id=first.pk,
        user_id=ann.pk,
        delegated_to_id=bob.pk,
        reason="on leave",
        form_data={"amount": 5},
        stage_complete=True,
    )
    runner.run_due()
    (call,) = calls
    assert call.parameters == {"colour": "red"}
    seen = call.context
    assert (seen["stage"], seen["previous_stage"], seen["pipeline"]) == (
        second,
        first,
        second.pipeline,
    )
    assert (seen["user"], seen["delegated_to"]) == (ann, bob)
    assert (seen["reason"], seen["form_data"]) == ("on leave", {"amount": 5})
    assert seen["event"] == seen["action_type"] == ActionType.AFTER_DELEGATE
    assert seen["stage_complete"] is True
    assert seen["workflow"] == attachment.workflow
    assert seen["attachment"] is call.attachment
    assert call.attachment == attachment


def test_context_reads_stages_and_pipelines_together_when_they_are_looked_at(
    attachment, statements
):
    first, second = stages_of(attachment.workflow)
    keys = {"stage_id": second.pk, "previous_stage_id": first.pk, "pipeline_id": first.pipeline_id}
    (row,) = make_due(attachment, Action("note"), **keys)
    with statements() as seen:
        seen_by_function = build_context(row, load_attachment(row, "default"), "default")
        assert seen.count == 1, str(seen)
        assert seen_by_function["stage"] == second
        assert seen_by_function["previous_stage"] == first
        assert seen_by_function["pipeline"] == seen_by_function["attachment"].current_pipeline
        assert seen.count == 2, str(seen)


def test_context_always_has_the_same_keys(attachment, calls):
    """K23: `delegated_to` is always there; None where it does not apply."""
    make_due(attachment, Action("note"))
    runner.run_due()
    seen = calls[0].context
    absent = ("user", "delegated_to", "stage", "previous_stage", "pipeline", "stage_complete")
    assert [seen[name] for name in absent] == [None] * len(absent)
    assert seen["reason"] == ""


def test_both_forms_of_functions_are_called(attachment, calls):
    """D-89: the first form reads `context["attachment"]` and `context["user"]`."""
    ann = UserFactory.create()
    (row,) = make_due(attachment, Action("note_context", {"recipients": []}), user_id=ann.pk)
    runner.run_due()
    (call,) = calls
    assert (call.attachment, call.context["user"]) == (attachment, ann)
    assert call.parameters == {"recipients": []}
    assert fetch(row).result == {"noted": True}


def test_attachment_stands_at_the_stage_of_the_event(attachment, calls):
    """L2: AFTER_APPROVE sees the stage just approved, though the object has moved on since."""
    first, second = stages_of(attachment.workflow)
    here = {"pipeline_id": first.pipeline_id}
    WorkflowAttachment.objects.update(current_stage=second)
    make_due(attachment, Action("note"), stage_id=first.pk, **here)
    make_due(
        attachment,
        Action("note"),
        event=ActionType.AFTER_MOVE_STAGE,
        stage_id=second.pk,
        previous_stage_id=first.pk,
        **here,
    )
    runner.run_due()
    assert [call.attachment.current_stage for call in calls] == [first, second]
    attachment.refresh_from_db()
    assert attachment.current_stage == second


def test_idempotency_key_stays_the_same_when_an_action_is_tried_again(attachment, calls):  # D-91
    rows = make_due(attachment, Action("fail"), Action("fail"))
    runner.run_due()
    ActionExecution.objects.update(run_after=timezone.now())
    runner.run_due()
    keys = [call.context["idempotency_key"] for call in calls]
    assert keys[:2] == keys[2:]
    assert keys[0] != keys[1]
    assert keys[0] == f"{rows[0].transition}:0"


def test_action_runs_in_the_language_of_the_event(attachment, calls):
    make_due(attachment, Action("note"))
    ActionExecution.objects.update(context={"language": "ar"})
    runner.run_due()
    assert calls[0].language == "ar"


@pytest.mark.parametrize("size", [1, 10])
def test_statements_grow_with_the_actions_only(attachment, calls, statements, size):
    first, _second = stages_of(attachment.workflow)
    make_due(attachment, *[Action("note")] * size, stage_id=first.pk, user_id=None)
    transition = ActionExecution.objects.values_list("transition", flat=True)[0]
    with statements() as seen:
        runner.run_transition(transition)
    # The list of rows; for each row: claim, lock, attachment, mark.
    claiming = 2 if connection.vendor == "mysql" else 1
    assert seen.count == 1 + (claiming + 3) * size, str(seen)


def test_unknown_transition_is_nothing_to_run(db):
    assert runner.run_transition(uuid.uuid4()) == {"done": 0, "failed": 0, "dead": 0, "skipped": 0}
