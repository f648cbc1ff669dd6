"""`Idempotency-Key` and `If-Match`: acting once, and on what one has seen."""

from typing import Any

import pytest

from approval_workflow.services import advance_flow
from tests.approval_workflow.api.calls import act, get
from tests.approval_workflow.flows import kinds, make_flow, row_of, statuses, the_current

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": "3f1c"}


def test_a_repeated_request_changes_nothing_and_gets_the_first_outcome(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    step = the_current(flow)
    headers = {**KEY, "If-Match": get(ann, "approval-detail", step.pk)["ETag"]}
    first = act(ann, "approve", step, headers=headers, comment="Fine")
    again = act(ann, "approve", step, headers=headers, comment="Fine")
    assert first.status_code == again.status_code == 200
    assert again.json()["next"]["id"] == first.json()["next"]["id"] == row_of(flow, bob).pk
    assert again["ETag"] == first["ETag"]
    assert kinds(flow).count("approved") == 1


def test_without_a_key_a_repeated_request_is_a_conflict(ann: Any) -> None:
    step = the_current(make_flow(ann))
    assert act(ann, "approve", step).status_code == 200
    again = act(ann, "approve", step)
    assert again.status_code == 409
    assert again.json()["code"] == "step_already_processed"
    assert again.json()["status"] == "approved"


def test_a_key_is_for_one_thing(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, ann)
    step = the_current(flow)
    act(ann, "approve", step, headers=KEY)
    for verb, target in (("reject", step), ("approve", the_current(flow))):
        response = act(ann, verb, target, headers=KEY)
        assert response.status_code == 422
        assert response.json()["code"] == "idempotency_key_reused"
    assert statuses(flow) == [(1, "approved"), (2, "current")]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 151, "é"])
def test_what_is_no_key_is_refused(key: str, ann: Any) -> None:
    flow = make_flow(ann)
    response = act(ann, "approve", the_current(flow), headers={"Idempotency-Key": key})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"Idempotency-Key"}
    assert statuses(flow) == [(1, "current")]


def test_a_key_may_be_long(ann: Any) -> None:
    headers = {"Idempotency-Key": "x" * 150}
    assert act(ann, "approve", the_current(make_flow(ann)), headers=headers).status_code == 200


@pytest.mark.parametrize("verb", ["approve", "reject", "claim"])
def test_who_has_not_seen_the_latest_is_told(verb: str, ann: Any, bob: Any) -> None:
    flow = make_flow({"assigned_to": ann, "parallel_group": "a"}, {"assigned_to": bob, "step": 1})
    step = row_of(flow, ann)
    seen = get(ann, "approval-detail", step.pk)["ETag"]
    advance_flow(row_of(flow, bob), "approved", bob)
    response = act(ann, verb, step, headers={"If-Match": seen})
    assert response.status_code == 412
    assert response.json()["code"] == "version_conflict"
    assert response.json()["status"] == "in_progress"
    step.refresh_from_db()
    assert step.status == "current"


@pytest.mark.parametrize("tags", ["{}", "{bare}", "*", "W/{}", '"98", {}', '{}, "98"', '"98",W/{}'])
def test_an_etag_of_the_present_version_lets_through(tags: str, ann: Any) -> None:
    flow = make_flow(ann)
    headers = {"If-Match": tags.format(f'"{flow.version}"', bare=flow.version)}
    assert act(ann, "approve", the_current(flow), headers=headers).status_code == 200


@pytest.mark.parametrize("tags", ['"0"', '"9999999999999999999"', '"98", "99"'])
def test_an_etag_of_another_version_does_not(tags: str, ann: Any) -> None:
    flow = make_flow(ann)
    response = act(ann, "approve", the_current(flow), headers={"If-Match": tags})
    assert response.status_code == 412
    assert statuses(flow) == [(1, "current")]


@pytest.mark.parametrize("tags", ["", "v2", '"abc"', '"2', "**", '"' + "9" * 5000 + '"', '"٢"'])
def test_what_is_no_etag_is_refused(tags: str, ann: Any) -> None:
    response = act(ann, "approve", the_current(make_flow(ann)), headers={"If-Match": tags})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"If-Match"}


def test_a_reassignment_heeds_the_version(ann: Any, bob: Any, manager: Any) -> None:
    flow = make_flow(ann)
    body = {"assign_to": bob.pk, "reason": "On leave"}
    stale = act(manager, "reassign", the_current(flow), headers={"If-Match": '"99"'}, **body)
    assert stale.status_code == 412
    headers = {"If-Match": f'"{flow.version}"'}
    fresh = act(manager, "reassign", the_current(flow), headers=headers, **body)
    assert fresh.status_code == 200
