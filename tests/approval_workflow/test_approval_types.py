"""What each kind of step asks for: approve, submit, check in and verify, move."""

import pytest

from approval_workflow.exceptions import InvalidFormData, StepAlreadyProcessed
from approval_workflow.services import advance_flow
from tests.approval_workflow.flows import by, current, kinds, last_event, make_flow, the_current
from tests.factories import DynamicFormFactory, make_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def form(db):
    return DynamicFormFactory.create()


def errors_of(flow, user, **keys):
    with pytest.raises(InvalidFormData) as caught:
        advance_flow(flow.target, "approved", user, **keys)
    assert caught.value.code == "invalid_form_data"
    assert the_current(flow).status == "current"
    return caught.value.errors


# APPROVE


def test_approve_needs_nothing(ann):
    flow = make_flow({"assigned_to": ann, "approval_type": "approve"})
    assert advance_flow(flow.target, "approved", ann) is None


def test_approve_is_what_a_step_asks_for_by_default(ann):
    assert the_current(make_flow(ann)).approval_type == "approve"


def test_approve_with_a_form_needs_its_data(ann, form):
    """S0-28"""
    flow = make_flow({"assigned_to": ann, "form": form})
    assert errors_of(flow, ann) == {"form_data": ["This step has a form; form data is required."]}


def test_approve_keeps_the_data_of_its_form(ann, form):
    """S0-28"""
    flow = make_flow({"assigned_to": ann, "form": form})
    advance_flow(flow.target, "approved", ann, form_data={"note": "Fine", "more": [1, None]})
    row = flow.instances.get()
    assert (row.form, row.form_data) == (form, {"note": "Fine", "more": [1, None]})


def test_approve_keeps_data_without_a_form(ann):
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann, form_data={"free": "text"})
    assert flow.instances.get().form_data == {"free": "text"}


# SUBMIT


def test_submit_needs_data(ann, form):
    flow = make_flow({"assigned_to": ann, "approval_type": "submit", "form": form})
    assert set(errors_of(flow, ann)) == {"form_data"}


def test_submit_takes_data_that_fits(ann, form):
    flow = make_flow({"assigned_to": ann, "approval_type": "submit", "form": form})
    assert advance_flow(flow.target, "approved", ann, form_data={"note": "Here"}) is None
    assert flow.instances.get().form_data == {"note": "Here"}


def test_submit_may_be_rejected_without_data(ann, form):
    flow = make_flow({"assigned_to": ann, "approval_type": "submit", "form": form})
    assert advance_flow(flow.target, "rejected", ann) is None


# MOVE


def test_move_needs_nothing(ann):
    flow = make_flow({"assigned_to": ann, "approval_type": "move"})
    assert advance_flow(flow.target, "approved", ann) is None


def test_move_takes_no_data(ann):  # D-75
    flow = make_flow({"assigned_to": ann, "approval_type": "move"})
    assert errors_of(flow, ann, form_data={"note": "x"}) == {
        "form_data": ["This step takes no form data."]
    }


def test_move_does_not_mind_empty_data(ann):
    flow = make_flow({"assigned_to": ann, "approval_type": "move"})
    assert advance_flow(flow.target, "approved", ann, form_data={}) is None


# CHECK_IN_VERIFY


@pytest.fixture
def checked(ann, bob):
    return make_flow({"assigned_to": ann, "approval_type": "check_in_verify"}, bob)


def test_first_act_checks_in_and_the_step_stays_open(checked, ann):
    step = the_current(checked)
    result = advance_flow(instance=step, action="approved", user=ann)
    assert (result.pk, result.status) == (step.pk, "current")
    assert result.checked_in_at is not None
    assert step.checked_in_at == result.checked_in_at


def test_check_in_is_told(checked, ann):
    advance_flow(checked.target, "approved", ann, comment="Here I am")
    event = last_event(checked)
    assert (event.kind, event.actor, event.comment) == ("checked_in", ann, "Here I am")
    assert (event.from_status, event.to_status) == ("current", "current")


def test_second_act_decides(checked, ann, bob):
    advance_flow(checked.target, "approved", ann)
    assert advance_flow(checked.target, "approved", ann).assigned_to == bob
    assert kinds(checked)[2:] == ["checked_in", "approved", "step_opened"]


def test_third_act_is_too_late(checked, ann):
    step = the_current(checked)
    for _act in range(2):
        advance_flow(instance=step, action="approved", user=ann)
    with pytest.raises(StepAlreadyProcessed):
        advance_flow(instance=step, action="approved", user=ann)


def test_second_act_may_reject(checked, ann):
    advance_flow(checked.target, "approved", ann)
    assert advance_flow(checked.target, "rejected", ann) is None


def test_handlers_hear_of_the_decision_not_of_the_check_in(checked, ann, told):
    advance_flow(checked.target, "approved", ann)
    assert told == []
    advance_flow(checked.target, "approved", ann)
    assert ("on_approve", the_row(checked, ann)) in told


def the_row(flow, user):
    return flow.instances.get(assigned_to=user)


def test_other_person_cannot_check_in(checked, bob):
    with pytest.raises(PermissionError):
        advance_flow(checked.target, "approved", bob)
    assert the_current(checked).checked_in_at is None


def test_each_voter_checks_in_for_themselves():
    role = make_role(2)
    first, second = role.users.order_by("pk")
    flow = make_flow(by(role, "consensus", approval_type="check_in_verify"))
    advance_flow(flow.target, "approved", first)
    assert [row.checked_in_at is None for row in current(flow)] == [False, True]
    advance_flow(flow.target, "approved", first)
    advance_flow(flow.target, "approved", second)
    assert advance_flow(flow.target, "approved", second) is None


def test_check_in_with_a_form_asks_for_data_at_the_decision(ann, form):
    flow = make_flow({"assigned_to": ann, "approval_type": "check_in_verify", "form": form})
    advance_flow(flow.target, "approved", ann)
    assert set(errors_of(flow, ann)) == {"form_data"}
    assert advance_flow(flow.target, "approved", ann, form_data={"note": "x"}) is None
