"""Aligned plain-text tables that fit a terminal of 100 columns."""

import textwrap
from collections.abc import Iterator, Sequence

WIDTH = 100
GAP = "  "
SMALLEST_LAST_COLUMN = 20


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; its last column is wrapped to what the others leave."""
    widths = [
        max(len(row[number]) for row in [headers, *rows]) for number in range(len(headers) - 1)
    ]
    left = sum(widths) + len(GAP) * len(widths)
    last = max(WIDTH - left, SMALLEST_LAST_COLUMN)
    rule = ["-" * width for width in widths] + ["-" * min(last, _longest(headers, rows))]
    return [line for row in [headers, rule, *rows] for line in _lines(row, widths, last, left)]


def _longest(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    return max(len(row[-1]) for row in [headers, *rows])


def _lines(row: Sequence[str], widths: list[int], last: int, left: int) -> Iterator[str]:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    wrapped = textwrap.wrap(row[-1], last) or [""]
    yield GAP.join([*cells, wrapped[0]]).rstrip()
    for continuation in wrapped[1:]:
        yield " " * left + continuation
