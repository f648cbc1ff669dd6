"""Reading the pages of the REST APIs, and what they have to agree with."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drf_spectacular.generators import SchemaGenerator

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
# A row of a table, with its first two cells.
ROW = re.compile(r"^\| (.+?) \| (.*?)\|", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
REQUIRED = re.compile(r"\*\*`(\w+)`\*\*")
PAGES = {"page", "page_size"}


@dataclass(frozen=True)
class ApiPage:
    """One page under docs/reference."""

    name: str

    def rows(self, after: str) -> dict[str, str]:
        """The first table after a text: second cells by first cells, without the head."""
        text = (REFERENCE / self.name).read_text("utf-8")
        table = text.split(after, 1)[1].split("\n| ", 1)[1].split("\n\n", 1)[0]
        _head, *cells = ROW.findall("| " + table)
        return {first: second.strip() for first, second in cells}

    def check_filters(self, heading: str, described: Any, path: str) -> None:
        """The table after the heading names the filters of a list, and what it can be put in."""
        operation = described["paths"][path]["get"]
        parameters = {item["name"]: item for item in operation["parameters"]}
        documented = self.rows(heading)
        assert names(documented) == parameters.keys() - PAGES
        orders = set(parameters["ordering"]["schema"]["enum"])
        assert {name for name in orders if name[0] != "-"} == names([documented["`ordering`"]])

    def check_acts(self, described: Any) -> set[str]:
        """The table of acts names the fields of each; return the addresses that it is about."""
        paths = set()
        for act, fields in self.rows("## Acting").items():
            verb = act.strip("`")
            [path] = [path for path in described["paths"] if path.endswith(f"/{verb}/")]
            found = body(described, path)
            assert names([fields]) == found.get("properties", {}).keys(), verb
            assert required([fields]) == set(found.get("required", ())), verb
            paths.add(path)
        return paths


def names(cells: Iterable[str]) -> set[str]:
    return {name for cell in cells for name in CODE.findall(cell)}


def required(cells: Iterable[str]) -> set[str]:
    return {name for cell in cells for name in REQUIRED.findall(cell)}


def end_points(router: Any) -> Iterator[str]:
    """Yield method and address of all that the router leads to."""
    for pattern in router.urls:
        path = str(pattern.pattern).strip("^$").replace("(?P<pk>[^/]+)", "{id}")
        for method in pattern.callback.actions:
            if method != "head":
                yield f"{method.upper()} {path}"


def description_of(urlconf: str) -> Any:
    """The OpenAPI description of these addresses."""
    generator = SchemaGenerator(urlconf=urlconf)  # type: ignore[no-untyped-call]
    return generator.get_schema(public=True)  # type: ignore[no-untyped-call]


def body(described: Any, path: str) -> dict[str, Any]:
    """The description of what is sent there."""
    content = described["paths"][path]["post"]["requestBody"]["content"]
    reference = content["application/json"]["schema"]["$ref"]
    found: dict[str, Any] = described["components"]["schemas"][reference.rpartition("/")[2]]
    return found
