"""Intervening over HTTP: hold, resume, withdraw, restart, jump, skip, one more, status, undo."""

from datetime import timedelta
from typing import Any

import pytest

from approval_workflow.models import ApprovalEvent
from django_workflow_engine.models import ActionExecution, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_workflow_attachment,
    hold_workflow,
)
from django_workflow_engine.testing import make_action
from tests.django_workflow_engine.api.calls import client_of, get, grant, post, url
from tests.factories import PurchaseRequestFactory, UserFactory, by_user
from tests.factories.workflows import asking, make_staged

pytestmark = pytest.mark.django_db

SCORE = "tests.testapp.workflow_actions.score"
STATUSES = [{"name": "Open", "default": True}, {"name": "Signed", "completes": True}]


@pytest.fixture
def manager(db: None) -> Any:
    """Somebody who sees all runs and may control them."""
    user = UserFactory.create(username="manager")
    return grant(user, "control_workflow", "view_workflowattachment")


@pytest.fixture
def run(ann: Any, bob: Any) -> WorkflowAttachment:
    """A run at the first of three stages, which waits for Ann."""
    stages = {"first": ann, "second": bob, "third": ann}
    workflow = make_staged({code: asking(by_user(user)) for code, user in stages.items()})
    obj = PurchaseRequestFactory.create(requester=ann)
    return attach_workflow_to_object(obj, workflow, ann)


def send(user: Any, run: WorkflowAttachment, act: str, headers: Any = None, **body: Any) -> Any:
    return post(user, f"attachment-{act.replace('_', '-')}", run.pk, headers=headers, **body)


def codes(response: Any) -> list[str]:
    return [visit["code"] for visit in response.json()["open_visits"]]


BODIES: dict[str, dict[str, Any]] = {
    "hold": {"reason": "audit"},
    "resume": {"reason": "done"},
    "restart": {"reason": "wrong amount"},
    "jump": {"stage_id": "third", "reason": "agreed"},
    "skip": {"reason": "not needed"},
    "status": {"status": "Signed"},
}


# V-12
def test_a_run_is_held_with_its_reason_and_resumed(run: Any, manager: Any, ann: Any) -> None:
    held = send(manager, run, "hold", reason="audit")
    assert held.status_code == 200
    assert (held.json()["status"], held.json()["hold_reason"]) == ("on_hold", "audit")
    assert held.json()["held_at"]
    refused = send(ann, run, "act", action="approved")
    assert (refused.status_code, refused.json()["code"]) == (409, "flow_on_hold")
    resumed = send(manager, run, "resume", reason="done")
    assert (resumed.json()["status"], resumed.json()["hold_reason"]) == ("in_progress", "")


@pytest.mark.parametrize("act", BODIES)
def test_who_sees_a_run_does_not_control_it(act: str, run: Any, ann: Any) -> None:
    refused = send(ann, run, act, **BODIES[act])
    assert refused.status_code == 403
    assert WorkflowAttachment.objects.get().status == "in_progress"
    assert not ApprovalEvent.objects.filter(kind="noted").exists()


@pytest.mark.parametrize("act", [*BODIES, "withdraw", "undo", "add_approver"])
def test_who_does_not_see_a_run_finds_none(act: str, run: Any) -> None:
    stranger = grant(UserFactory.create(), "control_workflow")
    assert send(stranger, run, act, **BODIES.get(act, {})).status_code == 404


@pytest.mark.parametrize("act", ["hold", "resume", "restart", "jump", "skip", "add_approver"])
def test_intervening_needs_a_reason(act: str, run: Any, manager: Any) -> None:
    body = {**BODIES.get(act, {}), "reason": "  "}
    answer = send(manager, run, act, **body)
    assert answer.status_code == 400
    assert "reason" in answer.json()["errors"]


def test_a_request_is_withdrawn_by_who_made_it_alone(run: Any, manager: Any, ann: Any) -> None:
    assert send(manager, run, "withdraw").json()["reason"] == "not_requester"
    assert send(ann, run, "withdraw").json()["status"] == "cancelled"


def test_a_restart_shows_the_new_run(run: Any, manager: Any) -> None:
    answer = send(manager, run, "restart", reason="wrong amount")
    assert answer.status_code == 201
    assert answer.json()["id"] != run.pk
    assert answer.json()["metadata"] == {"restarted_from": run.pk}
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_an_object_is_sent_to_a_stage_by_code_and_by_key(run: Any, manager: Any) -> None:
    assert codes(send(manager, run, "jump", stage_id="third", reason="agreed")) == ["third"]
    first = run.current_stage_id
    assert codes(send(manager, run, "jump", stage_id=first, reason="again")) == ["first"]


@pytest.mark.parametrize("stage", ["nowhere", 999_999])
def test_an_object_is_not_sent_to_a_stage_that_is_none(stage: Any, run: Any, manager: Any) -> None:
    answer = send(manager, run, "jump", stage_id=stage, reason="x")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_stage")


def test_a_stage_is_skipped(run: Any, manager: Any) -> None:
    assert codes(send(manager, run, "skip", reason="not needed")) == ["second"]


def test_one_more_person_is_asked(run: Any, manager: Any, bob: Any, ann: Any) -> None:
    answer = send(manager, run, "add_approver", user_id=bob.pk, reason="knows the matter")
    assert answer.status_code == 200
    act_on_object(run.target, "approve", ann)
    assert codes(get(bob, "attachment-detail", run.pk)) == ["first"]
    assert get(bob, "attachment-detail", run.pk).json()["can_act"] is True


def test_who_may_decide_asks_one_more_person(run: Any, ann: Any, bob: Any) -> None:
    assert send(ann, run, "add_approver", user_id=bob.pk, reason="help").status_code == 200


# T-8
def test_a_status_is_set_by_who_controls_workflows(manager: Any, ann: Any) -> None:
    sign = {"kind": "status", "statuses": STATUSES}
    workflow = make_staged({"sign": sign, "check": asking(by_user(ann))})
    run = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow, ann)
    shown = get(ann, "attachment-detail", run.pk).json()["open_visits"]
    assert [visit["status"] for visit in shown] == ["Open"]
    unknown = send(manager, run, "status", status="Sgned")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_status")
    context = {"claim": {"amount": 1500}}
    assert codes(send(manager, run, "status", status="Signed", context_data=context)) == ["check"]


# V-12
def test_the_last_decision_is_undone_and_what_was_executed_listed(
    run: Any, ann: Any, bob: Any, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.APPROVAL_UNDO_PERIOD = timedelta(minutes=10)
    template = run.workflow.cloned_from
    make_action(template, "after_approve", SCORE)
    restarted = attach_workflow_to_object(PurchaseRequestFactory.create(), template, ann)
    with django_capture_on_commit_callbacks(execute=True):
        act_on_object(restarted.target, "approve", ann)
    assert send(bob, restarted, "undo").json()["reason"] == "not_your_decision"
    answer = send(ann, restarted, "undo", reason="wrong button")
    assert answer.status_code == 200
    assert [visit["code"] for visit in answer.json()["attachment"]["open_visits"]] == ["first"]
    names = [row["function_path"] for row in answer.json()["executed"]]
    assert SCORE in names
    assert answer["ETag"]


def test_what_has_changed_since_it_was_seen_is_left_alone(run: Any, manager: Any, ann: Any) -> None:
    seen = get(manager, "attachment-detail", run.pk)["ETag"]
    act_on_object(run.target, "approve", ann)
    answer = send(manager, run, "hold", headers={"If-Match": seen}, reason="audit")
    assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")


def test_an_old_run_of_an_object_does_not_stand_for_its_new_one(run: Any, manager: Any) -> None:
    new = send(manager, run, "restart", reason="wrong").json()["id"]
    answer = send(manager, run, "hold", reason="audit")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_attached")
    assert WorkflowAttachment.objects.get(pk=new).status == "in_progress"


# V-13
def test_a_failed_job_shows_its_error_to_who_may_see_it(manager: Any, ann: Any) -> None:
    job = {"kind": "job", "job": {"function": SCORE}}
    workflow = make_staged({"work": job, "check": asking(by_user(ann))})
    run = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow, ann)
    ActionExecution.objects.filter(action_type="job").update(status="dead", error="Traceback: x")
    (visit,) = get(ann, "attachment-detail", run.pk).json()["open_visits"]
    (task,) = visit["tasks"]
    assert (task["kind"], task["status"], task["error"]) == ("job", "dead", "")
    assert task["can_replay"] is False
    operator = grant(manager, "change_actionexecution")
    (visit,) = get(operator, "attachment-detail", run.pk).json()["open_visits"]
    (task,) = visit["tasks"]
    assert (task["error"], task["can_replay"]) == ("Traceback: x", True)
    assert post(operator, "execution-replay", task["id"]).json()["status"] == "pending"


def test_a_hold_by_the_engine_shows_why(ann: Any) -> None:
    workflow = make_staged(
        {
            "a": asking(by_user(ann), routes=[{"to": "end", "when": "metadata.urgent"}]),
            "b": asking(by_user(ann)),
        }
    )
    run = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow, ann)
    act_on_object(run.target, "approve", ann)
    shown = get(ann, "attachment-detail", run.pk).json()
    assert shown["status"] == "on_hold"
    assert "urgent" in shown["hold_reason"]


@pytest.mark.parametrize("form", ["mermaid", "svg", "bpmn"])
def test_runs_and_templates_are_drawn(form: str, run: Any, ann: Any, builder: Any) -> None:
    of_run = get(ann, "attachment-diagram", run.pk, format=form)
    assert of_run.status_code == 200
    assert b"First" in of_run.content
    assert "default-src 'none'" in of_run["Content-Security-Policy"]
    template = run.workflow.cloned_from_id
    assert b"Second" in get(builder, "workflow-diagram", template, format=form).content
    assert get(builder, "workflow-diagram", template, format="png").status_code == 400


def test_a_way_is_simulated_and_nothing_written(run: Any, ann: Any, builder: Any) -> None:
    user = grant(builder, "view_purchaserequest")
    obj = PurchaseRequestFactory.create()
    body = {"object_type": "purchasing.purchaserequest", "object_id": str(obj.pk)}
    template = run.workflow.cloned_from_id
    answer = post(user, "workflow-simulate", template, **body)
    assert answer.status_code == 200
    assert [step["code"] for step in answer.json()["steps"]] == ["first", "second", "third"]
    people = answer.json()["steps"][0]["approvers"][0]["people"]
    assert [person["username"] for person in people] == ["ann"]
    assert answer.json()["is_completed"] is True
    assert get_workflow_attachment(obj) is None


def test_what_is_held_is_found_in_the_list(run: Any, manager: Any, ann: Any) -> None:
    hold_workflow(run.target, reason="audit")
    (row,) = get(ann, "attachment-list", status="on_hold").json()["results"]
    assert row["hold_reason"] == "audit"
    assert client_of(ann).get(url("execution-list")).json()["count"] == 0


@pytest.mark.parametrize("branches", [2, 6])
def test_showing_a_run_takes_the_same_statements_for_any_number_of_branches(
    branches: int, manager: Any, ann: Any, statements: Any
) -> None:
    job = {"kind": "job", "job": {"function": SCORE}}
    stages = {f"work_{number}": {**job, "parallel_group": "all"} for number in range(branches)}
    workflow = make_staged({**stages, "check": asking(by_user(ann))})
    run = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow, ann)
    client = client_of(manager)
    address = url("attachment-detail", run.pk)
    client.get(address)
    with statements() as seen:
        shown = client.get(address).json()
    assert len(shown["open_visits"]) == branches
    assert seen.count <= 12, seen.sql


def test_routes_conditions_and_branches_are_written_with_the_template(builder: Any) -> None:
    stages = [
        {"name_en": "Check", "code": "check", "stage_info": {"skip_when": "object.amount < 5"}},
        {"name_en": "Decide", "code": "decide", "stage_info": {"routes": [{"to": "end"}]}},
    ]
    action = {"action_type": "after_approve", "function_path": SCORE, "when": "metadata.urgent"}
    pipelines = [
        {"name_en": name, "pipeline_info": {"parallel_group": "both"}, "stages": rows}
        for name, rows in (("One", stages), ("Two", []))
    ]
    answer = post(builder, "workflow-list", name_en="Orders", pipelines=pipelines, actions=[action])
    assert answer.status_code == 201
    first = answer.json()["pipelines"][0]
    assert first["pipeline_info"] == {"parallel_group": "both"}
    assert [stage["code"] for stage in first["stages"]] == ["check", "decide"]
    assert first["stages"][0]["stage_info"] == {"skip_when": "object.amount < 5"}
    assert answer.json()["actions"][0]["when"] == "metadata.urgent"


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        ({"stage_info": {"skip_when": "object.amount <"}}, "stage_info.skip_when"),
        ({"stage_info": {"routes": [{"when": "true"}]}}, "stage_info.routes[0].to"),
        ({"stage_info": {"kind": "job"}}, "stage_info.job"),
        ({"code": "two words"}, "code"),
        (
            {
                "actions": [
                    {"action_type": "after_approve", "function_path": SCORE, "when": "1 + 1"}
                ]
            },
            "actions[0].when",
        ),
        (
            {
                "actions": [
                    {
                        "action_type": "after_approve",
                        "function_path": SCORE,
                        "compensation": "os.system",
                    }
                ]
            },
            "actions[0].compensation",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_path(stage: Any, path: str, builder: Any) -> None:
    pipelines = [{"name_en": "One", "stages": [{"name_en": "Check", **stage}]}]
    answer = post(builder, "workflow-list", name_en="Orders", pipelines=pipelines)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [f"pipelines[0].stages[0].{path}"]
