"""Every verb over HTTP: what it does, and how its errors are answered (S0-56)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow, claim, start_flow, substitute
from tests.approval_workflow.api.calls import act, get
from tests.approval_workflow.flows import (
    by,
    kinds,
    last_event,
    make_document,
    make_flow,
    row_of,
    statuses,
    the_current,
)
from tests.factories import DynamicFormFactory, RoleFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(ann: Any) -> Any:
    """Somebody above ann."""
    top = RoleFactory.create(name="top")
    ann.role = RoleFactory.create(name="below", parent=top)
    ann.save()
    return UserFactory.create(username="boss", role=top)


# Approve


def test_an_approval_opens_the_next_step(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    response = act(ann, "approve", the_current(flow), comment="Fine")
    assert response.status_code == 200
    shown = response.json()
    assert shown["approval"]["status"] == "approved"
    assert shown["approval"]["comment"] == "Fine"
    assert shown["approval"]["action_user"]["username"] == "ann"
    assert shown["next"]["assigned_to"]["username"] == "bob"
    assert response["ETag"] == f'"{flow.version + 1}"'
    assert statuses(flow) == [(1, "approved"), (2, "current")]


def test_the_last_approval_ends_the_flow(ann: Any) -> None:
    shown = act(ann, "approve", the_current(make_flow(ann))).json()
    assert shown["next"] is None
    assert shown["approval"]["flow"]["status"] == "completed"


def test_a_vote_leaves_the_step_open(ann: Any) -> None:
    role = make_role(2)
    flow = make_flow(by(role, "consensus"))
    first, second = role.users.order_by("pk")
    shown = act(first, "approve", row_of(flow, first)).json()
    assert shown["next"]["id"] == row_of(flow, second).pk


def test_form_data_goes_with_an_approval(ann: Any) -> None:
    step = {"assigned_to": ann, "approval_type": "submit", "form": DynamicFormFactory.create()}
    row = the_current(make_flow(step))
    response = act(ann, "approve", row, form_data={"note": "ok"})
    assert response.json()["approval"]["form_data"] == {"note": "ok"}


def test_form_data_that_does_not_fit_is_told_by_path(ann: Any) -> None:
    step = {"assigned_to": ann, "approval_type": "submit", "form": DynamicFormFactory.create()}
    flow = make_flow(step)
    wrong = act(ann, "approve", the_current(flow), form_data={"note": 5})
    assert wrong.status_code == 422
    assert wrong.json()["code"] == "invalid_form_data"
    assert wrong.json()["errors"] == {"form_data.note": ["5 is not of type 'string'"]}
    missing = act(ann, "approve", the_current(flow))
    assert set(missing.json()["errors"]) == {"form_data"}
    assert statuses(flow) == [(1, "current")]


def test_a_form_that_cannot_be_used_is_a_matter_of_the_site(ann: Any, caplog: Any) -> None:
    form = DynamicFormFactory.create(form_schema={"type": "nonsense"})
    flow = make_flow({"assigned_to": ann, "form": form})
    response = act(ann, "approve", the_current(flow), form_data={})
    assert response.status_code == 409
    assert response.json()["code"] == "misconfigured"
    assert "nonsense" not in response.content.decode()
    assert "nonsense" in caplog.text
    assert statuses(flow) == [(1, "current")]


def test_a_check_in_comes_before_the_decision(ann: Any) -> None:
    flow = make_flow({"assigned_to": ann, "approval_type": "check_in_verify"})
    step = the_current(flow)
    first = act(ann, "approve", step).json()
    assert first["approval"]["checked_in_at"] is not None
    assert first["next"]["id"] == step.pk
    assert act(ann, "approve", step).json()["approval"]["status"] == "approved"


def test_a_stand_in_approves_for_the_person(ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    substitute(ann, bob, ends_at=timezone.now() + timedelta(days=1))
    assert act(bob, "approve", the_current(flow)).status_code == 200
    assert last_event(flow, "approved").on_behalf_of == ann


def test_a_next_step_that_cannot_open_is_a_conflict(ann: Any) -> None:
    flow = make_flow(ann, by(make_role(0)))
    response = act(ann, "approve", the_current(flow))
    assert response.status_code == 409
    assert response.json()["code"] == "nobody_eligible"
    assert statuses(flow) == [(1, "current"), (2, "pending")]


# Reject


def test_a_rejection_ends_the_flow(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    shown = act(ann, "reject", the_current(flow), comment="Too dear").json()
    assert shown["approval"]["status"] == "rejected"
    assert shown["approval"]["flow"]["status"] == "rejected"
    assert shown["next"] is None
    assert last_event(flow, "rejected").comment == "Too dear"


# Resubmission


def test_a_resubmission_begins_a_new_round(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    role = make_role(1)
    steps = [
        {"assigned_to": bob.pk, "sla_duration": 3600},
        {"assigned_role": role.pk, "role_selection_strategy": "anyone", "parallel_group": "b"},
    ]
    shown = act(ann, "resubmit", the_current(flow), steps=steps, comment="Wrong sum").json()
    assert shown["approval"]["status"] == "resubmission"
    assert shown["next"]["assigned_to"]["username"] == "bob"
    assert shown["next"]["round"] == 2
    rows = list(ApprovalInstance.objects.filter(flow=flow, round=2).in_order())
    assert rows[0].sla_duration == timedelta(hours=1)
    assert rows[1].assigned_role == role


def test_every_key_of_a_step_arrives(ann: Any, bob: Any) -> None:
    flow, form, role = make_flow(ann), DynamicFormFactory.create(), make_role(2)
    step = {
        "step": 7,
        "assigned_role": role.pk,
        "role_selection_strategy": "percentage",
        "percentage_required": 66.67,
        "approval_type": "submit",
        "form": form.pk,
        "rejection_policy": "out_of_reach",
        "allow_higher_level": False,
        "exclude_starter": True,
        "exclude_deciders": True,
        "parallel_group": "finance",
        "max_escalation_level": 3,
        "sla_duration": 60,
        "timeout_action": "delegate",
        "timeout_delegate_to": bob.pk,
        "extra_fields": {"colour": "red"},
    }
    response = act(ann, "resubmit", the_current(flow), steps=[step])
    assert response.status_code == 200, response.content
    row = ApprovalInstance.objects.filter(flow=flow, round=2).first()
    assert row is not None
    stored = {
        **{name: getattr(row, name) for name in step if name not in {"step", "sla_duration"}},
        "step": row.step_number,
        "sla_duration": row.sla_duration.total_seconds(),
    }
    objects = {"assigned_role": role, "form": form, "timeout_delegate_to": bob}
    assert {**stored, "percentage_required": float(row.percentage_required)} == {**step, **objects}


def test_people_above_somebody_can_be_asked(ann: Any, boss: Any) -> None:
    flow = make_flow(ann)
    step = {
        "role_selection_strategy": "hierarchy_up",
        "hierarchy_base_user": ann.pk,
        "hierarchy_levels": 1,
    }
    shown = act(ann, "resubmit", the_current(flow), steps=[step]).json()
    assert shown["next"]["assigned_to"]["username"] == "boss"


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ({"assigned_to": 10**9}, "steps[1].assigned_to"),
        ({"assigned_role": 10**9}, "steps[1].assigned_role"),
        ({"assigned_to": 1, "form": 10**9}, "steps[1].form"),
        ({"hierarchy_base_user": 10**9}, "steps[1].hierarchy_base_user"),
        ({"assigned_to": "1"}, "steps[1].assigned_to"),
        ({"assigned_to": True}, "steps[1].assigned_to"),
        ({"assigned_to": 1.5}, "steps[1].assigned_to"),
        ({"assigned_to": 10**30}, "steps[1].assigned_to"),
        ({"asigned_to": 1}, "steps[1].asigned_to"),
        ({"step": 0}, "steps[1].step"),
        ({"step": "1"}, "steps[1].step"),
        ({"allow_higher_level": "yes"}, "steps[1].allow_higher_level"),
        ({"allow_higher_level": 1}, "steps[1].allow_higher_level"),
        ({"percentage_required": 0}, "steps[1].percentage_required"),
        ({"percentage_required": "50"}, "steps[1].percentage_required"),
        ({"sla_duration": "P1D"}, "steps[1].sla_duration"),
        ({"sla_duration": 10**12}, "steps[1].sla_duration"),
        ({"approval_type": "guess"}, "steps[1].approval_type"),
        ({"approval_type": 5}, "steps[1].approval_type"),
        ({"approval_type": "\ud800"}, "steps[1].approval_type"),
        ({"\ud800": 1}, "steps[1].?"),
        ({"extra_fields": []}, "steps[1].extra_fields"),
        ({"extra_fields": {"a": "\x00"}}, "steps[1].extra_fields"),
        ({"parallel_group": "\x00"}, "steps[1].parallel_group"),
        ({"role_selection_strategy": "dynamic_attribute"}, "steps[1].role_selection_strategy"),
        ("first", "steps[1]"),
        (None, "steps[1]"),
    ],
)
def test_steps_that_cannot_be_read_are_told_by_path(step: Any, path: str, ann: Any) -> None:
    flow = make_flow(ann)
    response = act(ann, "resubmit", the_current(flow), steps=[{"assigned_to": ann.pk}, step])
    assert response.status_code == 400, response.content
    assert response.json()["code"] == "invalid_input"
    assert path in response.json()["errors"]
    assert statuses(flow) == [(1, "current")]


@pytest.mark.parametrize("steps", [None, [], {}, "all", 5, [{}] * 101])
def test_steps_are_a_list_of_some(steps: Any, ann: Any) -> None:
    response = act(ann, "resubmit", the_current(make_flow(ann)), steps=steps)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"steps"}


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ({}, "steps[0].assigned_to"),
        ({"role_selection_strategy": "guess"}, "steps[0].role_selection_strategy"),
        ({"assigned_to": None, "approval_type": "submit"}, "steps[0].form"),
        ({"role_selection_strategy": "dynamic_function"}, "steps[0].dynamic_source"),
    ],
)
def test_steps_that_make_no_sense_are_told_by_path(
    step: dict[str, Any], path: str, ann: Any
) -> None:
    step = {name: ann.pk if value is None else value for name, value in step.items()}
    response = act(ann, "resubmit", the_current(make_flow(ann)), steps=[step])
    assert response.status_code == 422
    assert response.json()["code"] == "invalid_steps"
    assert path in response.json()["errors"]


def test_a_site_without_roles_and_forms_says_so(ann: Any, settings: Any) -> None:
    settings.APPROVAL_ROLE_MODEL = settings.APPROVAL_DYNAMIC_FORM_MODEL = None
    step = {"assigned_role": "1", "form": "1"}
    response = act(ann, "resubmit", the_current(make_flow(ann)), steps=[step])
    assert set(response.json()["errors"]) == {"steps[0].assigned_role", "steps[0].form"}


def test_the_statements_for_steps_do_not_grow_with_the_people(ann: Any, statements: Any) -> None:
    counts = []
    for number in (2, 20):
        steps = [{"assigned_to": UserFactory.create().pk} for _step in range(number)]
        row = the_current(make_flow(ann))
        with statements() as seen:
            assert act(ann, "resubmit", row, steps=steps).status_code == 200
        counts.append(seen.count)
    assert counts[0] == counts[1]


# Delegation and escalation


def test_a_delegate_acts_instead(ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    step = the_current(flow)
    shown = act(ann, "delegate", step, delegate_to=bob.pk, comment="On leave").json()
    assert shown["approval"]["status"] == "delegated"
    assert shown["next"]["assigned_to"]["username"] == "bob"
    assert shown["next"]["delegated_from"] == step.pk
    assert act(bob, "approve", the_current(flow)).json()["next"] is None


@pytest.mark.parametrize("delegate", [10**9, "1", None, True, [], 2**64, -1])
def test_a_delegate_is_somebody(delegate: Any, ann: Any) -> None:
    response = act(ann, "delegate", the_current(make_flow(ann)), delegate_to=delegate)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"delegate_to"}


def test_a_step_is_not_delegated_to_oneself_or_to_somebody_inactive(ann: Any) -> None:
    flow = make_flow(ann)
    for user in (ann, UserFactory.create(is_active=False)):
        response = act(ann, "delegate", the_current(flow), delegate_to=user.pk)
        assert response.status_code == 422
        assert response.json()["code"] == "invalid_delegate"
    assert statuses(flow) == [(1, "current")]


def test_an_escalation_goes_to_whoever_is_above(ann: Any, boss: Any) -> None:
    shown = act(ann, "escalate", the_current(make_flow(ann)), comment="Too big for me").json()
    assert shown["approval"]["status"] == "escalated"
    assert shown["next"]["assigned_to"]["username"] == "boss"
    assert shown["next"]["escalation_level"] == 1


def test_an_escalation_goes_to_whoever_is_named(ann: Any, bob: Any) -> None:
    shown = act(ann, "escalate", the_current(make_flow(ann)), escalate_to=bob.pk).json()
    assert shown["next"]["assigned_to"]["username"] == "bob"


def test_an_escalation_needs_somebody_above(ann: Any) -> None:
    response = act(ann, "escalate", the_current(make_flow(ann)))
    assert response.status_code == 422
    assert response.json()["code"] == "invalid_delegate"


# Claim and release


def test_a_claimed_step_is_the_persons_own_until_released(ann: Any) -> None:
    role = make_role(2)
    flow = make_flow(by(role))
    first, second = role.users.order_by("pk")
    mine, theirs = row_of(flow, first), row_of(flow, second)
    assert act(first, "claim", mine).json()["approval"]["claimed_at"] is not None
    refused = act(second, "approve", theirs)
    assert refused.status_code == 403
    assert refused.json()["reason"] == "claimed"
    assert act(first, "release", mine).json()["approval"]["claimed_at"] is None
    assert act(second, "approve", theirs).status_code == 200
    assert kinds(flow)[2:5] == ["claimed", "released", "approved"]


def test_what_cannot_be_claimed_or_released_is_a_conflict(ann: Any) -> None:
    step = the_current(make_flow(ann))
    for verb in ("claim", "release"):
        response = act(ann, verb, step)
        assert response.status_code == 409
        assert response.json()["code"] == "conflict"


def test_a_step_is_claimed_once(ann: Any) -> None:
    role = make_role(1)
    step = the_current(make_flow(by(role)))
    user = role.users.get()
    claim(step, user)
    assert act(user, "claim", step).status_code == 409


# Reassignment and reminders


def test_a_manager_gives_a_step_to_somebody_else(ann: Any, bob: Any, manager: Any) -> None:
    flow = make_flow(ann)
    response = act(manager, "reassign", the_current(flow), assign_to=bob.pk, reason="Ann has left")
    assert response.json()["approval"]["status"] == "reassigned"
    assert response.json()["next"]["assigned_to"]["username"] == "bob"
    event = last_event(flow, "reassigned")
    assert (event.actor, event.comment) == (manager, "Ann has left")


def test_a_manager_reminds(ann: Any, manager: Any) -> None:
    flow = make_flow(ann)
    response = act(manager, "remind", the_current(flow), reason="Please")
    assert response.status_code == 200
    assert response.json()["id"] == the_current(flow).pk
    assert response["ETag"] == f'"{flow.version + 1}"'
    event = last_event(flow, "reminded")
    assert (event.actor, event.comment) == (manager, "Please")
    assert act(manager, "remind", the_current(flow)).status_code == 200


@pytest.mark.parametrize("verb", ["reassign", "remind"])
def test_managing_is_for_managers(verb: str, ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    response = act(ann, verb, the_current(flow), assign_to=bob.pk, reason="I say so")
    assert response.status_code == 403
    assert response.json()["reason"] == "permission_required"
    assert kinds(flow) == ["flow_started", "step_opened"]


@pytest.mark.parametrize("reason", [None, "", "  ", 5, "a\x00b"])
def test_a_reassignment_has_a_reason(reason: Any, ann: Any, bob: Any, manager: Any) -> None:
    step = the_current(make_flow(ann))
    response = act(manager, "reassign", step, assign_to=bob.pk, reason=reason)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"reason"}


def test_a_step_is_not_reassigned_to_whoever_has_it(ann: Any, manager: Any) -> None:
    step = the_current(make_flow(ann))
    response = act(manager, "reassign", step, assign_to=ann.pk, reason="Again")
    assert response.status_code == 422


def test_what_has_been_decided_is_not_reassigned_and_nobody_reminded(
    ann: Any, bob: Any, manager: Any
) -> None:
    flow = make_flow(ann, bob)
    step = the_current(flow)
    advance_flow(step, "approved", ann)
    for verb, body in (("reassign", {"assign_to": bob.pk, "reason": "Late"}), ("remind", {})):
        response = act(manager, verb, step, **body)
        assert response.status_code == 409
        assert response.json()["code"] == "step_already_processed"
        assert response.json()["status"] == "approved"


# What every verb has in common

VERBS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "approve": lambda user: {},
    "reject": lambda user: {},
    "resubmit": lambda user: {"steps": [{"assigned_to": user.pk}]},
    "delegate": lambda user: {"delegate_to": user.pk},
    "escalate": lambda user: {"escalate_to": user.pk},
    "claim": lambda user: {},
    "release": lambda user: {},
}
MANAGED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "reassign": lambda user: {"assign_to": user.pk, "reason": "Because"},
    "remind": lambda user: {},
}
every_verb = pytest.mark.parametrize("verb", VERBS)


@every_verb
def test_whoever_sees_a_step_and_may_not_act_is_refused(verb: str, ann: Any, bob: Any) -> None:
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=bob)
    response = act(bob, verb, the_current(flow), **VERBS[verb](bob))
    assert response.status_code == 403
    assert response.json()["code"] == "permission_denied"
    assert response.json()["reason"] == "not_assigned"
    assert kinds(flow) == ["flow_started", "step_opened"]


@pytest.mark.parametrize("verb", VERBS | MANAGED)
def test_a_foreign_step_is_not_there(verb: str, ann: Any, cid: Any) -> None:
    flow = make_flow(ann)
    response = act(cid, verb, the_current(flow), **(VERBS | MANAGED)[verb](cid))
    assert response.status_code == 404
    assert kinds(flow) == ["flow_started", "step_opened"]


@every_verb
def test_what_has_been_decided_stays_so(verb: str, ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    step = the_current(flow)
    advance_flow(step, "approved", ann)
    response = act(ann, verb, step, **VERBS[verb](bob))
    assert response.status_code == 409
    assert response.json()["code"] == "step_already_processed"
    assert response.json()["status"] == "approved"


@every_verb
def test_a_step_to_come_has_to_wait(verb: str, ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    response = act(bob, verb, row_of(flow, bob), **VERBS[verb](ann))
    assert response.status_code == 409
    assert response.json()["code"] == "step_not_open"
    assert response.json()["status"] == "pending"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("comment", [5, None, [], {}, "a\x00b", "\ud800", "x" * 10_001])
def test_a_comment_is_text(verb: str, comment: Any, ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    response = act(ann, verb, the_current(flow), **VERBS[verb](bob), comment=comment)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"comment"}
    assert statuses(flow) == [(1, "current")]


@pytest.mark.parametrize("verb", VERBS | MANAGED)
def test_a_misspelt_field_is_not_overlooked(verb: str, ann: Any, bob: Any, manager: Any) -> None:
    user = manager if verb in MANAGED else ann
    body = {**(VERBS | MANAGED)[verb](bob), "coment": "Lost?", "reson": "Lost?"}
    response = act(user, verb, the_current(make_flow(ann)), **body)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"coment", "reson"}
    assert "Did you mean" in response.json()["detail"]


def test_reading_needs_no_permission_to_act(ann: Any, bob: Any) -> None:
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=bob)
    assert get(bob, "approval-detail", the_current(flow).pk).status_code == 200
