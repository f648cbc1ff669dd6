"""Many steps at once: each by itself, with a result for each."""

from typing import Any

import pytest

from approval_workflow.services import advance_flow
from tests.approval_workflow.api.calls import post
from tests.approval_workflow.flows import by, kinds, make_flow, row_of, statuses, the_current
from tests.factories import RoleFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db


def bulk(user: Any, steps: list[Any], action: str = "approve", **body: Any) -> Any:
    keys = [getattr(step, "pk", step) for step in steps]
    return post(user, "approval-bulk", ids=keys, action=action, **body)


def results(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def test_each_step_has_its_result_in_the_order_asked_for(ann: Any, bob: Any) -> None:
    mine, decided, foreign = make_flow(ann, bob), make_flow(ann, bob), make_flow(bob)
    done = the_current(decided)
    advance_flow(done, "approved", ann)
    steps = [the_current(foreign), done, row_of(mine, bob), the_current(mine), 2**62]
    found = results(bulk(ann, steps, comment="All fine"))
    assert [item["id"] for item in found] == [getattr(step, "pk", step) for step in steps]
    codes = [item["error"] and item["error"]["code"] for item in found]
    assert codes == ["not_found", "step_already_processed", "step_not_open", None, "not_found"]
    assert [item["succeeded"] for item in found] == [False, False, False, True, False]
    assert found[1]["error"]["status"] == "approved"
    assert found[3]["next"] == row_of(mine, bob).pk
    assert statuses(mine) == [(1, "approved"), (2, "current")]
    assert statuses(foreign) == [(1, "current")]


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("approve", "approved"),
        ("reject", "rejected"),
        ("escalate", "escalated"),
        ("claim", "claimed"),
    ],
)
def test_many_steps_are_acted_on_at_once(action: str, event: str) -> None:
    top = RoleFactory.create(name="top")
    UserFactory.create(role=top)
    role = make_role(1, parent=top)
    user = role.users.get()
    flows = [make_flow(by(role)) for _number in range(3)]
    found = results(bulk(user, [the_current(flow) for flow in flows], action))
    assert all(item["succeeded"] for item in found), found
    assert all(event in kinds(flow) for flow in flows)


def test_claimed_steps_are_released_at_once() -> None:
    role = make_role(1)
    user = role.users.get()
    steps = [the_current(make_flow(by(role))) for _number in range(2)]
    assert all(item["succeeded"] for item in results(bulk(user, steps, "claim")))
    assert all(item["succeeded"] for item in results(bulk(user, steps, "release")))


def test_a_repeated_request_changes_nothing(ann: Any) -> None:
    flows = [make_flow(ann, ann) for _number in range(2)]
    steps = [the_current(flow) for flow in flows]
    headers = {"Idempotency-Key": "x" * 150}
    first = results(bulk(ann, steps, headers=headers))
    again = results(bulk(ann, steps, headers=headers))
    assert first == again
    assert all(item["succeeded"] for item in again)
    assert [kinds(flow).count("approved") for flow in flows] == [1, 1]


@pytest.mark.parametrize("keys", [None, [], "1", {}, [0], [True], ["1"], [1.5], [2**63], [1, 1]])
def test_keys_are_a_list_of_whole_numbers_each_once(keys: Any, ann: Any) -> None:
    response = post(ann, "approval-bulk", ids=keys, action="approve")
    assert response.status_code == 400
    assert {path.partition("[")[0] for path in response.json()["errors"]} == {"ids"}


def test_there_is_a_limit(ann: Any) -> None:
    assert bulk(ann, list(range(1, 101))).status_code == 200
    assert bulk(ann, list(range(1, 102))).status_code == 400


@pytest.mark.parametrize("action", [None, "", "delegate", "resubmit", "APPROVE", 5, ["approve"]])
def test_what_needs_more_than_a_comment_is_not_for_many(action: Any, ann: Any) -> None:
    response = post(ann, "approval-bulk", ids=[1], action=action)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"action"}
