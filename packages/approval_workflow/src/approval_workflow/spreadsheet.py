"""Tables as CSV that spreadsheet programs open without running anything."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Cells that begin so are formulas to spreadsheet programs; the last four are the full-width forms
# of the first four, which some of them take for the same.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the rows as CSV with a header: of each row the columns, in their order.

    Dictionaries become JSON, None an empty cell; text that a spreadsheet program would take for a
    formula gets an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
