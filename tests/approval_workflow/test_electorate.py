"""Who counts in a vote, and when it is over (L18)."""

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import ApprovalPermissionDenied
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow
from approval_workflow.utils import can_user_approve
from purchasing.models import Role
from tests.approval_workflow.flows import (
    by,
    current,
    last_event,
    make_flow,
    row_of,
    statuses,
    verified,
)
from tests.factories import RoleFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def role(db):
    return RoleFactory.create()


@pytest.fixture
def people(role):
    return [UserFactory.create(role=role) for _person in range(3)]


@pytest.fixture
def boss(role):
    """Somebody above the role."""
    parent = Role.objects.create(name="Boss")
    Role.objects.get(pk=role.pk).move_to(parent, "last-child")
    return UserFactory.create(role=parent)


def leave(user):
    """Let the person leave the role, elsewhere."""
    type(user).objects.filter(pk=user.pk).update(role=None)
    user.refresh_from_db()


def deactivate(user):
    type(user).objects.filter(pk=user.pk).update(is_active=False)


def status_of(flow):
    return ApprovalFlow.objects.get(pk=flow.pk).status


def refusal(flow, user, action="approved"):
    with pytest.raises(ApprovalPermissionDenied) as caught:
        advance_flow(flow.target, action, user)
    return caught.value.details["reason"]


# ANYONE


def test_anyone_is_satisfied_by_the_first_approval(role, people, ann):
    flow = make_flow(by(role), ann)
    assert advance_flow(flow.target, "approved", people[1]).assigned_to == ann
    assert statuses(flow) == [
        (1, "cancelled"),
        (1, "approved"),
        (1, "cancelled"),
        (2, "current"),
    ]


def test_anyone_admits_whoever_got_the_role_since(role, people):
    flow = make_flow(by(role))
    newcomer = UserFactory.create(role=role)
    assert advance_flow(flow.target, "approved", newcomer) is None
    approved = ApprovalInstance.objects.get(flow=flow, status="approved")
    assert (approved.assigned_to, approved.action_user) == (people[0], newcomer)
    assert last_event(flow, "approved").actor == newcomer


def test_anyone_refuses_whoever_has_left_the_role(role, people):
    flow = make_flow(by(role))
    leave(people[0])
    assert refusal(flow, people[0]) == "left_role"


def test_anyone_rejects_at_the_first_rejection(role, people):
    flow = make_flow(by(role))
    assert advance_flow(flow.target, "rejected", people[0]) is None
    assert status_of(flow) == FlowStatus.REJECTED


def test_anyone_out_of_reach_is_rejected_when_nobody_is_left(role, people):
    flow = make_flow(by(role, rejection_policy="out_of_reach"))
    for person in people[:2]:
        assert advance_flow(flow.target, "rejected", person).status == "current"
    assert advance_flow(flow.target, "rejected", people[2]) is None
    assert status_of(flow) == FlowStatus.REJECTED


def test_newcomer_who_rejects_for_one_who_left_leaves_the_others_their_votes(role, people):
    """The first row's person has left; two others may still approve."""
    flow = make_flow(by(role, rejection_policy="out_of_reach"))
    leave(people[0])
    leave(people[2])
    newcomer = UserFactory.create(role=role)
    row = row_of(flow, people[0])
    assert advance_flow(instance=row, action="rejected", user=newcomer) is not None
    assert advance_flow(flow.target, "approved", people[1]) is None
    assert status_of(flow) == FlowStatus.COMPLETED


# CONSENSUS


def test_consensus_goes_on_until_all_have_approved(role, people):
    flow = make_flow(by(role, "consensus"))
    for person in people[:2]:
        assert advance_flow(flow.target, "approved", person).step_number == 1
    assert advance_flow(flow.target, "approved", people[2]) is None
    assert status_of(flow) == FlowStatus.COMPLETED


def test_vote_that_goes_on_returns_an_open_row_of_the_step(role, people):
    flow = make_flow(by(role, "consensus"))
    result = advance_flow(flow.target, "approved", people[0])
    assert (result.status, result.assigned_to) == ("current", people[1])


def test_consensus_does_not_ask_whoever_got_the_role_since(role, people):
    flow = make_flow(by(role, "consensus"))
    newcomer = UserFactory.create(role=role)
    assert refusal(flow, newcomer) == "not_assigned"
    for person in people:
        advance_flow(flow.target, "approved", person)
    assert status_of(flow) == FlowStatus.COMPLETED


def test_newcomer_is_asked_from_the_next_step_on(role, people):
    flow = make_flow(by(role, "consensus"), by(role, "consensus"))
    newcomer = UserFactory.create(role=role)
    for person in people:
        advance_flow(flow.target, "approved", person)
    assert {row.assigned_to for row in current(flow)} == {*people, newcomer}


def test_consensus_refuses_whoever_has_left_the_role(role, people):
    flow = make_flow(by(role, "consensus"))
    leave(people[0])
    assert not can_user_approve(row_of(flow, people[0]), people[0])
    assert refusal(flow, people[0]) == "left_role"


def test_consensus_does_not_wait_for_whoever_has_left_the_role(role, people):
    flow = make_flow(by(role, "consensus"))
    leave(people[0])
    advance_flow(flow.target, "approved", people[1])
    assert advance_flow(flow.target, "approved", people[2]) is None
    assert statuses(flow) == [(1, "cancelled"), (1, "approved"), (1, "approved")]


def test_consensus_does_not_wait_for_an_inactive_account(role, people):
    flow = make_flow(by(role, "consensus"))
    deactivate(people[0])
    advance_flow(flow.target, "approved", people[1])
    assert advance_flow(flow.target, "approved", people[2]) is None


def test_vote_cast_before_leaving_still_counts(role, people):
    flow = make_flow(by(role, "consensus"))
    advance_flow(flow.target, "approved", people[0])
    leave(people[0])
    advance_flow(flow.target, "approved", people[1])
    assert status_of(flow) == FlowStatus.IN_PROGRESS
    assert advance_flow(flow.target, "approved", people[2]) is None


def test_consensus_rejects_at_the_first_rejection(role, people):
    flow = make_flow(by(role, "consensus"))
    advance_flow(flow.target, "approved", people[0])
    assert advance_flow(flow.target, "rejected", people[1]) is None
    assert statuses(flow) == [(1, "approved"), (1, "rejected"), (1, "cancelled")]


def test_consensus_of_one_is_satisfied_by_one(role):
    person = UserFactory.create(role=role)
    flow = make_flow(by(role, "consensus"))
    assert advance_flow(flow.target, "approved", person) is None


def test_consensus_that_cannot_be_reached_any_more_ends_early(role, people):
    flow = make_flow(by(role, "consensus", rejection_policy="out_of_reach"))
    assert advance_flow(flow.target, "rejected", people[0]) is None
    assert statuses(flow) == [(1, "rejected"), (1, "cancelled"), (1, "cancelled")]
    assert verified(flow)


# One person, one vote


@pytest.mark.parametrize("strategy", ["anyone", "consensus"])
def test_person_votes_once(role, people, strategy):
    flow = make_flow(by(role, strategy, rejection_policy="out_of_reach"))
    action = "rejected" if strategy == "anyone" else "approved"
    advance_flow(flow.target, action, people[0])
    assert refusal(flow, people[0], action) == "already_voted"


def test_senior_acts_for_one_row(role, people, boss):
    flow = make_flow(by(role, "consensus"))
    row = row_of(flow, people[0])
    advance_flow(instance=row, action="approved", user=boss)
    assert (row.assigned_to, row.action_user) == (people[0], boss)
    assert last_event(flow, "approved").on_behalf_of == people[0]
    assert refusal(flow, boss) == "already_voted"


def test_senior_may_vote_again_in_the_next_step(role, people, boss):
    flow = make_flow(by(role, "anyone"), by(role, "anyone"))
    assert advance_flow(flow.target, "approved", boss).step_number == 2
    assert advance_flow(flow.target, "approved", boss) is None


def test_senior_does_not_act_for_whoever_has_left_the_role(role, people, boss):
    flow = make_flow(by(role, "consensus"))
    row = row_of(flow, people[0])
    UserFactory.create(role=role)
    type(boss).objects.filter(pk=people[0].pk).update(role=RoleFactory.create(parent=boss.role))
    with pytest.raises(ApprovalPermissionDenied) as caught:
        advance_flow(instance=row, action="approved", user=boss)
    assert caught.value.details["reason"] == "left_role"


def test_senior_who_acts_for_an_inactive_person_does_not_take_the_vote_of_the_others(
    role, people, boss
):
    """The inactive person's row was not awaited, so it takes no open vote away."""
    flow = make_flow(by(role, "consensus"))
    deactivate(people[0])
    deactivate(people[1])
    row = row_of(flow, people[0])
    assert advance_flow(instance=row, action="approved", user=boss) is not None
    assert status_of(flow) == FlowStatus.IN_PROGRESS
    assert advance_flow(flow.target, "approved", people[2]) is None


# Delegated votes


def test_delegated_vote_counts_as_a_vote(role, people, ann):
    flow = make_flow(by(role, "consensus"))
    advance_flow(flow.target, "delegated", people[0], delegate_to=ann)
    for person in people[1:]:
        advance_flow(flow.target, "approved", person)
    assert status_of(flow) == FlowStatus.IN_PROGRESS
    assert advance_flow(flow.target, "approved", ann) is None


def test_delegate_need_not_hold_the_role(role, people, ann):
    """L4"""
    flow = make_flow(by(role, "consensus"))
    row = advance_flow(flow.target, "delegated", people[0], delegate_to=ann)
    assert ann.role is None
    assert can_user_approve(row, ann)


def test_whoever_handed_on_their_vote_has_none(role, people, ann):
    flow = make_flow(by(role, "consensus"))
    advance_flow(flow.target, "delegated", people[0], delegate_to=ann)
    assert refusal(flow, people[0]) == "not_assigned"


def test_delegation_outlasts_the_role_of_whoever_delegated(role, people, ann):
    flow = make_flow(by(role, "consensus"))
    advance_flow(flow.target, "delegated", people[0], delegate_to=ann)
    leave(people[0])
    for person in [*people[1:], ann]:
        result = advance_flow(flow.target, "approved", person)
    assert result is None


def test_delegated_row_of_anyone_may_be_answered_by_any_holder(role, ann):
    holder, other = UserFactory.create(role=role), UserFactory.create()
    flow = make_flow(by(role, "anyone"))
    advance_flow(flow.target, "delegated", holder, delegate_to=ann)
    type(other).objects.filter(pk=other.pk).update(role=role)
    assert advance_flow(flow.target, "approved", other) is None
