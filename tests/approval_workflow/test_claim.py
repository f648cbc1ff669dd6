"""Taking the step of a role for oneself, and giving it back."""

import pytest

from approval_workflow.choices import EventKind
from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    Conflict,
    StepAlreadyProcessed,
    StepNotOpen,
)
from approval_workflow.services import claim, release
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_may_act,
    assert_may_not_act,
    assert_waiting_on,
    make_flow,
    role_step,
)
from approval_workflow.utils import waiting_for
from purchasing.models import User
from tests.approval_workflow.flows import last_event, row_of
from tests.factories import RoleFactory, UserFactory, make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db


@pytest.fixture
def role(db):
    return make_role(3)


@pytest.fixture
def holders(role):
    return list(role.users.order_by("pk"))


@pytest.fixture
def driver(document, role):
    return FlowDriver.start(document, [role_step(role)])


def test_whoever_claims_keeps_the_others_from_deciding(document, driver, holders):
    row = driver.as_user(holders[1]).claim(comment="Mine")
    assert (row.status, row.assigned_to) == ("current", holders[1])
    assert row.claimed_at is not None
    assert_waiting_on(document, holders[1])
    for other in (holders[0], holders[2]):
        assert_may_not_act(document, other, code="claimed")
        assert not waiting_for(other).exists()
        with pytest.raises(ApprovalPermissionDenied):
            driver.as_user(other).approve()


def test_whoever_claimed_decides(document, driver, holders):
    driver.as_user(holders[1]).claim()
    driver.as_user(holders[1]).approve()
    assert_flow_status(document, "completed")
    approved = driver.flow.instances.get(status="approved")
    assert approved.assigned_to == approved.action_user == holders[1]


def test_history_has_claim_and_release(document, driver, holders):
    driver.as_user(holders[1]).claim(comment="Mine")
    driver.as_user(holders[1]).release(comment="No time")
    claimed, released = driver.flow.events.in_order()[2:]
    assert (claimed.kind, claimed.actor, claimed.comment) == ("claimed", holders[1], "Mine")
    assert (released.kind, released.actor, released.comment) == (
        "released",
        holders[1],
        "No time",
    )
    row = row_of(driver.flow, holders[1])
    assert claimed.instance == released.instance == row
    assert_history_intact(document)


def test_released_step_is_anybodys_again(document, driver, holders):
    driver.as_user(holders[1]).claim()
    row = driver.as_user(holders[1]).release()
    assert (row.status, row.claimed_at) == ("current", None)
    assert_waiting_on(document, *holders)
    driver.as_user(holders[2]).approve()
    assert_flow_status(document, "completed")


def test_claimed_step_is_not_claimed_again(driver, holders):
    driver.as_user(holders[1]).claim()
    before = dump()
    with pytest.raises(Conflict, match="claimed already"):
        driver.as_user(holders[1]).claim()
    with pytest.raises(ApprovalPermissionDenied) as caught:
        driver.as_user(holders[2]).claim()
    assert caught.value.details["reason"] == "claimed"
    assert dump() == before


def test_step_that_is_not_claimed_is_not_released(driver, holders):
    with pytest.raises(Conflict, match="not claimed"):
        driver.as_user(holders[0]).release()


def test_another_holder_cannot_release(driver, holders):
    row = driver.as_user(holders[1]).claim()
    for step in (None, row):
        with pytest.raises(ApprovalPermissionDenied):
            driver.as_user(holders[0], step=step).release()
    assert driver.as_user(holders[1]).permission


def test_new_holder_claims_with_a_row_of_their_own(document, driver, role, holders):
    newcomer = UserFactory.create(role=role)
    row = driver.as_user(newcomer).claim()
    assert (row.assigned_to, row.status) == (newcomer, "current")
    assert_waiting_on(document, newcomer)
    assert last_event(driver.flow, EventKind.CLAIMED).instance == row
    driver.as_user(newcomer).approve()
    assert_flow_status(document, "completed")


def test_new_holder_who_released_has_one_row(document, driver, role, holders):
    newcomer = UserFactory.create(role=role)
    for _time in range(2):
        driver.as_user(newcomer).claim()
        driver.as_user(newcomer).release()
    assert driver.flow.instances.filter(assigned_to=newcomer).count() == 1
    assert_waiting_on(document, *holders, newcomer)


def test_instance_of_somebody_else_leads_to_a_row_of_ones_own(driver, role, holders):
    """A new holder may point at any row of the step."""
    newcomer = UserFactory.create(role=role)
    row = claim(row_of(driver.flow, holders[0]), newcomer)
    assert row.assigned_to == newcomer


def test_claim_by_somebodys_row_does_not_claim_it_for_them(driver, holders):
    """A holder with a row of their own who points at another's claims their own."""
    row = claim(row_of(driver.flow, holders[0]), holders[1])
    assert row.assigned_to == holders[1]
    assert row.claimed_at is not None


def test_outsider_cannot_claim(driver, ann):
    with pytest.raises(ApprovalPermissionDenied):
        driver.as_user(ann).claim()


def test_senior_may_release_what_a_junior_claimed(document, ann):
    top = RoleFactory.create()
    role = make_role(2, parent=top)
    boss = UserFactory.create(role=top)
    first, second = role.users.order_by("pk")
    driver = FlowDriver.start(document, [role_step(role)])
    driver.as_user(first).claim()
    driver.as_user(boss).release()
    assert last_event(driver.flow, "released").on_behalf_of == first
    assert_waiting_on(document, first, second)


@pytest.mark.parametrize("strategy", ["consensus", "majority", "round_robin"])
def test_votes_and_turns_cannot_be_claimed(document, role, holders, strategy):
    driver = FlowDriver.start(document, [role_step(role, strategy)])
    asked = driver.current_steps[0].assigned_to
    with pytest.raises(Conflict, match="anybody of a role"):
        driver.as_user(asked).claim()


def test_step_of_one_person_cannot_be_claimed(document, ann):
    driver = FlowDriver(document)
    make_flow(document, ann)
    with pytest.raises(Conflict, match="anybody of a role"):
        driver.as_user(ann).claim()


def test_claimed_step_may_be_delegated(document, driver, holders, ann):
    """Handing it on gives it away: the delegate decides, and so may the other holders."""
    driver.as_user(holders[0]).claim()
    driver.as_user(holders[0]).delegate(ann)
    assert_waiting_on(document, ann, *holders[1:])


@pytest.mark.parametrize("loss", [{"role": None}, {"is_active": False}], ids=["role", "account"])
def test_claim_lapses_with_the_role_and_with_the_account(document, driver, holders, loss):
    """Else nobody could act any more."""
    row = driver.as_user(holders[0]).claim()
    User.objects.filter(pk=holders[0].pk).update(**loss)
    assert_may_not_act(document, holders[0])
    assert_waiting_on(document, *holders[1:])
    assert [step.flow_id for step in waiting_for(holders[1])] == [row.flow_id]
    driver.as_user(holders[1]).approve()
    row.refresh_from_db()
    assert row.status == "cancelled"


def test_step_whose_claim_has_lapsed_can_be_claimed_for_good(document, driver, role, holders):
    driver.as_user(holders[0]).claim()
    User.objects.filter(pk=holders[0].pk).update(role=None)
    driver.as_user(holders[1]).claim()
    User.objects.filter(pk=holders[0].pk).update(role=role)
    assert_waiting_on(document, holders[1])


def test_decided_step_is_neither_claimed_nor_released(driver, holders):
    row = row_of(driver.flow, holders[0])
    driver.as_user(holders[1]).approve()
    for act in (claim, release):
        with pytest.raises(StepAlreadyProcessed):
            act(row, holders[0])


def test_step_to_come_is_not_claimed(document, role, holders, ann):
    flow = make_flow(document, ann, role_step(role))
    with pytest.raises(StepNotOpen):
        claim(flow.instances.get(step_number=2), holders[0])


def test_next_step_of_the_role_is_not_claimed_with_it(document, role, holders):
    driver = FlowDriver.start(document, [role_step(role), role_step(role)])
    driver.as_user(holders[0]).claim()
    driver.as_user(holders[0]).approve()
    assert_may_act(document, holders[1])
    assert all(row.claimed_at is None for row in driver.current_steps)
