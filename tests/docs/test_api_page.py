"""The page of the REST API names every end point, filter, field and error, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from approval_workflow.api.errors import HTTP_STATUS
from approval_workflow.api.urls import router

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"
# A row of a table, with its first two cells.
ROW = re.compile(r"^\| (.+?) \| (.*?) \|", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
REQUIRED = re.compile(r"\*\*`(\w+)`\*\*")
PAGES = {"page", "page_size"}


def rows(after: str) -> dict[str, str]:
    """The first table after a text: second cells by first cells, without the head."""
    table = PAGE.read_text("utf-8").split(after, 1)[1].split("\n| ", 1)[1].split("\n\n", 1)[0]
    _head, *cells = ROW.findall("| " + table)
    return dict(cells)


def names(cells: Any) -> set[str]:
    return {name for cell in cells for name in CODE.findall(cell)}


def end_points() -> Iterator[str]:
    for pattern in router.urls:
        path = str(pattern.pattern).strip("^$").replace("(?P<pk>[^/]+)", "{id}")
        for method in pattern.callback.actions:
            if method != "head":
                yield f"{method.upper()} {path}"


@pytest.fixture(scope="module")
def described() -> Any:
    generator = SchemaGenerator(urlconf="approval_workflow.api.urls")  # type: ignore[no-untyped-call]
    return generator.get_schema(public=True)  # type: ignore[no-untyped-call]


def body(described: Any, path: str) -> dict[str, Any]:
    content = described["paths"][path]["post"]["requestBody"]["content"]
    reference = content["application/json"]["schema"]["$ref"]
    found: dict[str, Any] = described["components"]["schemas"][reference.rpartition("/")[2]]
    return found


# S0-56: the built-in end points, each of them documented
def test_every_end_point_is_on_the_page() -> None:
    documented = names(rows("## End points"))
    assert len(documented) > 20
    assert documented == set(end_points())


def test_every_error_is_on_the_page_with_its_status() -> None:
    documented = rows("### Errors of the core")
    assert documented == {f"`{code}`": str(status) for code, status in HTTP_STATUS.items()}


@pytest.mark.parametrize(
    ("heading", "path"),
    [
        ("Filters of `GET flows/`", "/flows/"),
        ("Filters of `GET approvals/`", "/approvals/"),
        ("Filters of `GET approvals/`", "/approvals/waiting/"),
    ],
)
def test_every_filter_is_on_the_page(heading: str, path: str, described: Any) -> None:
    parameters = {item["name"]: item for item in described["paths"][path]["get"]["parameters"]}
    documented = rows(heading)
    assert names(documented) == parameters.keys() - PAGES
    orders = set(parameters["ordering"]["schema"]["enum"])
    assert {name for name in orders if name[0] != "-"} == names([documented["`ordering`"]])


def test_every_field_of_every_act_is_on_the_page(described: Any) -> None:
    for act, fields in rows("## Acting").items():
        verb = act.strip("`")
        [path] = [path for path in described["paths"] if path.endswith(f"/{verb}/")]
        found = body(described, path)
        assert names([fields]) == found["properties"].keys(), verb
        assert set(REQUIRED.findall(fields)) == set(found.get("required", ())), verb


def test_every_act_is_in_the_table() -> None:
    posts = {point for point in end_points() if point.startswith("POST")}
    acts = {point.split("/")[-2] for point in posts - {"POST substitutions/"}}
    assert names(rows("## Acting")) == acts


def test_every_field_of_a_substitution_is_on_the_page(described: Any) -> None:
    documented = rows("## Substitutions")
    found = body(described, "/substitutions/")
    assert names(documented) == found["properties"].keys()
    assert set(REQUIRED.findall(" ".join(documented))) == set(found["required"])
