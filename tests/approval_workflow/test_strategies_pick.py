"""Strategies that pick one person: RANDOM, WORKLOAD_BALANCED, SENIORITY_BASED, LEAD_ONLY.

ROUND_ROBIN has tests of its own.
"""

from datetime import UTC, datetime

import pytest

from approval_workflow.exceptions import ApprovalMisconfigured, NobodyEligible
from approval_workflow.strategies import pick
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_may_not_act,
    assert_waiting_on,
    make_flow,
    role_step,
    user_step,
)
from purchasing.models import User
from tests.factories import UserFactory, make_role
from tests.testapp.models import Document, PlainRole

pytestmark = pytest.mark.django_db

PICKERS = ("round_robin", "random", "workload_balanced", "seniority_based", "lead_only")


def new_document():
    return Document.objects.create(title="Contract")


def picked(role, strategy, **keys):
    """The one person whom a new step asks."""
    driver = FlowDriver.start(new_document(), [role_step(role, strategy, **keys)])
    (row,) = driver.current_steps
    return row.assigned_to


def make_role_with_lead(people):
    """A role whose lead is its last holder."""
    role = make_role(people)
    role.lead = role.users.order_by("pk").last()
    role.save()
    return role


# All of them


@pytest.mark.parametrize("strategy", PICKERS)
@pytest.mark.parametrize("people", [1, 2, 3, 10, 100])
def test_one_person_is_asked_and_is_enough(document, strategy, people):
    driver = FlowDriver.start(document, [role_step(make_role_with_lead(people), strategy)])
    (row,) = driver.current_steps
    driver.as_user(row.assigned_to).approve()
    assert_flow_status(document, "completed")


@pytest.mark.parametrize("strategy", PICKERS)
@pytest.mark.parametrize("policy", ["first", "out_of_reach"])
def test_the_one_who_rejects_ends_the_flow(document, strategy, policy):
    step = role_step(make_role_with_lead(3), strategy, rejection_policy=policy)
    FlowDriver.start(document, [step]).reject()
    assert_flow_status(document, "rejected")


@pytest.mark.parametrize("strategy", PICKERS)
def test_the_others_of_the_role_may_not_act(document, strategy):
    role = make_role_with_lead(3)
    driver = FlowDriver.start(document, [role_step(role, strategy)])
    asked = driver.current_steps[0].assigned_to
    for other in role.users.exclude(pk=asked.pk):
        assert_may_not_act(document, other, code="not_assigned")


@pytest.mark.parametrize("strategy", PICKERS)
def test_role_without_anybody_is_an_error(document, strategy):
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [role_step(make_role(0), strategy)])


@pytest.mark.parametrize("strategy", PICKERS)
def test_inactive_people_are_not_asked(document, strategy):
    role = make_role_with_lead(1)
    role.users.update(is_active=False)
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [role_step(role, strategy)])


@pytest.mark.parametrize("strategy", [name for name in PICKERS if name != "lead_only"])
def test_excluded_people_are_not_asked(document, strategy):
    role = make_role(2)
    first, second = role.users.order_by("pk")
    step = role_step(role, strategy, exclude_starter=True)
    FlowDriver.start(document, [step], started_by=first)
    assert_waiting_on(document, second)


# RANDOM


def test_random_draws_from_all_who_hold_the_role(monkeypatch):  # D-71, K3
    role = make_role(3)
    drawn_from = []

    def last(candidates):
        drawn_from.extend(candidates)
        return candidates[-1]

    monkeypatch.setattr(pick.secrets, "choice", last)
    assert picked(role, "random") == drawn_from[-1]
    assert drawn_from == list(role.users.order_by("pk"))


def test_random_asks_everybody_sooner_or_later():
    role = make_role(2)
    asked = {picked(role, "random") for _flow in range(40)}
    assert asked == set(role.users.all())


# WORKLOAD_BALANCED


def test_workload_goes_to_whoever_has_the_fewest_open_steps():
    role = make_role(3)
    first, second, third = role.users.order_by("pk")
    for busy in (first, first, second, third, third):
        make_flow(new_document(), busy)
    assert picked(role, "workload_balanced") == second


def test_workload_is_shared_out_evenly():
    role = make_role(3)
    asked = [picked(role, "workload_balanced") for _flow in range(6)]
    assert asked == [*role.users.order_by("pk"), *role.users.order_by("pk")]


def test_workload_counts_what_is_open_now_only():
    role = make_role(2)
    first, second = role.users.order_by("pk")
    make_flow(new_document(), first, status="completed")
    make_flow(new_document(), user_step(second), user_step(first))
    assert picked(role, "workload_balanced") == first


# SENIORITY_BASED


def test_seniority_asks_whoever_joined_first():
    role = make_role(3)
    second = role.users.order_by("pk")[1]
    User.objects.filter(pk=second.pk).update(date_joined=datetime(1999, 1, 1, tzinfo=UTC))
    assert picked(role, "seniority_based") == second


def test_seniority_is_by_the_field_of_the_settings(settings):
    settings.APPROVAL_SENIORITY_FIELD = "last_name"
    role = make_role(0)
    for name in ("Berg", "Adams", "Cole"):
        UserFactory.create(role=role, last_name=name)
    assert picked(role, "seniority_based").last_name == "Adams"


def test_of_two_who_joined_together_it_is_the_first_in_the_table():
    role = make_role(2)
    role.users.update(date_joined=datetime(1999, 1, 1, tzinfo=UTC))
    assert picked(role, "seniority_based") == role.users.order_by("pk").first()


def test_seniority_field_that_there_is_not_is_misconfigured(document, settings):
    settings.APPROVAL_SENIORITY_FIELD = "hired_on"
    with pytest.raises(ApprovalMisconfigured, match="APPROVAL_SENIORITY_FIELD"):
        FlowDriver.start(document, [role_step(make_role(1), "seniority_based")])


# LEAD_ONLY


def test_lead_is_asked():
    role = make_role_with_lead(3)
    assert picked(role, "lead_only") == role.lead


def test_lead_need_not_hold_the_role(ann):
    role = make_role(2, lead=ann)
    assert picked(role, "lead_only") == ann


def test_lead_of_the_role_as_stored_is_asked(ann, bob):
    """The role object that the caller holds may be old."""
    role = make_role(0, lead=ann)
    type(role).objects.filter(pk=role.pk).update(lead=bob)
    assert picked(role, "lead_only") == bob


def test_lead_who_is_inactive_now_is_not_asked(document, ann):
    role = make_role(1, lead=ann)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [role_step(role, "lead_only")])


def test_role_without_a_lead_has_nobody_to_ask(document):
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [role_step(make_role(2), "lead_only")])


def test_lead_who_is_excluded_is_not_asked(document, ann):
    step = role_step(make_role(2, lead=ann), "lead_only", exclude_starter=True)
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [step], started_by=ann)


def test_lead_is_found_by_the_field_of_the_settings(ann, settings):
    settings.APPROVAL_ROLE_LEAD_FIELD = "speaker"
    role = make_role(1)
    type(role).speaker = property(lambda role: ann)
    try:
        assert picked(role, "lead_only") == ann
    finally:
        del type(role).speaker


def test_lead_field_that_there_is_not_is_misconfigured(document):
    role = PlainRole.objects.create(name="Committee")
    with pytest.raises(
        ApprovalMisconfigured, match="no field 'lead': set APPROVAL_ROLE_LEAD_FIELD"
    ):
        FlowDriver.start(document, [role_step(role, "lead_only")])


def test_lead_of_a_role_that_is_gone_is_nobody(document, ann, bob):
    role = make_role(1, lead=ann)
    driver = FlowDriver.start(document, [user_step(bob), role_step(role, "lead_only")])
    User.objects.filter(role=role).update(role=None)
    role.delete()
    with pytest.raises(NobodyEligible):
        driver.as_user(bob).approve()
