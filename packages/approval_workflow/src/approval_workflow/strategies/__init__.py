"""Who of a role is asked, and when a step is satisfied.

A strategy decides nothing by itself: it answers, and a service applies the answer. Projects add
their own in `APPROVAL_ROLE_STRATEGIES`.
"""

from approval_workflow.strategies.base import Asked, Selection, Strategy
from approval_workflow.strategies.dynamic import approver_function
from approval_workflow.strategies.registry import (
    all_strategies,
    get_strategy,
    known_strategies,
    strategy_of,
)

__all__ = [
    "Asked",
    "Selection",
    "Strategy",
    "all_strategies",
    "approver_function",
    "get_strategy",
    "known_strategies",
    "strategy_of",
]
