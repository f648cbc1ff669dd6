"""Strategies as pure deciders, in tables; and those that projects add."""

from decimal import Decimal

import pytest

from approval_workflow.choices import RejectionPolicy, RoleSelectionStrategy
from approval_workflow.exceptions import ApprovalMisconfigured, NobodyEligible
from approval_workflow.services import advance_flow
from approval_workflow.strategies import (
    Strategy,
    all_strategies,
    get_strategy,
    known_strategies,
    strategy_of,
)
from approval_workflow.types import Outcome, StepSpec, Votes
from tests.approval_workflow.flows import by, current, make_flow
from tests.factories import UserFactory, make_role

FIRST, REACH = RejectionPolicy.FIRST.value, RejectionPolicy.OUT_OF_REACH.value
OPEN, APPROVED, REJECTED = Outcome.OPEN, Outcome.APPROVED, Outcome.REJECTED


def outcome(strategy, policy, approved, rejected, still_open):
    rules = StepSpec(step=1, rejection_policy=policy)
    return strategy.decide(Votes(approved, rejected, still_open), rules).outcome


ONE_IS_ENOUGH = [
    # policy, approved, rejected, open, outcome
    (FIRST, 0, 0, 1, OPEN),
    (FIRST, 0, 0, 3, OPEN),
    (FIRST, 1, 0, 0, APPROVED),
    (FIRST, 1, 0, 2, APPROVED),
    (FIRST, 0, 1, 0, REJECTED),
    (FIRST, 0, 1, 2, REJECTED),
    (REACH, 0, 0, 1, OPEN),
    (REACH, 1, 0, 0, APPROVED),
    (REACH, 0, 1, 2, OPEN),
    (REACH, 0, 2, 1, OPEN),
    (REACH, 1, 2, 0, APPROVED),
    (REACH, 0, 3, 0, REJECTED),
    (REACH, 0, 1, 0, REJECTED),
    # Everybody has left: nobody has rejected, so the step waits.
    (FIRST, 0, 0, 0, OPEN),
    (REACH, 0, 0, 0, OPEN),
]

ALL_ARE_NEEDED = [
    (FIRST, 0, 0, 1, OPEN),
    (FIRST, 1, 0, 0, APPROVED),
    (FIRST, 1, 0, 2, OPEN),
    (FIRST, 2, 0, 1, OPEN),
    (FIRST, 3, 0, 0, APPROVED),
    (FIRST, 0, 1, 2, REJECTED),
    (FIRST, 2, 1, 0, REJECTED),
    (REACH, 2, 0, 1, OPEN),
    (REACH, 3, 0, 0, APPROVED),
    (REACH, 0, 1, 2, REJECTED),
    (REACH, 2, 1, 0, REJECTED),
    (REACH, 0, 1, 0, REJECTED),
    (FIRST, 0, 0, 0, OPEN),
    (REACH, 0, 0, 0, OPEN),
]


@pytest.mark.parametrize("value", ["", "anyone", "round_robin"], ids=lambda value: value or "named")
@pytest.mark.parametrize(
    ("policy", "approved", "rejected", "still_open", "expected"), ONE_IS_ENOUGH
)
def test_one_approval_is_enough(value, policy, approved, rejected, still_open, expected):
    strategy = strategy_of(StepSpec(step=1, role_selection_strategy=value))
    assert outcome(strategy, policy, approved, rejected, still_open) is expected


@pytest.mark.parametrize(
    ("policy", "approved", "rejected", "still_open", "expected"), ALL_ARE_NEEDED
)
def test_consensus_needs_all(policy, approved, rejected, still_open, expected):
    strategy = get_strategy("consensus")
    assert outcome(strategy, policy, approved, rejected, still_open) is expected


@pytest.mark.parametrize("value", RoleSelectionStrategy.values)
def test_every_strategy_that_is_named_has_a_working_class(value):
    """D-121, DESIGN 4"""
    strategy = get_strategy(value)
    assert isinstance(strategy, Strategy)
    assert strategy.value == value
    assert str(strategy.label) == RoleSelectionStrategy(value).label


@pytest.mark.parametrize("value", RoleSelectionStrategy.values)
@pytest.mark.parametrize("electorate", [0, 1, 2, 3, 1000])
def test_at_least_one_approval_is_needed_always(value, electorate):
    rules = StepSpec(step=1, quorum_count=1, percentage_required=Decimal("0.01"))
    assert get_strategy(value).needed(electorate, rules) >= 1


@pytest.mark.parametrize("value", RoleSelectionStrategy.values)
@pytest.mark.parametrize("policy", [FIRST, REACH])
def test_decision_is_final_once_everybody_has_voted(value, policy):
    rules = StepSpec(
        step=1, rejection_policy=policy, quorum_count=2, percentage_required=Decimal(50)
    )
    for approved in range(4):
        votes = Votes(approved, 4 - approved, 0)
        decision = get_strategy(value).decide(votes, rules)
        assert decision.outcome is not OPEN, votes


def test_decision_says_why():
    decision = get_strategy("consensus").decide(Votes(1, 0, 2), StepSpec(step=1))
    assert decision.reason == "1 of 3 approvals."


def test_strategy_that_does_not_exist_is_named_with_the_known_ones():
    with pytest.raises(ApprovalMisconfigured, match=r"'lottery'; known are: anyone, consensus"):
        get_strategy("lottery")


# A project's own strategies


class Eldest(Strategy):
    """Asks the holder who was there first."""

    value = "eldest"
    label = "The eldest"

    def select(self, selection):
        return list(selection.holders()[:1])

    def needed(self, electorate, rules):
        return 1


class TwoOfAll(Eldest):
    """Takes the place of a supplied one."""

    value = "anyone"

    def select(self, selection):
        return list(selection.holders())

    def needed(self, electorate, rules):
        return 2


class Careless(Eldest):
    """Returns people twice, and people who may not act."""

    def select(self, selection):
        user_model = selection.holders().model
        return [*user_model.objects.order_by("pk"), *user_model.objects.order_by("pk")]


class NoStrategy:
    """Not a subclass of Strategy."""


HERE = "tests.approval_workflow.test_strategies"


@pytest.mark.django_db
def test_strategy_of_the_project_serves_steps(settings):
    """L12"""
    settings.APPROVAL_ROLE_STRATEGIES = {"eldest": f"{HERE}.Eldest"}
    role = make_role(3)
    flow = make_flow(by(role, "eldest"))
    (row,) = current(flow)
    assert row.assigned_to == role.users.order_by("pk").first()
    assert advance_flow(flow.target, "approved", row.assigned_to) is None


@pytest.mark.django_db
def test_strategy_of_the_project_may_take_the_place_of_a_supplied_one(settings):
    settings.APPROVAL_ROLE_STRATEGIES = {"anyone": f"{HERE}.TwoOfAll"}
    role = make_role(3)
    first, second, _third = role.users.order_by("pk")
    flow = make_flow(by(role))
    assert advance_flow(flow.target, "approved", first) is not None
    assert advance_flow(flow.target, "approved", second) is None


@pytest.mark.django_db
def test_people_whom_a_strategy_names_twice_or_wrongly_are_asked_once_or_not(settings):
    settings.APPROVAL_ROLE_STRATEGIES = {"careless": f"{HERE}.Careless"}
    role = make_role(2)
    UserFactory.create(is_active=False)
    flow = make_flow(by(role, "careless"))
    assert {row.assigned_to for row in current(flow)} == set(role.users.all())
    assert len(current(flow)) == 2


@pytest.mark.django_db
def test_strategy_that_names_nobody_who_may_act_is_an_error(settings):
    settings.APPROVAL_ROLE_STRATEGIES = {"careless": f"{HERE}.Careless"}
    role = make_role(1)
    role.users.update(is_active=False)
    with pytest.raises(NobodyEligible):
        make_flow(by(role, "careless"))


def test_strategies_of_the_project_are_known(settings):
    settings.APPROVAL_ROLE_STRATEGIES = {"eldest": f"{HERE}.Eldest"}
    assert "eldest" in known_strategies()
    assert "eldest" in [strategy.value for strategy in all_strategies()]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{HERE}.Missing", "cannot be imported"),
        ("nowhere.Strategy", "cannot be imported"),
        (f"{HERE}.NoStrategy", "is not a subclass"),
        (f"{HERE}.make_role", "is not a subclass"),
    ],
)
def test_path_that_leads_to_no_strategy_is_misconfigured(settings, path, message):
    settings.APPROVAL_ROLE_STRATEGIES = {"own": path}
    with pytest.raises(ApprovalMisconfigured, match=message):
        get_strategy("own")
