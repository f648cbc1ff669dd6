"""One entrance for all actions: both forms of the call, and the words for the actions (K2)."""

import pytest

from approval_workflow.choices import Action, ApprovalStatus
from approval_workflow.exceptions import (
    InvalidDelegate,
    InvalidInput,
    InvalidSteps,
    NoCurrentStep,
    UnknownAction,
)
from approval_workflow.services import advance_flow, cancel_flow
from tests.approval_workflow.flows import by, make_flow, the_current
from tests.factories import make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db

APPROVED = ["approved", "approve", "APPROVED", "Approve", " approved ", ApprovalStatus.APPROVED]
REJECTED = ["rejected", "reject", "REJECTED", "Reject", ApprovalStatus.REJECTED]
RESUBMISSION = [
    "resubmission",
    "RESUBMISSION",
    "resubmit",
    "Resubmit",
    "needs_resubmission",
    "NEEDS_RESUBMISSION",
    ApprovalStatus.NEEDS_RESUBMISSION,
]
DELEGATED = ["delegated", "delegate", "DELEGATED", "Delegate", ApprovalStatus.DELEGATED]


def act(flow, word, user, **keys):
    """Act, and return the status that the step has now."""
    step = the_current(flow)
    advance_flow(instance=step, action=word, user=user, **keys)
    return step.status


@pytest.mark.parametrize("word", [*APPROVED, Action.APPROVE], ids=repr)
def test_words_for_approving(ann, word):
    """S0-23, K2"""
    assert act(make_flow(ann), word, ann) == ApprovalStatus.APPROVED


@pytest.mark.parametrize("word", [*REJECTED, Action.REJECT], ids=repr)
def test_words_for_rejecting(ann, word):
    """S0-23, K2"""
    assert act(make_flow(ann), word, ann) == ApprovalStatus.REJECTED


@pytest.mark.parametrize("word", [*RESUBMISSION, Action.RESUBMIT], ids=repr)
def test_words_for_sending_back(ann, word):
    """S0-23, K2"""
    steps = [{"assigned_to": ann}]
    status = act(make_flow(ann), word, ann, resubmission_steps=steps)
    assert status == ApprovalStatus.NEEDS_RESUBMISSION == "resubmission"


@pytest.mark.parametrize("word", [*DELEGATED, Action.DELEGATE], ids=repr)
def test_words_for_delegating(ann, bob, word):
    assert act(make_flow(ann), word, ann, delegate_to=bob) == ApprovalStatus.DELEGATED


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("word", ["approved", "rejected", "resubmission"])
def test_every_step_can_be_approved_rejected_and_sent_back(ann, word, number):
    """S0-23"""
    flow = make_flow(ann, ann, ann)
    for _step in range(number - 1):
        advance_flow(flow.target, "approved", ann)
    assert the_current(flow).step_number == number
    assert act(flow, word, ann, resubmission_steps=[{"assigned_to": ann}]) == word


@pytest.mark.parametrize(
    "word", ["", "accept", "pending", "cancelled", "current", None, 5, ApprovalStatus.PENDING]
)
def test_other_words_are_refused_with_those_that_are_known(ann, word):
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(UnknownAction) as caught:
        advance_flow(flow.target, word, ann)
    assert caught.value.code == "unknown_action"
    assert {"approved", "rejected", "resubmission", "delegated"} <= set(
        caught.value.details["expected"]
    )
    assert "approved, rejected, resubmission, delegated" in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert dump() == before


def test_form_with_keywords_takes_the_instance(ann, bob):
    flow = make_flow(ann, bob)
    step = the_current(flow)
    result = advance_flow(instance=step, action="approved", user=ann, comment="Fine")
    assert (result.assigned_to, step.status, step.comment) == (bob, "approved", "Fine")


def test_form_with_positions_takes_the_object(ann, bob):
    flow = make_flow(ann, bob)
    assert advance_flow(flow.target, "approved", ann, comment="Fine").assigned_to == bob


def test_form_with_positions_takes_the_instance_too(ann, bob):
    flow = make_flow(ann, bob)
    step = the_current(flow)
    assert advance_flow(step, "approved", ann).assigned_to == bob
    assert step.status == "approved"


def test_form_with_positions_takes_the_flow_too(ann, bob):
    assert advance_flow(make_flow(ann, bob), "approved", ann).assigned_to == bob


def test_a_flow_that_has_ended_does_not_stand_for_the_next_one_of_its_object(ann):
    ended = make_flow(ann)
    cancel_flow(ended)
    following = make_flow(ann, obj=ended.target)
    with pytest.raises(NoCurrentStep):
        advance_flow(ended, "approved", ann)
    assert the_current(following).status == "current"


def test_call_without_a_target_is_refused(ann):
    with pytest.raises(InvalidInput) as caught:
        advance_flow(action="approved", user=ann)
    assert caught.value.code == "invalid_input"


def test_call_with_two_targets_is_refused(ann):
    flow, other = make_flow(ann), make_flow(ann)
    with pytest.raises(InvalidInput):
        advance_flow(other.target, "approved", ann, instance=the_current(flow))


def test_delegation_without_a_delegate_is_refused(ann):
    with pytest.raises(InvalidDelegate):
        advance_flow(make_flow(ann).target, "delegated", ann)


def test_resubmission_without_steps_is_refused(ann):
    with pytest.raises(InvalidSteps):
        advance_flow(make_flow(ann).target, "resubmission", ann)


def test_return_value_while_a_vote_goes_on_is_a_row_of_the_step(ann):
    role = make_role(2)
    flow = make_flow(by(role, "consensus"), ann)
    result = advance_flow(flow.target, "approved", role.users.first())
    assert (result.step_number, result.status) == (1, "current")
