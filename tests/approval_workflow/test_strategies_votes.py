"""Votes in tables: 1, 2, 3, 10 and 100 people at 0, 1, 50, 66.67, 99.99 and 100 per cent."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_workflow.choices import RejectionPolicy, RoleSelectionStrategy
from approval_workflow.exceptions import InvalidSteps, NobodyEligible
from approval_workflow.strategies import get_strategy
from approval_workflow.strategies.role import share_of
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_waiting_on,
    role_step,
)
from approval_workflow.types import Outcome, StepSpec, Votes
from purchasing.models import User
from tests.factories import make_role
from tests.testapp.models import Document

PEOPLE = (1, 2, 3, 10, 100)
FIRST, REACH = RejectionPolicy.FIRST.value, RejectionPolicy.OUT_OF_REACH.value

# The approvals needed of 1, 2, 3, 10 and 100 people; worked out by hand.
PERCENTAGE_NEEDED = {
    "0.01": (1, 1, 1, 1, 1),
    "1": (1, 1, 1, 1, 1),
    "33.33": (1, 1, 1, 4, 34),
    "33.34": (1, 1, 2, 4, 34),
    "50": (1, 1, 2, 5, 50),
    "50.01": (1, 2, 2, 6, 51),
    "66.67": (1, 2, 2, 7, 67),
    "66.68": (1, 2, 3, 7, 67),
    "99.99": (1, 2, 3, 10, 100),
    "100": (1, 2, 3, 10, 100),
}
MAJORITY_NEEDED = (1, 2, 2, 6, 51)
# The quorum that a step of so many people asks for at each percentage of them, at least one.
QUORUMS = {
    "1": (1, 1, 1, 1, 1),
    "50": (1, 1, 2, 5, 50),
    "66.67": (1, 2, 2, 7, 67),
    "99.99": (1, 2, 3, 10, 100),
    "100": (1, 2, 3, 10, 100),
}
ONE_IS_ENOUGH = ("anyone", "round_robin", "random", "workload_balanced", "seniority_based")
ALL_ARE_NEEDED = (
    "consensus",
    "hierarchy_up",
    "hierarchy_chain",
    "supervisor",
    "management_path",
    "dynamic_attribute",
    "dynamic_function",
)


def cases():
    """Yield strategy, the step's numbers, people, approvals needed."""
    for percentage, row in PERCENTAGE_NEEDED.items():
        for people, needed in zip(PEOPLE, row, strict=True):
            yield "percentage", {"percentage_required": Decimal(percentage)}, people, needed
    for people, needed in zip(PEOPLE, MAJORITY_NEEDED, strict=True):
        yield "majority", {}, people, needed
    for row in QUORUMS.values():
        for people, quorum in zip(PEOPLE, row, strict=True):
            yield "quorum", {"quorum_count": quorum}, people, quorum
    for people in PEOPLE:
        yield from ((value, {}, people, 1) for value in (*ONE_IS_ENOUGH, "lead_only"))
        yield from ((value, {}, people, people) for value in ALL_ARE_NEEDED)
        yield "dynamic_function", {"quorum_count": 1}, people, 1


CASES = list(cases())
TABLE = pytest.mark.parametrize(("strategy", "numbers", "people", "needed"), CASES)


def outcome(strategy, numbers, policy, approved, rejected, still_open):
    rules = StepSpec(step=1, rejection_policy=policy, **numbers)
    return get_strategy(strategy).decide(Votes(approved, rejected, still_open), rules).outcome


def test_the_table_has_every_strategy():
    assert {case[0] for case in CASES} == set(RoleSelectionStrategy.values)


@TABLE
def test_approvals_needed(strategy, numbers, people, needed):
    rules = StepSpec(step=1, **numbers)
    assert get_strategy(strategy).needed(people, rules) == needed


@TABLE
@pytest.mark.parametrize("policy", [FIRST, REACH])
def test_step_ends_at_the_approval_that_is_needed_and_not_before(
    strategy, numbers, people, needed, policy
):
    before = outcome(strategy, numbers, policy, needed - 1, 0, people - needed + 1)
    then = outcome(strategy, numbers, policy, needed, 0, people - needed)
    assert (before, then) == (Outcome.OPEN, Outcome.APPROVED)


@TABLE
def test_first_rejection_rejects(strategy, numbers, people, needed):
    found = outcome(strategy, numbers, FIRST, needed - 1, 1, people - needed)
    assert found is Outcome.REJECTED


@TABLE
def test_out_of_reach_rejects_when_approval_is_out_of_reach_and_not_before(
    strategy, numbers, people, needed
):
    bearable = people - needed
    last = outcome(strategy, numbers, REACH, 0, bearable + 1, people - bearable - 1)
    assert last is Outcome.REJECTED
    if bearable:
        assert outcome(strategy, numbers, REACH, 0, bearable, needed) is Outcome.OPEN


# The rule of percentages


def people_counted_one_by_one(electorate, percentage):
    """The rule as people say it: the first number whose share, as it is written, is enough."""
    for people in range(1, electorate + 1):
        share = (Decimal(100 * people) / electorate).quantize(Decimal("0.01"), ROUND_HALF_UP)
        if share >= percentage:
            return people
    raise AssertionError(electorate)


@given(st.integers(1, 400), st.integers(1, 9_999))
def test_share_is_that_of_counting_one_by_one(electorate, hundredths):
    percentage = Decimal(hundredths) / 100
    assert share_of(electorate, percentage) == people_counted_one_by_one(electorate, percentage)


@pytest.mark.parametrize("electorate", [1, 3, 20_001, 10**9])
def test_hundred_per_cent_is_everybody(electorate):
    """Of 20,001 people, one less than all is written as 100.00 per cent too."""
    assert share_of(electorate, Decimal(100)) == electorate


def test_nobody_is_no_share():
    assert share_of(0, Decimal(50)) == 1


# Through the service


@pytest.fixture
def start(db):
    """Start a step for a role that so many people hold; return its driver and the people."""

    def start_step(people, strategy, **keys):
        role = make_role(people)
        driver = FlowDriver.start(
            Document.objects.create(title="Contract"), [role_step(role, strategy, **keys)]
        )
        return driver, list(role.users.order_by("pk"))

    return start_step


PERCENTAGES = ("1", "50", "66.67", "99.99", "100")
SMALL = [
    (percentage, people, needed)
    for percentage in PERCENTAGES
    for people, needed in zip(PEOPLE, PERCENTAGE_NEEDED[percentage], strict=True)
    if people <= 10 or percentage == "66.67"
]


@pytest.mark.parametrize(("percentage", "people", "needed"), SMALL)
def test_percentage_is_reached_by_the_last_one_needed(start, percentage, people, needed):
    driver, voters = start(people, "percentage", percentage_required=percentage)
    for voter in voters[: needed - 1]:
        driver.as_user(voter).approve()
        assert driver.flow.is_open
    driver.as_user(voters[needed - 1]).approve()
    assert_flow_status(driver.obj, "completed")
    cancelled = driver.flow.instances.filter(status="cancelled").count()
    assert cancelled == people - needed


@pytest.mark.parametrize(("people", "needed"), list(zip(PEOPLE, MAJORITY_NEEDED, strict=True)))
def test_majority_is_reached_by_the_last_one_needed(start, people, needed):
    driver, voters = start(people, "majority")
    for voter in voters[:needed]:
        assert driver.flow.is_open
        driver.as_user(voter).approve()
    assert_flow_status(driver.obj, "completed")
    assert_history_intact(driver.obj)


@pytest.mark.parametrize(("people", "quorum"), [(1, 1), (2, 2), (3, 2), (10, 7), (100, 3)])
def test_quorum_is_reached_by_the_last_one_needed(start, people, quorum):
    driver, voters = start(people, "quorum", quorum_count=quorum)
    for voter in reversed(voters[-quorum:]):
        assert driver.flow.is_open
        driver.as_user(voter).approve()
    assert_flow_status(driver.obj, "completed")


@pytest.mark.parametrize("strategy", ["majority", "percentage", "quorum"])
def test_vote_ends_early_when_it_is_lost(start, strategy):
    numbers = {"percentage": {"percentage_required": 51}, "quorum": {"quorum_count": 6}}
    keys = numbers.get(strategy, {})
    driver, voters = start(10, strategy, rejection_policy="out_of_reach", **keys)
    for voter in voters[:4]:
        driver.as_user(voter).reject()
    assert driver.flow.is_open
    driver.as_user(voters[4]).reject()
    assert_flow_status(driver.obj, "rejected")
    assert driver.flow.instances.filter(status="cancelled").count() == 5


@pytest.mark.parametrize(("strategy", "leavers"), [("majority", 2), ("percentage", 1)])
def test_share_is_of_those_who_still_hold_the_role(start, strategy, leavers):
    """L18: who has left since does not count any more."""
    numbers = {"percentage_required": "66.67"} if strategy == "percentage" else {}
    driver, voters = start(4, strategy, **numbers)
    User.objects.filter(pk__in=[voter.pk for voter in voters[-leavers:]]).update(role=None)
    driver.as_user(voters[0]).approve()
    assert driver.flow.is_open
    driver.as_user(voters[1]).approve()
    assert_flow_status(driver.obj, "completed")


def test_quorum_that_has_become_impossible_waits_for_somebody_to_be_named(start, ann):
    """People who leave are no rejection."""
    driver, voters = start(3, "quorum", quorum_count=2)
    User.objects.filter(pk__in=[voter.pk for voter in voters[1:]]).update(role=None)
    driver.as_user(voters[0]).approve()
    assert driver.flow.is_open
    assert_waiting_on(driver.obj)
    last = driver.current_steps[-1]
    User.objects.filter(pk=voters[2].pk).update(role=last.assigned_role)
    driver.as_user(voters[2]).delegate(ann)
    driver.as_user(ann).approve()
    assert_flow_status(driver.obj, "completed")


# Numbers


@pytest.mark.django_db
@pytest.mark.parametrize("people", [1, 2, 3, 10])
def test_quorum_of_more_people_than_there_are_is_refused(document, people):
    step = role_step(make_role(people), "quorum", quorum_count=people + 1)
    with pytest.raises(NobodyEligible, match=f"needs {people + 1} approvals, of {people} people"):
        FlowDriver.start(document, [step])


WRONG_NUMBERS = [
    ("quorum", "quorum_count", value, "Expected a whole number of at least 1.")
    for value in (0, -1, 1.0, "2", True, 2**31)
] + [
    ("percentage", "percentage_required", value, "Expected a percentage above 0, at most 100")
    for value in (0, -1, "0.001", "100.01", 101, "half", float("nan"), "1e400", [50])
]


@pytest.mark.django_db
@pytest.mark.parametrize(("strategy", "key", "value", "message"), WRONG_NUMBERS)
def test_number_out_of_range_is_refused(document, strategy, key, value, message):
    """0 per cent asks for nobody's approval: there is no such step."""
    with pytest.raises(InvalidSteps) as caught:
        FlowDriver.start(document, [role_step(make_role(), strategy, **{key: value})])
    assert caught.value.errors[f"steps[0].{key}"].startswith(message)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("strategy", "key"),
    [
        ("quorum", "quorum_count"),
        ("percentage", "percentage_required"),
    ],
)
def test_number_that_the_strategy_needs_must_be_given(document, strategy, key):
    with pytest.raises(InvalidSteps) as caught:
        FlowDriver.start(document, [role_step(make_role(), strategy)])
    assert list(caught.value.errors) == [f"steps[0].{key}"]


@pytest.mark.django_db
@pytest.mark.parametrize("value", [66.67, "66.67", Decimal("66.67")])
def test_percentage_may_be_given_as_any_number(document, value):
    driver = FlowDriver.start(
        document, [role_step(make_role(3), "percentage", percentage_required=value)]
    )
    stored = {row.percentage_required for row in driver.current_steps}
    assert stored == {Decimal("66.67")}


@pytest.mark.django_db
@pytest.mark.parametrize("strategy", ["majority", "percentage", "quorum", "consensus"])
def test_votes_need_a_role(document, ann, strategy):
    step = {
        "role_selection_strategy": strategy,
        "quorum_count": 1,
        "percentage_required": 50,
    }
    with pytest.raises(InvalidSteps) as caught:
        FlowDriver.start(document, [step])
    assert caught.value.errors == {"steps[0].assigned_to": "Expected assigned_to or assigned_role."}
