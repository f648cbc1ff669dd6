"""What is measured, in the order of the tables."""

from collections.abc import Iterator

from benchmarks.measuring import Operation
from benchmarks.operations import (
    approving,
    attaching,
    cleaning,
    footprint,
    growth,
    inbox,
    journey,
    looking,
    roles,
    starting,
    writers,
)
from benchmarks.single import Single

_COMPARED = (starting, approving, roles, attaching, journey, inbox, looking)
_SINGLES = (inbox, cleaning, writers, footprint, growth)


def compared() -> Iterator[Operation]:
    """Operations that are done in three ways."""
    for module in _COMPARED:
        yield from module.operations()


def singles() -> Iterator[Single]:
    """What is measured on its own."""
    for module in _SINGLES:
        yield from module.singles()
