"""Counting what seeding made and what was there already."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """How many rows of each kind were made and how many were found."""

    made: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, created: bool) -> None:
        """Count one row of a kind."""
        (self.made if created else self.found)[kind] += 1

    def lines(self) -> list[str]:
        """Say what happened, one line a kind, in the order in which the kinds came up."""
        kinds = dict.fromkeys([*self.made, *self.found])
        return [f"{kind}: {self.made[kind]} made, {self.found[kind]} found" for kind in kinds]
