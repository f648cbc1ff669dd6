"""Steps over HTTP: what waits, lists, and pages (S0-56)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow, cancel_flow, start_flow, substitute
from tests.approval_workflow.api.calls import client_of, get, ids
from tests.approval_workflow.flows import by, make_document, make_flow, row_of, the_current
from tests.factories import DynamicFormFactory, RoleFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db


# What waits


def test_the_inbox_has_what_the_person_may_decide_now(ann: Any, bob: Any) -> None:
    mine, later = make_flow(ann), make_flow(bob, ann)
    response = get(ann, "approval-waiting")
    assert ids(response) == [the_current(mine).pk]
    assert response.json()["count"] == 1
    advance_flow(the_current(later), "approved", bob)
    assert get(ann, "approval-waiting").json()["count"] == 2


def test_the_inbox_has_what_waits_through_roles_and_substitutions(ann: Any, bob: Any) -> None:
    role = make_role(1)
    flow = make_flow(by(role))
    holder = role.users.get()
    assert ids(get(holder, "approval-waiting")) == [the_current(flow).pk]
    substitute(holder, bob, ends_at=timezone.now() + timedelta(days=1))
    assert ids(get(bob, "approval-waiting")) == [the_current(flow).pk]
    assert ids(get(ann, "approval-waiting")) == []


def test_the_inbox_begins_with_what_is_due_first(ann: Any) -> None:
    allowed = [timedelta(days=3), None, timedelta(days=1)]
    flows = [make_flow({"assigned_to": ann, "sla_duration": time}) for time in allowed]
    late, never, soon = (the_current(flow).pk for flow in flows)
    assert ids(get(ann, "approval-waiting")) == [soon, late, never]
    assert ids(get(ann, "approval-waiting", ordering="-due_at")) == [late, soon, never]
    tomorrow = (timezone.now() + timedelta(days=2)).isoformat()
    assert ids(get(ann, "approval-waiting", due_before=tomorrow)) == [soon]
    assert ids(get(ann, "approval-waiting", due_after=tomorrow)) == [late]


def test_a_row_shows_what_may_be_seen_and_nothing_else(ann: Any, bob: Any) -> None:
    flow = start_flow(make_document("Lease"), [{"assigned_to": ann}], started_by=bob)
    step = the_current(flow)
    (row,) = get(ann, "approval-waiting").json()["results"]
    assert row == {
        "id": step.pk,
        "step_number": 1,
        "round": 1,
        "parallel_group": "",
        "status": "current",
        "approval_type": "approve",
        "assigned_to": {"id": ann.pk, "username": "ann", "name": ann.get_full_name()},
        "assigned_role": None,
        "role_selection_strategy": "",
        "action_user": None,
        "comment": "",
        "delegated_from": None,
        "escalation_level": 0,
        "started_at": row["started_at"],
        "due_at": None,
        "claimed_at": None,
        "checked_in_at": None,
        "acted_at": None,
        "flow": {
            "id": flow.pk,
            "status": "in_progress",
            "version": flow.version,
            "target": {"type": "testapp.document", "id": flow.object_id, "label": "Lease"},
            "started_by": {"id": bob.pk, "username": "bob", "name": bob.get_full_name()},
        },
    }


def test_a_step_to_come_shows_its_role(ann: Any) -> None:
    board = RoleFactory.create(name="Board")
    make_flow(ann, by(board))
    row = get(ann, "approval-list", status="pending").json()["results"][0]
    assert row["assigned_to"] is None
    expected = {"type": "purchasing.role", "id": str(board.pk), "label": "Board"}
    assert row["assigned_role"] == expected
    board.delete()
    row = get(ann, "approval-list", status="pending").json()["results"][0]
    assert row["assigned_role"]["label"] is None


@pytest.mark.parametrize("name", ["approval-waiting", "approval-list"])
@pytest.mark.parametrize("rows", [2, 20])
def test_lists_keep_to_the_budget(name: str, rows: int, statements: Any) -> None:
    role = make_role(1)
    user = role.users.get()
    for _number in range(rows):
        start_flow(make_document(), [by(role)], started_by=UserFactory.create())
    client = client_of(user)
    ids(get(client, name))
    with statements() as seen:
        assert len(ids(get(client, name))) == rows
    # Session and user, two for permissions, two for roles; count, page, objects and roles.
    assert seen.count <= 10, str(seen)


# Lists


def test_a_list_has_the_steps_of_all_flows_that_are_seen(ann: Any, bob: Any, cid: Any) -> None:
    flow = make_flow(ann, bob)
    make_flow(cid)
    assert ids(get(ann, "approval-list")) == [row_of(flow, bob).pk, row_of(flow, ann).pk]


def test_lists_are_narrowed_down(ann: Any, bob: Any) -> None:
    flow, other = make_flow(ann, bob), make_flow(ann)
    mine, theirs, last = row_of(flow, ann).pk, row_of(flow, bob).pk, row_of(other, ann).pk
    assert ids(get(ann, "approval-list", status="pending")) == [theirs]
    assert ids(get(ann, "approval-list", flow=flow.pk)) == [theirs, mine]
    assert ids(get(ann, "approval-list", assigned_to=ann.pk)) == [last, mine]
    assert ids(get(ann, "approval-list", object_id=other.object_id)) == [last]
    assert ids(get(ann, "approval-list", object_type="testapp.document", flow=other.pk)) == [last]
    assert ids(get(ann, "approval-list", object_type="purchasing.user")) == []
    assert ids(get(ann, "approval-list", ordering="id")) == [mine, theirs, last]


# Pages


def test_a_page_says_whether_the_person_may_act_and_why(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    step = row_of(flow, ann)
    permission = get(ann, "approval-detail", step.pk).json()["permission"]
    assert permission == {
        "allowed": True,
        "code": "assigned",
        "reason": "This step is assigned to you.",
        "on_behalf_of": None,
    }
    permission = get(bob, "approval-detail", step.pk).json()["permission"]
    assert (permission["allowed"], permission["code"]) == (False, "not_assigned")


def test_a_page_names_for_whom_a_stand_in_may_act(ann: Any, bob: Any) -> None:
    step = the_current(make_flow(ann))
    substitute(ann, bob, ends_at=timezone.now() + timedelta(days=1))
    permission = get(bob, "approval-detail", step.pk).json()["permission"]
    assert permission["code"] == "substitute"
    assert permission["on_behalf_of"]["username"] == "ann"


def test_a_page_shows_the_rules_of_the_step(ann: Any) -> None:
    role = make_role(3)
    step = by(
        role,
        "percentage",
        percentage_required=Decimal("66.67"),
        exclude_starter=True,
        rejection_policy="out_of_reach",
        max_escalation_level=2,
    )
    row = ApprovalInstance.objects.filter(flow=make_flow(step)).latest("pk")
    shown = get(role.users.first(), "approval-detail", row.pk).json()
    assert shown["percentage_required"] == "66.67"
    assert shown["rejection_policy"] == "out_of_reach"
    assert (shown["exclude_starter"], shown["exclude_deciders"]) == (True, False)
    assert shown["max_escalation_level"] == 2
    assert "extra_fields" not in shown


def test_a_page_shows_the_form_and_what_was_filled_in(ann: Any) -> None:
    form = DynamicFormFactory.create(name="Budget")
    flow = make_flow({"assigned_to": ann, "approval_type": "submit", "form": form})
    step = the_current(flow)
    shown = get(ann, "approval-detail", step.pk).json()
    assert shown["form"] == {
        "type": "purchasing.dynamicform",
        "id": str(form.pk),
        "label": "Budget",
        "schema": form.form_schema,
    }
    assert shown["form_data"] is None
    advance_flow(step, "approved", ann, form_data={"note": "ok"})
    assert get(ann, "approval-detail", step.pk).json()["form_data"] == {"note": "ok"}
    form.delete()
    gone = get(ann, "approval-detail", step.pk).json()["form"]
    assert (gone["label"], gone["schema"]) == (None, None)


def test_a_form_without_a_schema_is_shown_without_one(ann: Any, settings: Any) -> None:
    flow = make_flow({"assigned_to": ann, "form": DynamicFormFactory.create()})
    settings.APPROVAL_FORM_SCHEMA_FIELD = "gone"
    assert get(ann, "approval-detail", the_current(flow).pk).json()["form"]["schema"] is None


def test_a_page_names_the_version_of_the_flow_as_its_etag(ann: Any) -> None:
    flow = make_flow(ann)
    assert get(ann, "approval-detail", the_current(flow).pk)["ETag"] == f'"{flow.version}"'


def test_foreign_steps_are_not_there(ann: Any, cid: Any) -> None:
    step = the_current(make_flow(ann))
    foreign = get(cid, "approval-detail", step.pk)
    missing = get(cid, "approval-detail", step.pk + 1000)
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()


def test_a_step_of_a_flow_that_has_ended_can_still_be_read(ann: Any) -> None:
    flow = make_flow(ann)
    step = the_current(flow)
    cancel_flow(flow)
    shown = get(ann, "approval-detail", step.pk).json()
    assert shown["status"] == "cancelled"
    assert shown["flow"]["status"] == "cancelled"
    assert shown["permission"]["code"] == "already_processed"
