"""The page of the engine's REST API names every end point, filter, field and error."""

import re
from typing import Any

import pytest

from approval_workflow.api.errors import http_status
from approval_workflow.exceptions import ApprovalError
from django_workflow_engine import exceptions
from django_workflow_engine.urls import router
from tests.docs.api_pages import ApiPage, description_of, end_points, names

PAGE = ApiPage("engine-api.md")


@pytest.fixture(scope="module")
def described() -> Any:
    return description_of("django_workflow_engine.urls")


def test_every_end_point_is_on_the_page() -> None:
    documented = names(PAGE.rows("## End points"))
    # What is in the second column are parameters.
    documented = {name for name in documented if re.match("[A-Z]+ ", name)}
    assert len(documented) > 20
    assert documented == set(end_points(router))


@pytest.mark.parametrize("resource", ["workflows", "attachments", "executions"])
def test_every_filter_is_on_the_page(resource: str, described: Any) -> None:
    PAGE.check_filters(f"Filters of `GET {resource}/`", described, f"/{resource}/")


def test_every_field_of_every_act_is_on_the_page(described: Any) -> None:
    acts = {f"POST {path.lstrip('/')}" for path in PAGE.check_acts(described)}
    posts = {point for point in end_points(router) if point.startswith("POST")}
    assert acts | {"POST workflows/"} == posts


def test_every_error_is_on_the_page_with_its_status() -> None:
    errors = {
        error.code: error
        for error in vars(exceptions).values()
        if isinstance(error, type)
        and issubclass(error, ApprovalError)
        and error.__module__ == exceptions.__name__
    }
    documented = {code.strip("`"): status for code, status in PAGE.rows("## Errors").items()}
    # Of the serializers' own.
    assert documented.pop("in_use") == "409"
    for code, status in documented.items():
        assert str(http_status(errors[code].__new__(errors[code]))) == status, code
