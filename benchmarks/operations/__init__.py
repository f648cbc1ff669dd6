"""What is measured, in the order of the tables."""

from collections.abc import Iterator

from benchmarks.measuring import Operation
from benchmarks.operations import (
    approving,
    attaching,
    cleaning,
    inbox,
    journey,
    looking,
    roles,
    starting,
)
from benchmarks.single import Single

_COMPARED = (starting, approving, roles, attaching, journey, inbox, looking)
_SINGLES = (inbox, cleaning)


def compared() -> Iterator[Operation]:
    """Operations that are done in three ways."""
    for module in _COMPARED:
        yield from module.operations()


def singles() -> Iterator[Single]:
    """What is measured on its own."""
    for module in _SINGLES:
        yield from module.singles()
