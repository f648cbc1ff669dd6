"""The page of the REST API names every end point, filter, field and error, and nothing else."""

from typing import Any

import pytest

from approval_workflow.api.errors import HTTP_STATUS
from approval_workflow.api.urls import router
from tests.docs.api_pages import ApiPage, body, description_of, end_points, names, required

PAGE = ApiPage("api.md")


@pytest.fixture(scope="module")
def described() -> Any:
    return description_of("approval_workflow.api.urls")


# S0-56: the built-in end points, each of them documented
def test_every_end_point_is_on_the_page() -> None:
    documented = names(PAGE.rows("## End points"))
    assert len(documented) > 20
    assert documented == set(end_points(router))


def test_every_error_is_on_the_page_with_its_status() -> None:
    documented = PAGE.rows("### Errors of the core")
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
    PAGE.check_filters(heading, described, path)


def test_every_field_of_every_act_is_on_the_page(described: Any) -> None:
    assert PAGE.check_acts(described)


def test_every_act_is_in_the_table() -> None:
    posts = {point for point in end_points(router) if point.startswith("POST")}
    acts = {point.split("/")[-2] for point in posts - {"POST substitutions/"}}
    assert names(PAGE.rows("## Acting")) == acts


def test_every_field_of_a_substitution_is_on_the_page(described: Any) -> None:
    documented = PAGE.rows("## Substitutions")
    found = body(described, "/substitutions/")
    assert names(documented) == found["properties"].keys()
    assert required(documented) == set(found["required"])
