"""Strategies by the value that a step stores."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from approval_workflow.conf import load, settings
from approval_workflow.exceptions import ApprovalMisconfigured
from approval_workflow.strategies.assigned import Assigned
from approval_workflow.strategies.base import Strategy
from approval_workflow.strategies.dynamic import DynamicAttribute, DynamicFunction
from approval_workflow.strategies.hierarchy import (
    HierarchyChain,
    HierarchyUp,
    ManagementPath,
    Supervisor,
)
from approval_workflow.strategies.pick import (
    LeadOnly,
    Random,
    RoundRobin,
    SeniorityBased,
    WorkloadBalanced,
)
from approval_workflow.strategies.role import Anyone, Consensus, Majority, Percentage, Quorum

BUILT_IN: Mapping[str, type[Strategy]] = {
    strategy.value: strategy
    for strategy in (
        Anyone,
        Consensus,
        Quorum,
        Majority,
        Percentage,
        RoundRobin,
        Random,
        WorkloadBalanced,
        SeniorityBased,
        LeadOnly,
        HierarchyUp,
        HierarchyChain,
        Supervisor,
        ManagementPath,
        DynamicAttribute,
        DynamicFunction,
    )
}


def get_strategy(value: str) -> Strategy:
    """Return the strategy of this value; raise `ApprovalMisconfigured` when there is none."""
    path = settings.role_strategies.get(value)
    if path is not None:
        return _from_path(value, path)
    try:
        return BUILT_IN[value]()
    except KeyError:
        raise ApprovalMisconfigured(
            f"There is no role strategy {value!r}; known are: {', '.join(known_strategies())}."
        ) from None


def strategy_of(step: Any) -> Strategy:
    """Return the strategy that decides this step (an instance or a specification)."""
    return (
        get_strategy(step.role_selection_strategy) if step.role_selection_strategy else Assigned()
    )


def known_strategies() -> list[str]:
    """Return the values of all strategies, the project's own included."""
    return sorted({*BUILT_IN, *settings.role_strategies})


def all_strategies() -> list[Strategy]:
    """Return one of each strategy, in the order of their values."""
    return [get_strategy(value) for value in known_strategies()]


@lru_cache(maxsize=64)
def _from_path(value: str, path: str) -> Strategy:
    strategy = load("APPROVAL_ROLE_STRATEGIES", path)
    if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
        raise ApprovalMisconfigured(
            f"APPROVAL_ROLE_STRATEGIES[{value!r}]: {path!r} is not a subclass of"
            " approval_workflow.strategies.Strategy."
        )
    return strategy()
