"""Who started the flow, and who has decided in it, may be kept out of a step: on every way."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approval_workflow.exceptions import ApprovalPermissionDenied, InvalidDelegate, NobodyEligible
from approval_workflow.services import reassign, substitute
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_may_act,
    assert_may_not_act,
    assert_waiting_on,
    role_step,
    user_step,
)
from approval_workflow.utils import waiting_for
from purchasing.models import User
from tests.factories import RoleFactory, UserFactory, make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db

KEPT_OUT = "separation_of_duties"


@pytest.fixture
def boss_and_role(db):
    """Somebody whose role is above another."""
    top = RoleFactory.create()
    return UserFactory.create(username="boss", role=top), RoleFactory.create(parent=top)


def stand_in(person, by):
    substitute(person, by, ends_at=timezone.now() + timedelta(days=1))


# Not who started the flow


def test_who_started_may_act_where_the_step_does_not_say_otherwise(document, ann):
    FlowDriver.start(document, [user_step(ann)], started_by=ann)
    assert_may_act(document, ann)


def test_step_of_whoever_started_does_not_open(document, ann):
    before = dump()
    with pytest.raises(NobodyEligible, match="separation of duties keeps ann out"):
        FlowDriver.start(document, [user_step(ann, exclude_starter=True)], started_by=ann)
    assert dump() == before


def test_later_step_of_whoever_started_does_not_open_either(document, ann, bob):
    steps = [user_step(bob), user_step(ann, exclude_starter=True)]
    driver = FlowDriver.start(document, steps, started_by=ann)
    before = dump()
    with pytest.raises(NobodyEligible):
        driver.as_user(bob).approve()
    assert dump() == before


@pytest.mark.parametrize("strategy", ["anyone", "consensus", "majority"])
def test_role_is_asked_without_whoever_started(document, strategy):
    role = make_role(3)
    first, *others = role.users.order_by("pk")
    step = role_step(role, strategy, exclude_starter=True)
    FlowDriver.start(document, [step], started_by=first)
    assert_waiting_on(document, *others)
    assert_may_not_act(document, first, code=KEPT_OUT)
    assert not waiting_for(first).exists()


def test_role_of_whoever_started_alone_is_nobody(document):
    role = make_role(1)
    step = role_step(role, exclude_starter=True)
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [step], started_by=role.users.get())


def test_not_as_a_new_holder(document, ann):
    role = make_role(1)
    FlowDriver.start(document, [role_step(role, exclude_starter=True)], started_by=ann)
    User.objects.filter(pk=ann.pk).update(role=role)
    assert_may_not_act(document, ann, code=KEPT_OUT)
    assert not waiting_for(User.objects.get(pk=ann.pk)).exists()


def test_not_by_seniority(document, boss_and_role):
    boss, role = boss_and_role
    junior = UserFactory.create(role=role)
    FlowDriver.start(document, [user_step(junior, exclude_starter=True)], started_by=boss)
    assert_may_not_act(document, boss, code=KEPT_OUT)
    assert not waiting_for(boss).exists()


def test_not_by_substitution(document, ann, bob):
    FlowDriver.start(document, [user_step(ann, exclude_starter=True)], started_by=bob)
    stand_in(ann, bob)
    assert_may_not_act(document, bob, code=KEPT_OUT)
    assert not waiting_for(bob).exists()


def test_not_by_delegation(document, ann, bob):
    driver = FlowDriver.start(document, [user_step(ann, exclude_starter=True)], started_by=bob)
    with pytest.raises(InvalidDelegate, match="may not act in this step"):
        driver.as_user(ann).delegate(bob)


def test_not_by_escalation(document, boss_and_role):
    boss, role = boss_and_role
    junior = UserFactory.create(role=role)
    driver = FlowDriver.start(document, [user_step(junior, exclude_starter=True)], started_by=boss)
    for above in (None, boss):
        with pytest.raises(InvalidDelegate):
            driver.as_user(junior).escalate(above)


def test_not_by_reassignment(document, ann, bob, cid):
    driver = FlowDriver.start(document, [user_step(ann, exclude_starter=True)], started_by=bob)
    with pytest.raises(InvalidDelegate):
        reassign(driver.current_steps[0], cid, assign_to=bob, reason="x")


def test_flow_that_nobody_started_keeps_nobody_out(document, ann):
    FlowDriver.start(document, [user_step(ann, exclude_starter=True)])
    assert_may_act(document, ann)


# Not who has decided before


def test_who_has_decided_may_decide_again_where_the_step_does_not_say_otherwise(document, ann):
    driver = FlowDriver.start(document, [user_step(ann), user_step(ann)])
    driver.as_user(ann).approve()
    assert_may_act(document, ann)


def test_role_is_asked_without_whoever_has_decided(document):
    role = make_role(3)
    first, second, third = role.users.order_by("pk")
    steps = [role_step(role), role_step(role, "consensus", exclude_deciders=True)]
    driver = FlowDriver.start(document, steps)
    driver.as_user(second).approve()
    assert_waiting_on(document, first, third)
    assert_may_not_act(document, second, code=KEPT_OUT)
    assert not waiting_for(second).exists()


def test_four_eyes_of_a_role_of_two(document):
    role = make_role(2)
    first, second = role.users.order_by("pk")
    steps = [role_step(role), role_step(role, exclude_deciders=True)]
    driver = FlowDriver.start(document, steps)
    driver.as_user(first).approve()
    with pytest.raises(ApprovalPermissionDenied):
        driver.as_user(first).approve()
    driver.as_user(second).approve()
    assert_flow_status(document, "completed")


def test_step_of_whoever_has_decided_does_not_open(document, ann, bob):
    driver = FlowDriver.start(document, [user_step(ann), user_step(ann, exclude_deciders=True)])
    with pytest.raises(NobodyEligible):
        driver.as_user(ann).approve()


def test_who_decides_elsewhere_meanwhile_may_not_act_any_more(document, ann, bob):
    """Two tracks: Ann decides on one, and has by that left the other to Bob."""
    role = RoleFactory.create()
    User.objects.filter(pk__in=[ann.pk, bob.pk]).update(role=role)
    steps = [
        user_step(ann, step=1, parallel_group="a"),
        role_step(role, step=1, parallel_group="b", exclude_deciders=True),
    ]
    driver = FlowDriver.start(document, steps)
    driver.as_user(ann, step=driver.current_steps[0]).approve()
    assert_may_not_act(document, ann, code=KEPT_OUT)
    assert_waiting_on(document, bob)


def test_who_rejected_an_earlier_vote_has_decided(document):
    role = make_role(3)
    first, second, third = role.users.order_by("pk")
    steps = [
        role_step(role, "majority", rejection_policy="out_of_reach"),
        role_step(role, exclude_deciders=True),
    ]
    driver = FlowDriver.start(document, steps)
    driver.as_user(first).reject()
    driver.as_user(second).approve()
    with pytest.raises(NobodyEligible):
        driver.as_user(third).approve()


def test_who_asked_for_corrections_has_not_decided(document, ann, bob):
    """The new round is a new look at the object."""
    driver = FlowDriver.start(document, [user_step(ann)])
    driver.as_user(ann).request_resubmission([user_step(ann, exclude_deciders=True)])
    assert_may_act(document, ann)


def test_who_delegated_has_not_decided(document, ann, bob):
    steps = [user_step(ann), user_step(ann, exclude_deciders=True)]
    driver = FlowDriver.start(document, steps)
    driver.as_user(ann).delegate(bob)
    driver.as_user(bob).approve()
    assert_waiting_on(document, ann)


def test_senior_who_decided_for_a_junior_has_decided_and_the_junior_has_not(
    document, boss_and_role
):
    boss, role = boss_and_role
    junior = UserFactory.create(role=role)
    steps = [user_step(junior), user_step(junior, exclude_deciders=True)]
    driver = FlowDriver.start(document, steps)
    driver.as_user(boss).approve()
    assert_may_act(document, junior)
    assert_may_not_act(document, boss, code=KEPT_OUT)


def test_stand_in_for_somebody_who_has_decided_is_kept_out_with_them(document, ann, bob):
    role = RoleFactory.create()
    User.objects.filter(pk__in=[ann.pk, bob.pk]).update(role=role)
    cid = UserFactory.create()
    steps = [
        user_step(ann, step=1, parallel_group="a"),
        role_step(role, step=1, parallel_group="b", exclude_deciders=True),
    ]
    driver = FlowDriver.start(document, steps)
    row_of_ann = driver.current_steps[1]
    assert row_of_ann.assigned_to == ann
    driver.as_user(ann, step=driver.current_steps[0]).approve()
    stand_in(ann, cid)
    assert driver.as_user(cid, step=row_of_ann).permission.code == KEPT_OUT
    assert not waiting_for(cid).exists()
