"""Actions that became due, over HTTP."""

from typing import Any

import pytest

from approval_workflow.services import advance_flow
from django_workflow_engine.models import ActionExecution, WorkflowAttachment
from tests.django_workflow_engine.api.calls import attached, client_of, get, grant, ids, post
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LIST, DETAIL, REPLAY = "execution-list", "execution-detail", "execution-replay"


@pytest.fixture
def watcher(db: None) -> Any:
    return grant(UserFactory.create(), "view_actionexecution")


@pytest.fixture
def operator(db: None) -> Any:
    return grant(UserFactory.create(), "change_actionexecution")


@pytest.fixture
def attachment(ann: Any) -> WorkflowAttachment:
    """A run with one action that is due."""
    made = attached(ann)
    advance_flow(made.target, "approved", ann)
    return made


@pytest.fixture
def execution(attachment: WorkflowAttachment) -> ActionExecution:
    return attachment.executions.get()


def test_who_has_no_permission_sees_none(ann: Any, execution: ActionExecution) -> None:
    assert ids(get(ann, LIST)) == []
    assert get(ann, DETAIL, execution.pk).status_code == 404
    assert post(ann, REPLAY, execution.pk).status_code == 404


def test_a_row_tells_what_became_of_the_action(watcher: Any, execution: ActionExecution) -> None:
    (row,) = get(watcher, LIST).json()["results"]
    assert row["attachment"] == execution.attachment_id
    assert (row["action_type"], row["status"], row["attempts"]) == ("after_approve", "pending", 0)
    detail = get(watcher, DETAIL, execution.pk).json()
    assert detail["context"] == execution.context
    assert {**detail, **row} == detail


def test_lists_are_narrowed_down(watcher: Any, execution: ActionExecution) -> None:
    for parameter, value in {
        "status": "pending",
        "action_type": "after_approve",
        "attachment": execution.attachment_id,
        "ordering": "-run_after",
    }.items():
        assert ids(get(watcher, LIST, **{parameter: value})) == [execution.pk], parameter
    for parameter, value in {"status": "dead", "attachment": 999999}.items():
        assert ids(get(watcher, LIST, **{parameter: value})) == [], parameter
    assert get(watcher, LIST, action_type="x").status_code == 400


def test_what_has_failed_is_made_due_again(operator: Any, execution: ActionExecution) -> None:
    refused = post(operator, REPLAY, execution.pk)
    assert (refused.status_code, refused.json()["status"]) == (409, "pending")
    ActionExecution.objects.filter(pk=execution.pk).update(status="dead", attempts=5)
    again = post(operator, REPLAY, execution.pk)
    assert (again.status_code, again.json()["status"]) == (200, "pending")
    assert again.json()["attempts"] == 0


def test_who_may_only_look_does_not_run_anything(watcher: Any, execution: ActionExecution) -> None:
    ActionExecution.objects.filter(pk=execution.pk).update(status="dead")
    assert post(watcher, REPLAY, execution.pk).status_code == 403
    execution.refresh_from_db()
    assert execution.status == "dead"


@pytest.mark.parametrize("number", [2, 20])
def test_a_list_keeps_to_the_budget(number: int, watcher: Any, ann: Any, statements: Any) -> None:
    for _number in range(number):
        advance_flow(attached(ann).target, "approved", ann)
    client = client_of(watcher)
    with statements() as seen:
        assert get(client, LIST).json()["count"] >= number
    assert seen.count <= 6, seen
