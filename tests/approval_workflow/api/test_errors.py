"""The one table from error codes to HTTP, and the one shape of the body."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework.exceptions import NotAuthenticated, Throttled, ValidationError

from approval_workflow import exceptions
from approval_workflow.api.errors import HTTP_STATUS, answer_error, http_status
from approval_workflow.exceptions import (
    ApprovalError,
    ApprovalMisconfigured,
    Conflict,
    InvalidSteps,
)


def subclasses(cls: type[ApprovalError]) -> set[type[ApprovalError]]:
    return {cls}.union(*(subclasses(child) for child in cls.__subclasses__()))


OWN = {cls for cls in subclasses(ApprovalError) if cls.__module__ == exceptions.__name__}


def answer(error: Exception) -> tuple[int, dict[str, Any]]:
    response = answer_error(error, {})
    assert response is not None
    return response.status_code, response.data


def test_every_code_of_the_core_has_its_line_and_no_other_code_has() -> None:
    assert set(HTTP_STATUS) == {cls.code for cls in OWN}


def test_only_what_the_client_can_do_something_about_is_answered_so() -> None:
    assert set(HTTP_STATUS.values()) == {400, 403, 409, 412, 422}


def test_an_error_of_a_project_gets_the_status_of_its_base() -> None:
    class OutOfBudget(Conflict):
        code = "out_of_budget"

    error = OutOfBudget("Nothing left", status="current")
    assert http_status(error) == 409
    body = {"code": "out_of_budget", "detail": "Nothing left", "status": "current"}
    assert answer(error) == (409, body)


def test_what_is_wrong_with_the_settings_is_for_the_log_alone() -> None:
    class EngineMisconfigured(ApprovalMisconfigured):
        code = "engine_misconfigured"

    for error in (ApprovalMisconfigured("KEY = 'x'"), EngineMisconfigured("KEY = 'x'")):
        status, body = answer(error)
        assert status == 409
        assert "KEY" not in body["detail"]


def test_errors_by_path_are_lists_of_messages() -> None:
    status, body = answer(InvalidSteps({"steps[0].step": "Too small."}))
    assert (status, body["errors"]) == (422, {"steps[0].step": ["Too small."]})


@pytest.mark.parametrize(
    ("detail", "errors"),
    [
        ("Wrong", {"body": ["Wrong"]}),
        ({"a": "Wrong"}, {"a": ["Wrong"]}),
        ({"a": ["One", "two"]}, {"a": ["One", "two"]}),
        ({"a": {"b": [{}, {"c": ["Wrong"]}]}}, {"a.b[1].c": ["Wrong"]}),
        ({"a": {3: ["Wrong"]}}, {"a[3]": ["Wrong"]}),
        ({"non_field_errors": ["Wrong"]}, {"body": ["Wrong"]}),
        ({"a": {"non_field_errors": ["Wrong"]}}, {"a": ["Wrong"]}),
        ({"detail": ["Wrong"]}, {"detail": ["Wrong"]}),
        ({"a\ud800": ["b\ud800"]}, {"a?": ["b?"]}),
    ],
)
def test_errors_of_serializers_are_told_by_path(detail: Any, errors: dict[str, list[str]]) -> None:
    status, body = answer(ValidationError(detail))
    assert (status, body["code"], body["errors"]) == (400, "invalid_input", errors)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotAuthenticated(), 401, "not_authenticated"),
        (PermissionDenied(), 403, "permission_denied"),
        (Http404(), 404, "not_found"),
        (Throttled(5), 429, "throttled"),
    ],
)
def test_everything_else_has_a_code_and_a_text(error: Exception, status: int, code: str) -> None:
    found, body = answer(error)
    assert (found, set(body), body["code"]) == (status, {"code", "detail"}, code)


def test_an_error_of_the_project_s_own_code_is_not_hidden() -> None:
    assert answer_error(ValueError("A bug"), {}) is None
