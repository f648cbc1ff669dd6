"""Where new steps come among those that a flow has: beside open ones, or after them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from approval_workflow.models import ApprovalInstance
from approval_workflow.services._matching import Matching, StoredStep

Pair = tuple[ApprovalInstance, StoredStep]


@dataclass
class Placing:
    """New rows with their final numbers, in order."""

    # Stored steps that go on, with the row that says what they are to be like.
    staying: list[Pair] = field(default_factory=list)
    # Rows to be inserted.
    added: list[ApprovalInstance] = field(default_factory=list)
    # Of both, the rows of what is to be opened now.
    opening: list[ApprovalInstance] = field(default_factory=list)
    # Whether something is asked, or waits for its turn.
    goes_on: bool = False


def place(
    new: Sequence[ApprovalInstance],
    matching: Matching,
    rows: Sequence[ApprovalInstance],
    settled: Collection[StoredStep],
) -> Placing:
    """Number the new rows and say which of them open now.

    What is open keeps its number. Steps meant to run beside it join it where their track is free;
    all others follow in order, with numbers that the round (`rows`) has not used, unless they are
    to come in the same order as before.
    """
    blocks = [list(block) for _number, block in groupby(new, key=lambda row: row.step_number)]
    taken = {(row.step_number, row.parallel_group) for row in rows}
    staying: list[Pair] = []
    joining: list[ApprovalInstance] = []
    following: list[list[ApprovalInstance]] = []
    for block in blocks:
        opened = _open_pairs(block, matching, settled, taken)
        staying += opened
        waiting = [row for row in block if _is_to_come(row, matching)]
        beside = [row for row in waiting if opened and _joins(row, opened[0][1], taken)]
        joining += beside
        following.append([row for row in waiting if row not in beside])
    following = [block for block in following if block]
    _number(following, matching, rows)
    open_rows = [*(row for row, _step in staying), *joining]
    held = any(row.parallel_required for row in open_rows)
    # A track has one open step at a time.
    free = not following or _tracks(following[0]).isdisjoint(_tracks(open_rows))
    opening = [*joining, *following[0]] if following and free and not held else joining
    to_come = [*joining, *(row for block in following for row in block)]
    return Placing(
        staying=staying + _pairs(to_come, matching),
        added=[row for row in to_come if matching.partner(row) is None],
        opening=opening,
        goes_on=held or bool(following),
    )


def _open_pairs(
    block: Sequence[ApprovalInstance],
    matching: Matching,
    settled: Collection[StoredStep],
    taken: set[tuple[int, str]],
) -> list[Pair]:
    """The open steps of a block; they keep their number, and their track where the new is taken."""
    pairs = [
        (row, step) for row, step in _pairs(block, matching) if step.is_open and step not in settled
    ]
    for row, step in pairs:
        if not _joins(row, step, taken):
            row.step_number, row.parallel_group = step.first.step_number, step.first.parallel_group
    return pairs


def _pairs(rows: Sequence[ApprovalInstance], matching: Matching) -> list[Pair]:
    return [(row, step) for row in rows if (step := matching.partner(row)) is not None]


def _tracks(rows: Sequence[ApprovalInstance]) -> set[str]:
    return {row.parallel_group for row in rows}


def _is_to_come(row: ApprovalInstance, matching: Matching) -> bool:
    step = matching.partner(row)
    return step is None or step.is_to_come


def _joins(row: ApprovalInstance, beside: StoredStep, taken: set[tuple[int, str]]) -> bool:
    """Let a row run beside an open step where its track is free there; return whether it is."""
    number = beside.first.step_number
    if (number, row.parallel_group) in taken:
        return False
    row.step_number = number
    taken.add((number, row.parallel_group))
    return True


def _number(
    blocks: Sequence[Sequence[ApprovalInstance]],
    matching: Matching,
    rows: Sequence[ApprovalInstance],
) -> None:
    numbers = _as_before(blocks, matching)
    if numbers is None:
        last = max((row.step_number for row in rows), default=0)
        numbers = list(range(last + 1, last + 1 + len(blocks)))
    for number, block in zip(numbers, blocks, strict=True):
        for row in block:
            row.step_number = number


def _as_before(
    blocks: Sequence[Sequence[ApprovalInstance]], matching: Matching
) -> list[int] | None:
    """The numbers that the steps have, where they are all stored already and in this order."""
    numbers: list[int] = []
    for block in blocks:
        stored = {step.first.step_number for _row, step in _pairs(block, matching)}
        if len(_pairs(block, matching)) < len(block) or len(stored) > 1:
            return None
        numbers += stored
    return numbers if numbers == sorted(set(numbers)) else None
