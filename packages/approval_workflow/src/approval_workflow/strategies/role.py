"""Strategies that ask all holders of a role."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.choices import RoleSelectionStrategy
from approval_workflow.strategies.base import Selection, Strategy
from approval_workflow.types import StepRules, StepSpec

HUNDRED_PER_CENT = 10_000  # hundredths of a per cent


class Holders(Strategy):
    """Base of the strategies that ask all who hold the role when the step opens."""

    def select(self, selection: Selection) -> Sequence[Any]:
        return list(selection.holders())


class Anyone(Holders):
    """The first approval is enough; who gets the role later may act too."""

    value = RoleSelectionStrategy.ANYONE.value
    label = RoleSelectionStrategy.ANYONE.label
    admits_new_holders = True

    def needed(self, electorate: int, rules: StepRules) -> int:
        return 1


class Consensus(Holders):
    """All who held the role when the step opened, and still hold it, must approve."""

    value = RoleSelectionStrategy.CONSENSUS.value
    label = RoleSelectionStrategy.CONSENSUS.label

    def needed(self, electorate: int, rules: StepRules) -> int:
        return max(electorate, 1)


class Quorum(Holders):
    """`quorum_count` of those asked must approve."""

    value = RoleSelectionStrategy.QUORUM.value
    label = RoleSelectionStrategy.QUORUM.label

    def validate(self, step: StepSpec) -> dict[str, str]:
        if step.quorum_count is None:
            return {"quorum_count": _("Expected how many approvals this step needs.")}
        return {}

    def needed(self, electorate: int, rules: StepRules) -> int:
        return rules.quorum_count or 1


class Majority(Holders):
    """More than half of those asked must approve."""

    value = RoleSelectionStrategy.MAJORITY.value
    label = RoleSelectionStrategy.MAJORITY.label

    def needed(self, electorate: int, rules: StepRules) -> int:
        return electorate // 2 + 1


class Percentage(Holders):
    """`percentage_required` per cent of those asked must approve."""

    value = RoleSelectionStrategy.PERCENTAGE.value
    label = RoleSelectionStrategy.PERCENTAGE.label

    def validate(self, step: StepSpec) -> dict[str, str]:
        if step.percentage_required is None:
            return {"percentage_required": _("Expected a percentage above 0, at most 100.")}
        return {}

    def needed(self, electorate: int, rules: StepRules) -> int:
        return share_of(electorate, rules.percentage_required or Decimal(0))


def share_of(electorate: int, percentage: Decimal) -> int:
    """Return the smallest number of people, at least one, who are that percentage of all.

    A share counts as its percentage rounded half up to two places, which is how people write it:
    two of three are 66.67 per cent. 100 per cent is everybody. Exact: no floats.
    """
    wanted = int(percentage * 100)
    if wanted >= HUNDRED_PER_CENT:
        return max(electorate, 1)
    # round_half_up(10_000 * people / electorate) >= wanted, solved for people.
    doubled = electorate * (2 * wanted - 1)
    return max(1, -(-doubled // (2 * HUNDRED_PER_CENT)))
