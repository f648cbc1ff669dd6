"""What has nothing to be compared with: memory, throughput, growth."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Single:
    """A measurement that says itself what it has found."""

    name: str
    # Called with True for small numbers; returns (name, what was found) for each line.
    run: Callable[[bool], Iterable[tuple[str, str]]]
