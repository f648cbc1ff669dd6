"""Due actions are written with their transition and run after it (DESIGN 5, "Actions")."""

import uuid

import pytest
from django.db import connection, transaction
from django.utils import translation

from django_workflow_engine.actions import outbox
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.models import ActionExecution
from tests.django_workflow_engine.due_actions import (
    ACTIONS,
    Action,
    make_due,
    prepare,
    statuses,
)
from tests.testapp.models import Document


@pytest.fixture
def inline(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "inline"}


# Writing


def test_row_fixes_all_that_the_action_must_see(attachment):
    parameters = {"recipients": ["creator"]}
    with translation.override("ar"):
        (row,) = prepare(attachment, Action("note", parameters), stage_id=7, reason="fine")
    parameters["recipients"] = ["nobody"]
    row.save()
    row.refresh_from_db()
    assert row.function_path == f"{ACTIONS}.note"
    assert row.parameters == {"recipients": ["creator"]}
    assert row.context == {"language": "ar", "stage_id": 7, "reason": "fine"}
    assert (row.action_type, row.status, row.attempts) == ("after_approve", "pending", 0)


def test_rows_keep_the_order_of_the_actions_and_count_on(attachment):
    rows = prepare(attachment, Action("note"), Action("fail"), position=3)
    assert [(row.function_path, row.position) for row in rows] == [
        (f"{ACTIONS}.note", 3),
        (f"{ACTIONS}.fail", 4),
    ]


@pytest.mark.parametrize("size", [1, 20])
def test_any_number_of_actions_is_written_in_one_statement(attachment, statements, size):
    rows = prepare(attachment, *[Action("note")] * size)
    with statements() as seen:
        outbox.enqueue(rows)
    assert seen.count == 1, str(seen)
    assert ActionExecution.objects.count() == size


def test_nothing_due_is_no_statement(db, statements):
    with statements() as seen:
        outbox.enqueue([])
    assert seen.count == 0


# In the process, after commit


def test_actions_run_after_the_commit_and_not_before(committing_attachment, calls):
    with transaction.atomic():
        outbox.enqueue(prepare(committing_attachment, Action("note")))
        assert calls == []
    assert len(calls) == 1
    assert ActionExecution.objects.get().status == ExecutionStatus.DONE


def test_nothing_runs_for_a_transition_that_is_rolled_back(committing_attachment, calls):
    with transaction.atomic():
        outbox.enqueue(prepare(committing_attachment, Action("note")))
        transaction.set_rollback(True)
    assert calls == []
    assert not ActionExecution.objects.exists()


def test_failing_action_does_not_reach_the_caller(committing_attachment, calls):
    with transaction.atomic():
        Document.objects.create(title="the caller's")
        outbox.enqueue(prepare(committing_attachment, Action("fail"), Action("note")))
    assert list(Document.objects.values_list("title", flat=True)) == ["the caller's"]
    assert statuses(list(ActionExecution.objects.all())) == ["failed", "done"]


def test_failing_runner_does_not_reach_the_caller(committing_attachment, monkeypatch, caplog):
    def fail(*_args):
        raise RuntimeError("no database")

    monkeypatch.setattr("django_workflow_engine.actions.runner.run_in_process", fail)
    outbox.enqueue(prepare(committing_attachment, Action("note")))
    assert ActionExecution.objects.get().status == ExecutionStatus.PENDING
    assert "no database" in caplog.text


def test_actions_of_a_transition_written_in_two_goes_run_in_order(committing_attachment, calls):
    transition = uuid.uuid4()
    with transaction.atomic():
        for position, note in enumerate("ab"):
            action = Action("note", {"note": note})
            outbox.enqueue(
                prepare(committing_attachment, action, transition=transition, position=position)
            )
    assert [call.parameters["note"] for call in calls] == ["a", "b"]


def test_actions_run_in_a_test_case_that_captures_commits(
    attachment, calls, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        outbox.enqueue(prepare(attachment, Action("note")))
    assert len(calls) == 1


# At once


def test_inline_actions_run_at_once_inside_the_transaction(attachment, calls, inline):
    with transaction.atomic():
        outbox.enqueue(prepare(attachment, Action("note")))
        assert len(calls) == 1
        assert ActionExecution.objects.get().status == ExecutionStatus.DONE


def test_effect_of_an_inline_action_is_rolled_back_with_the_transition(attachment, inline):
    with transaction.atomic():
        outbox.enqueue(prepare(attachment, Action("write_document", {"title": "effect"})))
        assert Document.objects.filter(title="effect").exists()
        transaction.set_rollback(True)
    assert not Document.objects.exists()
    assert not ActionExecution.objects.exists()


def test_failing_inline_action_undoes_its_own_effect_only(attachment, calls, inline):
    with transaction.atomic():
        Document.objects.create(title="the caller's")
        outbox.enqueue(
            prepare(
                attachment,
                Action("fail", {"title": "undone"}),
                Action("write_document", {"title": "kept"}),
            )
        )
    assert set(Document.objects.values_list("title", flat=True)) == {"the caller's", "kept"}
    assert statuses(list(ActionExecution.objects.in_order())) == ["failed", "done"]


def test_inline_action_with_a_database_error_leaves_the_transition_usable(attachment, inline):
    with transaction.atomic():
        outbox.enqueue(prepare(attachment, Action("break_statement")))
        Document.objects.create(title="after it")
    assert Document.objects.filter(title="after it").exists()
    assert ActionExecution.objects.get().status == ExecutionStatus.FAILED


# Running again


@pytest.mark.parametrize("status", [ExecutionStatus.FAILED, ExecutionStatus.DEAD])
def test_failed_action_can_be_run_again(committing_attachment, calls, status):
    (row,) = make_due(committing_attachment, Action("note"))
    ActionExecution.objects.update(status=status, attempts=5, error="no luck")
    assert outbox.replay(row) is True
    row.refresh_from_db()
    assert (row.status, row.attempts, row.error) == (ExecutionStatus.DONE, 1, "")
    assert len(calls) == 1


@pytest.mark.parametrize(
    "status", [ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.DONE]
)
def test_action_that_has_not_failed_is_not_run_again(committing_attachment, calls, status):
    (row,) = make_due(committing_attachment, Action("note"))
    ActionExecution.objects.update(status=status)
    assert outbox.replay(row) is False
    assert statuses([row]) == [status]
    assert calls == []


def test_connection_is_usable_after_actions_have_run(committing_attachment, calls):
    with transaction.atomic():
        outbox.enqueue(prepare(committing_attachment, Action("break_statement")))
    assert not connection.in_atomic_block
    assert Document.objects.count() == 0
