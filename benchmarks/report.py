"""The results as Markdown tables, and their place in the docs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"

COMPARED = (
    "Operation",
    "API (ms)",
    "ORM (ms)",
    "SQL (ms)",
    "API / ORM",
    "API / SQL",
    "Statements",
    "Rows written",
)


def tables(results: Mapping[str, Any]) -> str:
    """Return the tables of one database."""
    machine = results["machine"]
    parts = [f"{machine['database']}, Django {machine['django']}, Python {machine['python']}:"]
    if results["compared"]:
        parts.append(table(COMPARED, [_compared(row) for row in results["compared"]]))
    if results["singles"]:
        rows = [(row["name"], row["found"]) for row in results["singles"]]
        parts.append(table(("Measured", "Found"), rows))
    return "\n\n".join(parts) + "\n"


def write(results: Mapping[str, Any]) -> None:
    """Put the tables of all databases between the marks of the docs' page."""
    text = PAGE.read_text(encoding="utf-8")
    head, _mark, rest = text.partition(BEGIN)
    _old, _mark, tail = rest.partition(END)
    found = "\n".join(tables(one) for one in results.values())
    PAGE.write_text(f"{head}{BEGIN}\n\n{found}\n{END}{tail}", encoding="utf-8")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _compared(row: Mapping[str, Any]) -> list[str]:
    ways = row["ways"]
    return [
        row["name"],
        *(_time(ways.get(way)) for way in ("api", "orm", "sql")),
        *(_ratio(ways["api"], ways.get(way)) for way in ("orm", "sql")),
        " / ".join(str(series["statements"]) for series in ways.values()),
        " / ".join(str(series["rows"]) for series in ways.values()),
    ]


def _time(series: Mapping[str, Any] | None) -> str:
    if series is None:
        return "—"
    return f"{series['median']:.2f} ({series['low']:.2f} to {series['high']:.2f})"


def _ratio(api: Mapping[str, Any], other: Mapping[str, Any] | None) -> str:
    return "—" if other is None else f"{api['median'] / other['median']:.2f}"
