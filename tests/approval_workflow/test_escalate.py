"""Handing a step to somebody above: by the manager field, then by the role tree."""

from itertools import pairwise

import pytest

from approval_workflow.exceptions import ApprovalPermissionDenied, InvalidDelegate, InvalidSteps
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow, escalate
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_may_not_act,
    assert_waiting_on,
    make_flow,
    role_step,
    user_step,
)
from purchasing.models import User
from tests.approval_workflow.flows import last_event
from tests.factories import RoleFactory, UserFactory, make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db

RANKS = ("worker", "head", "director", "chief")


def test_nearest_person_above_takes_the_step_over(document, staff, ann):
    flow = make_flow(document, staff["worker"], ann)
    driver = FlowDriver(document)
    taken_over = driver.as_user(staff["worker"]).escalate(comment="Too large for me")
    assert_waiting_on(document, staff["head"])
    closed = ApprovalInstance.objects.get(flow=flow, status="escalated")
    assert (closed.action_user, closed.comment) == (staff["worker"], "Too large for me")
    assert (taken_over.delegated_from, taken_over.escalation_level) == (closed, 1)
    assert closed.delegated_to == staff["head"]
    driver.as_user(staff["head"]).approve()
    assert_waiting_on(document, ann)


def test_history_names_who_escalated_and_to_whom(document, staff):
    flow = make_flow(document, staff["worker"])
    FlowDriver(document).as_user(staff["worker"]).escalate(comment="Too large")
    event = last_event(flow, "escalated")
    assert (event.actor, event.comment) == (staff["worker"], "Too large")
    assert (event.from_status, event.to_status) == ("current", "escalated")
    assert event.data["escalated_to"] == str(staff["head"].pk)
    assert event.data["level"] == 1
    assert_history_intact(document)


def test_each_escalation_goes_one_level_further(document, staff):
    make_flow(document, staff["worker"])
    driver = FlowDriver(document)
    for level, (lower, higher) in enumerate(pairwise(RANKS), start=1):
        assert driver.as_user(staff[lower]).escalate().escalation_level == level
        assert_waiting_on(document, staff[higher])


def test_nobody_is_above_the_top(document, staff):
    make_flow(document, staff["chief"])
    before = dump()
    with pytest.raises(InvalidDelegate, match="nobody above who can take this step over"):
        FlowDriver(document).as_user(staff["chief"]).escalate()
    assert dump() == before


def test_person_without_anybody_above_cannot_escalate(document, ann):
    make_flow(document, ann)
    with pytest.raises(InvalidDelegate, match="nobody above"):
        FlowDriver(document).as_user(ann).escalate()


def test_manager_field_comes_before_the_role_tree(document, by_tree, settings, ann):
    settings.APPROVAL_HEAD_MANAGER_FIELD = "head_manager"
    User.objects.filter(username="worker").update(head_manager=ann)
    make_flow(document, by_tree["worker"])
    FlowDriver(document).as_user(by_tree["worker"]).escalate()
    assert_waiting_on(document, ann)


def test_role_tree_is_asked_where_the_manager_field_leads_to_nobody(document, by_tree, settings):
    """By manager field, then role tree."""
    settings.APPROVAL_HEAD_MANAGER_FIELD = "head_manager"
    make_flow(document, by_tree["worker"])
    FlowDriver(document).as_user(by_tree["worker"]).escalate()
    assert_waiting_on(document, by_tree["head"])


def test_inactive_people_above_are_passed_over(document, staff):
    User.objects.filter(username="head").update(is_active=False)
    make_flow(document, staff["worker"])
    FlowDriver(document).as_user(staff["worker"]).escalate()
    assert_waiting_on(document, staff["director"])


def test_excluded_people_above_are_passed_over(document, staff):
    make_flow(document, user_step(staff["worker"], exclude_starter=True), started_by=staff["head"])
    FlowDriver(document).as_user(staff["worker"]).escalate()
    assert_waiting_on(document, staff["director"])


def test_people_above_who_have_a_part_in_the_step_are_passed_over(document, by_tree):
    role = by_tree["worker"].role
    colleague = UserFactory.create(role=role)
    make_flow(document, role_step(role, "consensus"))
    driver = FlowDriver(document)
    driver.as_user(by_tree["worker"]).escalate()
    driver.as_user(colleague).escalate()
    assert_waiting_on(document, by_tree["head"], by_tree["director"])


def test_person_above_may_be_named(document, by_tree):
    make_flow(document, by_tree["worker"])
    FlowDriver(document).as_user(by_tree["worker"]).escalate(by_tree["chief"])
    assert_waiting_on(document, by_tree["chief"])


@pytest.mark.parametrize("action", ["escalated", "ESCALATED", "escalate"])
@pytest.mark.parametrize("named", [True, False])
def test_it_is_an_action_of_advance_flow_on_the_object(document, by_tree, action, named):
    """L14"""
    make_flow(document, by_tree["worker"])
    named = {"escalate_to": by_tree["chief"]} if named else {}
    taken_over = advance_flow(document, action, by_tree["worker"], comment="Too large", **named)
    assert taken_over.assigned_to == by_tree["chief" if named else "head"]
    assert_waiting_on(document, taken_over.assigned_to)


def test_vote_of_the_person_above_counts(document):
    top = RoleFactory.create()
    role = make_role(2, parent=top)
    boss = UserFactory.create(role=top)
    first, second = role.users.order_by("pk")
    make_flow(document, role_step(role, "consensus"))
    driver = FlowDriver(document)
    driver.as_user(first).escalate()
    driver.as_user(boss).approve()
    assert driver.flow.is_open
    driver.as_user(second).approve()
    assert_flow_status(document, "completed")


# Who cannot take it over


def refused(document, who, to, message):
    before = dump()
    with pytest.raises(InvalidDelegate, match=message):
        FlowDriver(document).as_user(who).escalate(to)
    assert dump() == before


def test_not_to_oneself(document, ann):
    make_flow(document, ann)
    refused(document, ann, ann, "cannot be handed to oneself")


def test_not_to_somebody_inactive(document, ann, bob):
    make_flow(document, ann)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    refused(document, ann, bob, "escalate_to: this account is not active")


@pytest.mark.parametrize("nobody", ["bob", 3, object()])
def test_not_to_what_is_no_user(document, ann, nobody):
    make_flow(document, ann)
    refused(document, ann, nobody, "escalate_to: expected the user")


def test_not_in_a_circle(document, ann, bob):
    make_flow(document, ann)
    FlowDriver(document).as_user(ann).escalate(bob)
    refused(document, bob, ann, "has a part in the step already")


def test_not_by_somebody_else(document, ann, bob, cid):
    make_flow(document, ann)
    with pytest.raises(ApprovalPermissionDenied):
        FlowDriver(document).as_user(bob).escalate(cid)


def test_not_by_who_only_holds_the_role(document, ann):
    """A new holder may decide, but the part in the step is somebody else's."""
    role = make_role(1)
    make_flow(document, role_step(role))
    newcomer = UserFactory.create(role=role)
    with pytest.raises(ApprovalPermissionDenied, match="Only the person asked"):
        FlowDriver(document).as_user(newcomer).escalate(ann)


def test_person_who_escalated_can_act_no_more(document, ann, bob):
    make_flow(document, user_step(ann, allow_higher_level=False))
    FlowDriver(document).as_user(ann).escalate(bob)
    assert_may_not_act(document, ann, code="not_assigned")


# The limit


@pytest.mark.parametrize("limit", [1, 2])
def test_limit_is_kept(document, by_manager, limit):
    make_flow(document, user_step(by_manager["worker"], max_escalation_level=limit))
    driver = FlowDriver(document)
    for rank in RANKS[:limit]:
        driver.as_user(by_manager[rank]).escalate()
    with pytest.raises(InvalidDelegate, match=f"more than {limit} times"):
        driver.as_user(by_manager[RANKS[limit]]).escalate()
    assert_waiting_on(document, by_manager[RANKS[limit]])


def test_limit_is_of_each_part_in_the_step(document, by_tree):
    role = by_tree["worker"].role
    colleague = UserFactory.create(role=role)
    make_flow(document, role_step(role, "consensus", max_escalation_level=1))
    driver = FlowDriver(document)
    driver.as_user(by_tree["worker"]).escalate()
    driver.as_user(colleague).escalate()
    with pytest.raises(InvalidDelegate):
        driver.as_user(by_tree["head"]).escalate()


def test_limit_is_kept_over_a_delegation(document, by_manager, ann):
    make_flow(document, user_step(by_manager["worker"], max_escalation_level=1))
    driver = FlowDriver(document)
    driver.as_user(by_manager["worker"]).escalate()
    driver.as_user(by_manager["head"]).delegate(ann)
    with pytest.raises(InvalidDelegate, match="more than 1 times"):
        driver.as_user(ann).escalate(by_manager["chief"])


@pytest.mark.parametrize("limit", [0, -1, 1.5, "1", True])
def test_limit_must_be_a_whole_number(document, ann, limit):
    with pytest.raises(InvalidSteps) as caught:
        make_flow(document, user_step(ann, max_escalation_level=limit))
    assert list(caught.value.errors) == ["steps[0].max_escalation_level"]


def test_it_may_be_called_with_the_step(document, ann, bob):
    make_flow(document, ann)
    row = FlowDriver(document).current_steps[0]
    assert escalate(row, ann, escalate_to=bob).assigned_to == bob
    assert row.status == "escalated"
