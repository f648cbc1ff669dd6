"""People who join, leave and are deactivated while a step is open: what each may then do.

Told for a step for anybody of a role, for a vote, and for a step of one person.
"""

from datetime import timedelta

import pytest

from approval_workflow.services import process_deadlines, reassign
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_may_act,
    assert_may_not_act,
    assert_waiting_on,
    frozen_time,
    role_step,
    user_step,
)
from approval_workflow.utils import explain_approvers, waiting_for
from purchasing.models import User
from tests.approval_workflow.flows import row_of
from tests.factories import RoleFactory, UserFactory
from tests.testapp.models import PlainRole

pytestmark = pytest.mark.django_db


class Tree:
    """A role by a field of the user, with a role above it."""

    def __init__(self):
        top = RoleFactory.create()
        self.role = RoleFactory.create(parent=top)
        self.boss = UserFactory.create(username="boss", role=top)

    def join(self, user):
        User.objects.filter(pk=user.pk).update(role=self.role)

    def leave(self, user):
        User.objects.filter(pk=user.pk).update(role=None)


class Plain:
    """A role by a relation of its own, without a tree."""

    boss = None

    def __init__(self):
        self.role = PlainRole.objects.create(name="Committee")

    def join(self, user):
        self.role.users.add(user)

    def leave(self, user):
        self.role.users.remove(user)


@pytest.fixture(params=[Tree, Plain], ids=["tree", "plain"])
def house(request, db, settings):
    house = request.param()
    settings.APPROVAL_ROLE_MODEL = house.role._meta.label
    return house


@pytest.fixture
def staff(house):
    """Three who hold the role."""
    staff = UserFactory.create_batch(3)
    for person in staff:
        house.join(person)
    return staff


def deactivate(user):
    User.objects.filter(pk=user.pk).update(is_active=False)


def as_stored(user):
    return User.objects.get(pk=user.pk)


def may_not_act_nor_see(document, user, code):
    assert_may_not_act(document, user, code=code)
    assert not waiting_for(as_stored(user)).exists()


def may_act_and_see(document, user):
    assert_may_act(document, user)
    assert waiting_for(as_stored(user)).exists()


# A step for anybody of the role


@pytest.fixture
def anyone(document, house, staff):
    return FlowDriver.start(document, [role_step(house.role)])


def test_anyone_who_joins_may_act(document, house, anyone, ann):
    may_not_act_nor_see(document, ann, "not_assigned")
    house.join(ann)
    may_act_and_see(document, ann)
    anyone.as_user(ann).approve()
    assert_flow_status(document, "completed")
    assert_history_intact(document)


def test_anyone_who_leaves_may_not_act_any_more(document, house, anyone, staff):
    house.leave(staff[0])
    may_not_act_nor_see(document, staff[0], "left_role")
    assert_waiting_on(document, *staff[1:])


def test_anyone_who_comes_back_may_act_again(document, house, anyone, staff):
    house.leave(staff[0])
    house.join(staff[0])
    may_act_and_see(document, staff[0])


def test_anyone_who_is_deactivated_may_not_act_any_more(document, anyone, staff):
    deactivate(staff[0])
    may_not_act_nor_see(document, staff[0], "inactive")
    assert_waiting_on(document, *staff[1:])


def test_role_that_all_have_left_waits_for_whoever_joins(document, house, anyone, staff, ann):
    for person in staff:
        house.leave(person)
    assert_waiting_on(document)
    house.join(ann)
    anyone.as_user(ann).approve()
    assert_flow_status(document, "completed")


# A vote


@pytest.fixture
def vote(document, house, staff):
    return FlowDriver.start(document, [role_step(house.role, "consensus")])


def test_vote_is_not_for_who_joins(document, house, vote, ann):
    house.join(ann)
    may_not_act_nor_see(document, ann, "not_assigned")


def test_vote_goes_on_without_who_leaves(document, house, vote, staff):
    house.leave(staff[0])
    may_not_act_nor_see(document, staff[0], "left_role")
    for person in staff[1:]:
        vote.as_user(person).approve()
    assert_flow_status(document, "completed")
    assert row_of(vote.flow, staff[0]).status == "cancelled"


def test_vote_goes_on_without_who_is_deactivated(document, vote, staff):
    deactivate(staff[0])
    may_not_act_nor_see(document, staff[0], "inactive")
    for person in staff[1:]:
        vote.as_user(person).approve()
    assert_flow_status(document, "completed")


def test_vote_cast_counts_though_its_person_leaves(document, house, vote, staff):
    vote.as_user(staff[0]).approve()
    house.leave(staff[0])
    vote.as_user(staff[1]).approve()
    assert vote.flow.is_open
    vote.as_user(staff[2]).approve()
    assert_flow_status(document, "completed")


def test_vote_of_who_leaves_and_comes_back_is_awaited_again(document, house, vote, staff):
    house.leave(staff[0])
    vote.as_user(staff[1]).approve()
    house.join(staff[0])
    vote.as_user(staff[2]).approve()
    assert vote.flow.is_open
    assert_waiting_on(document, staff[0])


def test_delegate_votes_though_the_person_leaves(document, house, vote, staff, ann):
    """L4: who was named need not hold the role."""
    vote.as_user(staff[0]).delegate(ann)
    house.leave(staff[0])
    may_act_and_see(document, ann)


def test_next_step_asks_those_who_hold_the_role_then(document, house, staff, ann):
    driver = FlowDriver.start(document, [user_step(ann), role_step(house.role, "consensus")])
    house.leave(staff[0])
    deactivate(staff[1])
    house.join(ann)
    driver.as_user(ann).approve()
    assert_waiting_on(document, staff[2], ann)


# A vote that nobody can cast any more

STUCK = " Nobody can act in this step now: a manager can reassign it."


@pytest.fixture
def stuck(document, house, staff):
    """One has approved, one has left since, one is inactive; nobody may act for them."""
    step = role_step(house.role, "consensus", allow_higher_level=False)
    driver = FlowDriver.start(document, [step])
    driver.as_user(staff[0]).approve()
    house.leave(staff[1])
    deactivate(staff[2])
    return driver


def reasons(flow):
    return {item.user: item.permission.reason for item in explain_approvers(flow)}


def test_vote_that_nobody_can_cast_stays_open_and_says_why(document, stuck, staff):
    assert_waiting_on(document)
    assert stuck.flow.is_open
    assert reasons(stuck.flow) == {
        staff[1]: "You do not hold the role of this step any more." + STUCK,
        staff[2]: "This account is not active." + STUCK,
    }


@pytest.mark.parametrize("who", [1, 2], ids=["left", "inactive"])
def test_vote_that_nobody_can_cast_goes_on_with_whom_a_manager_names(
    document, stuck, staff, ann, bob, who
):
    reassign(row_of(stuck.flow, staff[who]), bob, assign_to=ann, reason="Nobody is left")
    may_act_and_see(document, ann)
    assert not any(STUCK in reason for reason in reasons(stuck.flow).values())
    stuck.as_user(ann).approve()
    assert_flow_status(document, "completed")
    assert_history_intact(document)


def test_quorum_that_nobody_is_left_for_waits_for_as_many_as_it_needs(
    document, house, staff, ann, bob
):
    """Whoever is named first does not reject by being alone; the manager may take a part, too."""
    driver = FlowDriver.start(document, [role_step(house.role, "quorum", quorum_count=2)])
    for person in staff:
        house.leave(person)
    reassign(row_of(driver.flow, staff[0]), bob, assign_to=ann, reason="Nobody is left")
    driver.as_user(ann).approve()
    assert driver.flow.is_open
    reassign(row_of(driver.flow, staff[1]), bob, assign_to=bob, reason="Nobody is left")
    driver.as_user(bob).approve()
    assert_flow_status(document, "completed")


# A delegate who is deactivated: unlike one who was asked, they still count


@pytest.fixture
def delegate_gone(vote, staff, ann):
    """Ann took one part over and is inactive now; the others have approved."""
    vote.as_user(staff[0]).delegate(ann)
    deactivate(ann)
    for person in staff[1:]:
        vote.as_user(person).approve()
    return vote


def test_part_of_a_deactivated_delegate_is_waited_for(document, delegate_gone, ann):
    assert delegate_gone.flow.is_open
    assert_waiting_on(document)
    assert reasons(delegate_gone.flow) == {ann: "This account is not active." + STUCK}


def test_part_of_a_deactivated_delegate_is_given_on_by_a_manager(document, delegate_gone, ann, bob):
    reassign(row_of(delegate_gone.flow, ann), bob, assign_to=bob, reason="Ann has left")
    delegate_gone.as_user(bob).approve()
    assert_flow_status(document, "completed")


def test_part_of_a_deactivated_delegate_goes_up_at_its_deadline(document, ann, tree):
    day = timedelta(days=1)
    step = user_step(ann, sla_duration=day, timeout_action="escalate")
    with frozen_time() as clock:
        driver = FlowDriver.start(document, [step])
        driver.as_user(ann).delegate(tree.staff[0])
        deactivate(tree.staff[0])
        clock.move_by(2 * day)
        assert process_deadlines().timed_out == 1
    assert_waiting_on(document, tree.boss)


# A step of one person


def test_step_of_a_person_does_not_depend_on_roles(document, house, staff):
    FlowDriver.start(document, [user_step(staff[0])])
    house.leave(staff[0])
    may_act_and_see(document, staff[0])


def test_step_of_somebody_deactivated_waits_for_a_manager(document, staff):
    FlowDriver.start(document, [user_step(staff[0])])
    deactivate(staff[0])
    may_not_act_nor_see(document, staff[0], "inactive")
    assert_waiting_on(document)


# Whoever is above


@pytest.fixture
def tree(db):
    house = Tree()
    house.staff = UserFactory.create_batch(2, role=house.role)
    return house


def test_senior_acts_for_somebody_deactivated(document, tree):
    driver = FlowDriver.start(document, [user_step(tree.staff[0])])
    deactivate(tree.staff[0])
    may_act_and_see(document, tree.boss)
    driver.as_user(tree.boss).approve()
    assert_flow_status(document, "completed")


def test_senior_does_not_act_for_who_has_left_the_role(document, tree):
    FlowDriver.start(document, [role_step(tree.role, "consensus")])
    for person in tree.staff:
        tree.leave(person)
    may_not_act_nor_see(document, tree.boss, "not_assigned")


def test_senior_who_steps_down_may_not_act_any_more(document, tree):
    FlowDriver.start(document, [user_step(tree.staff[0])])
    User.objects.filter(pk=tree.boss.pk).update(role=tree.role)
    may_not_act_nor_see(document, tree.boss, "not_assigned")


def test_role_that_moves_in_the_tree_has_other_seniors(document, tree):
    """The tree as it is stored counts, at once."""
    FlowDriver.start(document, [user_step(tree.staff[0])])
    elsewhere = RoleFactory.create()
    other_boss = UserFactory.create(role=elsewhere)
    tree.role.refresh_from_db()
    elsewhere.refresh_from_db()
    tree.role.move_to(elsewhere, "last-child")
    may_not_act_nor_see(document, tree.boss, "not_assigned")
    may_act_and_see(document, other_boss)
