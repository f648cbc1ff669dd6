"""The cases of the demo, in the order in which they are played."""

from collections.abc import Callable

from demo.cases.automatic_start import below_the_limit, from_the_limit_on
from demo.cases.claims import assessed_higher, large_claim, small_claim
from demo.cases.greetings import greeting_kept, greeting_sent
from demo.cases.other_models import deal_won, ticket_cancelled
from demo.cases.purchases import (
    approved_all_the_way,
    delegated,
    executives_in_consensus,
    left_to_the_executives,
    rejected_at_budget,
    sent_back_then_approved,
)
from demo.narrator import Narrator
from demo.played import PlayedCase

CASES: tuple[Callable[[Narrator], PlayedCase], ...] = (
    approved_all_the_way,
    rejected_at_budget,
    sent_back_then_approved,
    delegated,
    executives_in_consensus,
    from_the_limit_on,
    below_the_limit,
    deal_won,
    ticket_cancelled,
    greeting_sent,
    greeting_kept,
    large_claim,
    small_claim,
    assessed_higher,
    left_to_the_executives,
)

__all__ = ["CASES"]
