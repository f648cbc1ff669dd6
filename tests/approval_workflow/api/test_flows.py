"""Flows over HTTP: lists, pages, history, explanations, export, and acts on a flow (S0-56)."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from approval_workflow.models import ApprovalFlow
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    hold_flow,
    start_flow,
    substitute,
)
from purchasing.models import User
from tests.approval_workflow.api.calls import client_of, get, ids, post
from tests.approval_workflow.flows import (
    by,
    kinds,
    last_event,
    make_document,
    make_flow,
    the_current,
)
from tests.factories import PurchaseRequestFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db


def grant(user: Any, codename: str) -> None:
    user.user_permissions.add(Permission.objects.get(codename=codename))


# Lists


def test_a_list_has_the_flows_of_the_person_latest_first(ann: Any, bob: Any) -> None:
    first, _foreign, last = make_flow(ann), make_flow(bob), make_flow(ann)
    assert ids(get(ann, "flow-list")) == [last.pk, first.pk]


def test_a_row_shows_what_may_be_seen_and_nothing_else(ann: Any, bob: Any) -> None:
    flow = start_flow(make_document("Lease"), [{"assigned_to": ann}], started_by=bob)
    (row,) = get(ann, "flow-list").json()["results"]
    assert row == {
        "id": flow.pk,
        "target": {"type": "testapp.document", "id": flow.object_id, "label": "Lease"},
        "status": "in_progress",
        "version": flow.version,
        "started_by": {"id": bob.pk, "username": "bob", "name": bob.get_full_name()},
        "created_at": row["created_at"],
        "completed_at": None,
        "held_at": None,
    }


def test_an_object_that_is_gone_has_no_label(ann: Any) -> None:
    flow = make_flow(ann)
    flow.target.delete()
    (row,) = get(ann, "flow-list").json()["results"]
    assert row["target"]["label"] is None


def test_a_model_that_is_gone_is_named(ann: Any, retired_type: Any) -> None:
    flow = make_flow(ann)
    ApprovalFlow.objects.filter(pk=flow.pk).update(content_type=retired_type)
    (row,) = get(ann, "flow-list").json()["results"]
    assert row["target"] == {"type": "retired.thing", "id": flow.object_id, "label": None}


def test_lists_are_narrowed_down_by_status(ann: Any) -> None:
    running, ended = make_flow(ann), make_flow(ann)
    cancel_flow(ended)
    assert ids(get(ann, "flow-list", status="in_progress")) == [running.pk]
    assert ids(get(ann, "flow-list", status="cancelled")) == [ended.pk]


def test_lists_are_narrowed_down_by_object(ann: Any) -> None:
    document, request = make_flow(ann), make_flow(ann, obj=PurchaseRequestFactory.create())
    assert ids(get(ann, "flow-list", object_type="testapp.Document")) == [document.pk]
    assert ids(get(ann, "flow-list", object_type="purchasing.purchaserequest")) == [request.pk]
    both = {"object_type": "testapp.document", "object_id": document.object_id}
    assert ids(get(ann, "flow-list", **both)) == [document.pk]
    assert ids(get(ann, "flow-list", object_type="testapp.nothing")) == []


def test_lists_are_narrowed_down_by_who_started(ann: Any, bob: Any) -> None:
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=bob)
    make_flow(ann)
    assert ids(get(ann, "flow-list", started_by=bob.pk)) == [flow.pk]
    assert ids(get(ann, "flow-list", started_by=2**62)) == []


def test_lists_are_narrowed_down_by_time(ann: Any) -> None:
    old, new = make_flow(ann), make_flow(ann)
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    ApprovalFlow.objects.filter(pk=old.pk).update(created_at=moment)
    after = (moment + timedelta(seconds=1)).isoformat()
    assert ids(get(ann, "flow-list", created_after=after)) == [new.pk]
    assert ids(get(ann, "flow-list", created_before=after)) == [old.pk]
    assert ids(get(ann, "flow-list", created_before=moment.isoformat())) == []
    assert ids(get(ann, "flow-list", created_after="0001-01-01T00:00:00+14:00")) == [new.pk, old.pk]
    assert ids(get(ann, "flow-list", created_after="9999-12-31T23:59:59-14:00")) == []


def test_lists_are_put_in_order_with_what_has_no_value_last(ann: Any) -> None:
    running, first, second = make_flow(ann), make_flow(ann), make_flow(ann)
    cancel_flow(first)
    cancel_flow(second)
    upward = [first.pk, second.pk, running.pk]
    assert ids(get(ann, "flow-list", ordering="completed_at")) == upward
    downward = [second.pk, first.pk, running.pk]
    assert ids(get(ann, "flow-list", ordering="-completed_at")) == downward


def test_pages_are_bounded(ann: Any) -> None:
    flows = [make_flow(ann).pk for _number in range(3)]
    page = get(ann, "flow-list", page_size=2)
    assert ids(page) == [flows[2], flows[1]]
    assert page.json()["count"] == 3
    assert page.json()["next"].endswith("?page=2&page_size=2")
    assert ids(get(ann, "flow-list", page_size=2, page=2)) == [flows[0]]
    assert get(ann, "flow-list", page=2).status_code == 404
    assert get(ann, "flow-list", page_size=201).status_code == 400


@pytest.mark.parametrize("flows", [2, 20])
def test_a_list_keeps_to_the_budget(flows: int, ann: Any, statements: Any) -> None:
    for _number in range(flows):
        start_flow(make_document(), [{"assigned_to": ann}], started_by=UserFactory.create())
    client = client_of(ann)
    ids(get(client, "flow-list"))  # content types are remembered
    with statements() as seen:
        assert len(ids(get(client, "flow-list"))) == flows
    # Session and user, two for permissions, two for roles; count, page and objects.
    assert seen.count <= 9, str(seen)


# Pages


def test_a_page_has_the_steps_and_how_far_the_flow_has_come(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    advance_flow(the_current(flow), "approved", ann, comment="Fine")
    shown = get(bob, "flow-detail", flow.pk).json()
    assert [(step["step_number"], step["status"]) for step in shown["steps"]] == [
        (1, "approved"),
        (2, "current"),
    ]
    assert shown["steps"][0]["action_user"]["username"] == "ann"
    assert shown["steps"][0]["comment"] == "Fine"
    assert shown["progress"] == {
        "total_steps": 2,
        "completed_steps": 1,
        "pending_steps": 0,
        "progress_percentage": 50,
    }


def test_a_page_names_the_version_as_its_etag(ann: Any) -> None:
    flow = make_flow(ann)
    assert get(ann, "flow-detail", flow.pk)["ETag"] == f'"{flow.version}"'


@pytest.mark.parametrize("holders", [2, 20])
def test_a_page_keeps_to_the_budget(holders: int, statements: Any) -> None:
    role = make_role(holders)
    flow = make_flow(by(role, "consensus"))
    client = client_of(role.users.first())
    get(client, "flow-detail", flow.pk)
    with statements() as seen:
        assert len(get(client, "flow-detail", flow.pk).json()["steps"]) == holders
    # Session and user, two for permissions, two for roles; flow, object, steps and their roles.
    assert seen.count <= 10, str(seen)


@pytest.mark.parametrize("name", ["detail", "timeline", "explain", "export"])
def test_foreign_flows_are_not_there(name: str, ann: Any, cid: Any) -> None:
    flow = make_flow(ann)
    assert get(ann, f"flow-{name}", flow.pk).status_code == 200
    foreign = get(cid, f"flow-{name}", flow.pk)
    missing = get(cid, f"flow-{name}", flow.pk + 1000)
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()
    assert foreign.json()["code"] == "not_found"


def test_managers_see_every_flow(ann: Any, manager: Any) -> None:
    flow = make_flow(ann)
    assert ids(get(manager, "flow-list")) == [flow.pk]
    assert get(manager, "flow-detail", flow.pk).status_code == 200


# History


def test_the_timeline_tells_what_happened_in_order(ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    substitute(ann, bob, ends_at=timezone.now() + timedelta(days=1))
    advance_flow(the_current(flow), "approved", bob, comment="For Ann")
    events = get(ann, "flow-timeline", flow.pk).json()["results"]
    kinds = [event["kind"] for event in events]
    assert kinds == ["flow_started", "step_opened", "approved", "flow_completed"]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    approved = events[2]
    assert approved["actor"]["username"] == "bob"
    assert approved["on_behalf_of"]["username"] == "ann"
    assert (approved["comment"], approved["step_number"]) == ("For Ann", 1)
    assert (approved["from_status"], approved["to_status"]) == ("current", "approved")
    assert approved["label"] == "Approved"


def test_who_acted_is_known_by_key_when_the_account_is_gone(ann: Any, bob: Any) -> None:
    flow = make_flow(bob)
    cancel_flow(flow, ann)
    key = ann.pk
    User.objects.filter(pk=key).delete()
    last = get(bob, "flow-timeline", flow.pk).json()["results"][-1]
    assert last["actor"] == {"id": key, "username": None, "name": None}


def test_the_timeline_comes_in_pages_and_takes_no_filters(ann: Any) -> None:
    flow = make_flow(ann)
    page = get(ann, "flow-timeline", flow.pk, page_size=1, status="completed").json()
    assert page["count"] == 2
    assert [event["sequence"] for event in page["results"]] == [1]


@pytest.mark.parametrize("steps", [2, 20])
def test_the_timeline_keeps_to_the_budget(steps: int, ann: Any, statements: Any) -> None:
    flow = make_flow(*[ann] * steps)
    for _number in range(steps):
        advance_flow(the_current(flow), "approved", ann)
    client = client_of(ann)
    with statements() as seen:
        page = get(client, "flow-timeline", flow.pk, page_size=200).json()
    assert page["count"] == 2 * steps + 2
    # Session and user, two for permissions, two for roles; flow, count and page.
    assert seen.count <= 9, str(seen)


def test_the_history_can_be_had_as_json(ann: Any) -> None:
    flow = make_flow(ann)
    response = get(ann, "flow-export", flow.pk)
    assert response["Content-Type"] == "application/json"
    name = f"approval-flow-{flow.pk}.json"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert [row["event"] for row in response.json()] == ["flow_started", "step_opened"]
    assert response.json()[-1]["digest"] == last_event(flow).digest


def test_the_history_can_be_had_as_csv(ann: Any) -> None:
    flow = make_flow(ann)
    response = get(ann, "flow-export", flow.pk, form="csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [row["event"] for row in rows] == ["flow_started", "step_opened"]


@pytest.mark.parametrize("form", ["xml", "", "JSON"])
def test_the_history_can_be_had_as_nothing_else(form: str, ann: Any) -> None:
    response = get(ann, "flow-export", make_flow(ann).pk, form=form)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"form"}


# Explanations


def test_who_may_act_is_explained(ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    substitute(ann, bob, ends_at=timezone.now() + timedelta(days=1))
    found = get(ann, "flow-explain", flow.pk).json()
    row = the_current(flow)
    assert [(item["person"]["username"], item["code"], item["allowed"]) for item in found] == [
        ("ann", "assigned", True),
        ("bob", "substitute", True),
    ]
    assert found[1]["on_behalf_of"]["username"] == "ann"
    assert found[1]["reason"] == "You stand in for the person asked."
    assert (found[0]["approval"], found[0]["step_number"]) == (row.pk, 1)


def test_nobody_may_act_on_a_flow_that_has_ended(ann: Any) -> None:
    flow = make_flow(ann)
    cancel_flow(flow)
    assert get(ann, "flow-explain", flow.pk).json() == []


# Calling a flow off


def test_who_started_a_flow_calls_it_off(ann: Any, bob: Any) -> None:
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=bob)
    response = post(bob, "flow-cancel", flow.pk, reason="Not needed")
    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"
    assert response.json()["steps"][0]["status"] == "cancelled"
    event = last_event(flow, "flow_cancelled")
    assert (event.actor, event.comment) == (bob, "Not needed")
    assert response["ETag"] == f'"{flow.version + 1}"'


def test_who_may_change_flows_calls_them_off(ann: Any, manager: Any) -> None:
    flow = make_flow(ann)
    assert post(manager, "flow-cancel", flow.pk, reason="Audit").status_code == 200


def test_who_is_asked_does_not_call_a_flow_off(ann: Any) -> None:
    flow = make_flow(ann)
    response = post(ann, "flow-cancel", flow.pk, reason="No")
    assert response.status_code == 403
    assert response.json()["code"] == "permission_denied"
    assert response.json()["reason"] == "permission_required"
    flow.refresh_from_db()
    assert flow.is_open


def test_a_foreign_flow_is_not_there_to_be_called_off(ann: Any, cid: Any) -> None:
    grant(cid, "change_approvalflow")
    assert post(cid, "flow-cancel", make_flow(ann).pk, reason="No").status_code == 404


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " \n"}, {"reason": None}])
def test_calling_off_needs_a_reason(body: dict[str, Any], ann: Any, manager: Any) -> None:
    response = post(manager, "flow-cancel", make_flow(ann).pk, **body)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"reason"}


def test_a_flow_that_has_ended_is_not_called_off(ann: Any, manager: Any) -> None:
    flow = make_flow(ann)
    advance_flow(the_current(flow), "approved", ann)
    response = post(manager, "flow-cancel", flow.pk, reason="Late")
    assert response.status_code == 409
    assert response.json()["code"] == "flow_ended"
    assert response.json()["status"] == "completed"


def test_a_flow_that_has_changed_is_not_called_off(ann: Any, manager: Any) -> None:
    flow = make_flow(ann, ann)
    seen = get(manager, "flow-detail", flow.pk)["ETag"]
    advance_flow(the_current(flow), "approved", ann)
    stale = post(manager, "flow-cancel", flow.pk, headers={"If-Match": seen}, reason="No")
    assert stale.status_code == 412
    assert stale.json()["code"] == "version_conflict"
    fresh = {"If-Match": get(manager, "flow-detail", flow.pk)["ETag"]}
    assert post(manager, "flow-cancel", flow.pk, headers=fresh, reason="Yes").status_code == 200


# Holding a flow


def test_who_may_change_flows_holds_and_resumes_them(ann: Any, manager: Any) -> None:
    flow = make_flow(ann)
    held = post(manager, "flow-hold", flow.pk, reason="Audit")
    assert (held.status_code, held.json()["status"]) == (200, "on_hold")
    assert held.json()["held_at"] is not None
    assert held.json()["steps"][0]["status"] == "on_hold"
    event = last_event(flow, "flow_held")
    assert (event.actor, event.comment) == (manager, "Audit")
    fresh = {"If-Match": held["ETag"]}
    resumed = post(manager, "flow-resume", flow.pk, headers=fresh, reason="Done")
    assert (resumed.status_code, resumed.json()["status"]) == (200, "in_progress")
    assert resumed.json()["held_at"] is None
    assert last_event(flow, "flow_resumed").comment == "Done"


@pytest.mark.parametrize("verb", ["flow-hold", "flow-resume"])
def test_who_takes_part_does_not(verb: str, ann: Any, bob: Any) -> None:
    """Not even who started it: they would let go on what a manager holds."""
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=bob)
    for person in (ann, bob):
        response = post(person, verb, flow.pk, reason="x")
        assert (response.status_code, response.json()["reason"]) == (403, "permission_required")
    assert kinds(flow) == ["flow_started", "step_opened"]


@pytest.mark.parametrize("verb", ["flow-hold", "flow-resume", "flow-undo"])
def test_a_foreign_flow_is_not_there(verb: str, ann: Any, cid: Any) -> None:
    grant(cid, "change_approvalflow")
    assert post(cid, verb, make_flow(ann).pk, reason="x").status_code == 404


@pytest.mark.parametrize("verb", ["flow-hold", "flow-resume"])
@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "x", "until": "Monday"}])
def test_holding_and_resuming_need_a_reason(
    verb: str, body: dict[str, Any], ann: Any, manager: Any
) -> None:
    response = post(manager, verb, make_flow(ann).pk, **body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_input")


def test_a_flow_on_hold_is_not_held_and_not_acted_on(ann: Any, manager: Any) -> None:
    flow = make_flow(ann)
    step = the_current(flow)
    hold_flow(flow)
    held = post(manager, "flow-hold", flow.pk, reason="x")
    acted = post(ann, "approval-approve", step.pk)
    for response in (held, acted):
        assert response.status_code == 409
        assert (response.json()["code"], response.json()["status"]) == ("flow_on_hold", "on_hold")


def test_a_running_flow_is_not_resumed(ann: Any, manager: Any) -> None:
    response = post(manager, "flow-resume", make_flow(ann).pk, reason="x")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert response.json()["status"] == "in_progress"


@pytest.mark.parametrize("verb", ["flow-hold", "flow-undo"])
def test_a_flow_that_has_changed_is_left_alone(verb: str, ann: Any, manager: Any) -> None:
    flow = make_flow(ann, ann)
    seen = get(manager, "flow-detail", flow.pk)["ETag"]
    advance_flow(the_current(flow), "approved", ann)
    stale = post(manager, verb, flow.pk, headers={"If-Match": seen}, reason="x")
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")


def test_flows_on_hold_are_found_and_explained(ann: Any, manager: Any) -> None:
    make_flow(ann)
    held = hold_flow(make_flow(ann))
    assert ids(get(manager, "flow-list", status="on_hold")) == [held.pk]
    (found,) = get(ann, "flow-explain", held.pk).json()
    assert (found["code"], found["allowed"]) == ("on_hold", False)


# Undoing a decision


def test_who_decided_last_takes_it_back(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    response = post(ann, "flow-undo", flow.pk, reason="Wrong one")
    assert response.status_code == 200
    assert [step["status"] for step in response.json()["steps"]] == ["current", "pending"]
    assert response["ETag"] == get(ann, "flow-detail", flow.pk)["ETag"]
    assert last_event(flow, "decision_undone").comment == "Wrong one"


def test_a_flow_that_ended_is_open_again(ann: Any) -> None:
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    response = post(ann, "flow-undo", flow.pk)
    assert (response.json()["status"], response.json()["completed_at"]) == ("in_progress", None)


def test_nobody_else_does(ann: Any, bob: Any, manager: Any) -> None:
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    for person in (bob, manager):
        response = post(person, "flow-undo", flow.pk)
        assert (response.status_code, response.json()["reason"]) == (403, "not_your_decision")


def test_what_cannot_be_undone_any_more_is_a_conflict(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    advance_flow(flow.target, "delegated", bob, delegate_to=ann)
    response = post(ann, "flow-undo", flow.pk)
    assert (response.status_code, response.json()["code"]) == (409, "cannot_undo")
    assert response.json()["detail"] == "Something has happened after the decision: Delegated."
