"""Turns in a role: real rotation, whoever comes and goes (L26)."""

import pytest

from approval_workflow.exceptions import NobodyEligible
from approval_workflow.models import RoleTurn
from approval_workflow.services import advance_flow
from tests.approval_workflow.flows import by, current, make_flow
from tests.factories import UserFactory, make_role

pytestmark = pytest.mark.django_db


def whose_turn(role):
    """Open a step of the role and return whom it asks."""
    (row,) = current(make_flow(by(role, "round_robin")))
    return row.assigned_to


@pytest.fixture
def role(db):
    return make_role(3)


@pytest.fixture
def holders(role):
    return list(role.users.order_by("pk"))


def test_one_holder_is_asked(role):
    assert len(current(make_flow(by(role, "round_robin")))) == 1


def test_holders_take_turns(role, holders):
    assert [whose_turn(role) for _turn in range(7)] == [*holders, *holders, holders[0]]


def test_turns_are_not_counted_but_remembered_by_person(role, holders):
    """Not the number of flows decides, but whose last turn is longest ago."""
    for _turn in range(4):
        whose_turn(role)
    RoleTurn.objects.filter(user=holders[0]).delete()
    assert whose_turn(role) == holders[0]
    assert whose_turn(role) == holders[1]


def test_newcomer_is_asked_next(role, holders):
    for _turn in range(3):
        whose_turn(role)
    newcomer = UserFactory.create(role=role)
    assert whose_turn(role) == newcomer
    assert [whose_turn(role) for _turn in range(4)] == [*holders, newcomer]


def test_whoever_leaves_is_passed_over(role, holders):
    whose_turn(role)
    type(role.users.first()).objects.filter(pk=holders[1].pk).update(role=None)
    assert [whose_turn(role) for _turn in range(3)] == [holders[2], holders[0], holders[2]]


def test_whoever_comes_back_is_asked_when_their_last_turn_is_longest_ago(role, holders):
    users = type(holders[0]).objects.filter(pk=holders[0].pk)
    whose_turn(role)
    users.update(role=None)
    assert [whose_turn(role) for _turn in range(4)] == [*holders[1:], *holders[1:]]
    users.update(role=role)
    assert whose_turn(role) == holders[0]


def test_inactive_holder_is_passed_over(role, holders):
    type(holders[0]).objects.filter(pk=holders[0].pk).update(is_active=False)
    assert whose_turn(role) == holders[1]


def test_roles_take_their_turns_apart(role, holders):
    other = make_role(2)
    whose_turn(role)
    assert whose_turn(other) == other.users.order_by("pk").first()
    assert whose_turn(role) == holders[1]


def test_turn_is_taken_when_the_step_opens_not_when_it_is_made(role, holders, ann):
    flow = make_flow(ann, by(role, "round_robin"))
    assert whose_turn(role) == holders[0]
    assert advance_flow(flow.target, "approved", ann).assigned_to == holders[1]


def test_steps_of_one_flow_take_turns_too(role, holders):
    flow = make_flow(by(role, "round_robin"), by(role, "round_robin"))
    assert advance_flow(flow.target, "approved", holders[0]).assigned_to == holders[1]


def test_turn_of_an_action_that_failed_is_given_back(role, holders, ann):
    with pytest.raises(NobodyEligible):
        make_flow(
            by(role, "round_robin", step=1, parallel_group="a"),
            by(make_role(0), step=1, parallel_group="b"),
        )
    assert whose_turn(role) == holders[0]


def test_other_holders_may_not_act(role, holders):
    flow = make_flow(by(role, "round_robin"))
    with pytest.raises(PermissionError):
        advance_flow(flow.target, "approved", holders[1])
    assert advance_flow(flow.target, "approved", holders[0]) is None


def test_person_asked_who_left_the_role_may_not_act(role, holders):
    flow = make_flow(by(role, "round_robin"))
    type(holders[0]).objects.filter(pk=holders[0].pk).update(role=None)
    with pytest.raises(PermissionError) as caught:
        advance_flow(flow.target, "approved", holders[0])
    assert caught.value.details["reason"] == "left_role"


def test_turns_go_with_the_account(role, holders):
    whose_turn(role)
    assert RoleTurn.objects.filter(user=holders[0]).exists()
    assert RoleTurn._meta.get_field("user").remote_field.on_delete.__name__ == "CASCADE"
