"""The page of the engine's REST API names every end point, filter, field and error."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from approval_workflow.api.errors import http_status
from approval_workflow.exceptions import ApprovalError
from django_workflow_engine import exceptions
from django_workflow_engine.urls import router

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "engine-api.md"
# A row of a table, with its first two cells.
ROW = re.compile(r"^\| (.+?) \| (.*?)\|", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
REQUIRED = re.compile(r"\*\*`(\w+)`\*\*")
PAGES = {"page", "page_size"}


def rows(after: str) -> dict[str, str]:
    """The first table after a text: second cells by first cells, without the head."""
    table = PAGE.read_text("utf-8").split(after, 1)[1].split("\n| ", 1)[1].split("\n\n", 1)[0]
    _head, *cells = ROW.findall("| " + table)
    return {first: second.strip() for first, second in cells}


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
    generator = SchemaGenerator(urlconf="django_workflow_engine.urls")  # type: ignore[no-untyped-call]
    return generator.get_schema(public=True)  # type: ignore[no-untyped-call]


def test_every_end_point_is_on_the_page() -> None:
    documented = names(rows("## End points"))
    # What is in the second column are parameters.
    documented = {name for name in documented if re.match("[A-Z]+ ", name)}
    assert len(documented) > 20
    assert documented == set(end_points())


@pytest.mark.parametrize("resource", ["workflows", "attachments", "executions"])
def test_every_filter_is_on_the_page(resource: str, described: Any) -> None:
    operation = described["paths"][f"/{resource}/"]["get"]
    parameters = {item["name"]: item for item in operation["parameters"]}
    documented = rows(f"Filters of `GET {resource}/`")
    assert names(documented) == parameters.keys() - PAGES
    orders = set(parameters["ordering"]["schema"]["enum"])
    assert {name for name in orders if name[0] != "-"} == names([documented["`ordering`"]])


def test_every_field_of_every_act_is_on_the_page(described: Any) -> None:
    acts = {"POST workflows/"}
    for act, fields in rows("## Acting").items():
        verb = act.strip("`")
        [path] = [path for path in described["paths"] if path.endswith(f"/{verb}/")]
        content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        component = content["schema"]["$ref"].rpartition("/")[2]
        found = described["components"]["schemas"][component]
        assert names([fields]) == found.get("properties", {}).keys(), verb
        assert set(REQUIRED.findall(fields)) == set(found.get("required", ())), verb
        acts.add(f"POST {path.lstrip('/')}")
    assert acts == {point for point in end_points() if point.startswith("POST")}


def test_every_error_is_on_the_page_with_its_status() -> None:
    errors = {
        error.code: error
        for error in vars(exceptions).values()
        if isinstance(error, type)
        and issubclass(error, ApprovalError)
        and error.__module__ == exceptions.__name__
    }
    documented = {code.strip("`"): status for code, status in rows("## Errors").items()}
    # Of the serializers' own.
    assert documented.pop("in_use") == "409"
    for code, status in documented.items():
        assert str(http_status(errors[code].__new__(errors[code]))) == status, code
