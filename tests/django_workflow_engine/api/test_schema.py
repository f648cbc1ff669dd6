"""The description of the API: complete, valid, and drf-spectacular has nothing to complain of."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from approval_workflow.choices import Action
from django_workflow_engine.serializers import WorkflowApprovalSerializer
from django_workflow_engine.urls import router
from django_workflow_engine.views.bodies import WorkflowDecisionSerializer


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The schema of the engine's API alone."""
    target = tmp_path_factory.mktemp("schema") / "schema.yaml"
    urls = "django_workflow_engine.urls"
    options = {"urlconf": urls, "file": str(target), "fail_on_warn": True, "validate": True}
    call_command("spectacular", **options)
    return yaml.safe_load(Path(target).read_text())


def operations(described: Any) -> dict[str, Any]:
    return {
        f"{method} {path}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def test_every_url_is_described(described: Any) -> None:
    assert len(described["paths"]) == len(router.urls)


def test_every_operation_has_a_text_and_its_refusals(described: Any) -> None:
    for name, operation in operations(described).items():
        assert operation["description"], name
        assert {"401", "403"} <= set(operation["responses"]), name
        problem = operation["responses"]["403"]["content"]["application/json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/ApprovalProblem"}, name


def test_components_are_named_so_that_they_meet_no_others(described: Any) -> None:
    starts = ("Approval", "Workflow", "WorkFlow")
    starts += tuple(f"{kind}{name}" for kind in ("Paginated", "Patched") for name in starts)
    assert all(name.startswith(starts) for name in described["components"]["schemas"])


def test_acting_takes_the_two_headers_and_answers_with_an_etag(described: Any) -> None:
    operation = operations(described)["post /attachments/{id}/act/"]
    headers = {item["name"] for item in operation["parameters"] if item["in"] == "header"}
    assert headers == {"Idempotency-Key", "If-Match"}
    assert set(operation["responses"]["200"]["headers"]) == {"ETag"}


def test_a_decision_has_the_keys_of_the_printed_serializer() -> None:
    """D-60."""
    keys = set(WorkflowDecisionSerializer().fields)
    assert keys >= set(WorkflowApprovalSerializer().fields)
    assert keys == {"action", "form_data", "reason", "stage_id", "pipeline_id", "user_id"}


def test_actions_are_described_in_every_spelling_that_is_printed(described: Any) -> None:
    """D-61."""
    words = described["components"]["schemas"]["WorkflowActionWord"]["enum"]
    printed = {
        "APPROVED",
        "REJECTED",
        "NEEDS_RESUBMISSION",
        "DELEGATED",
        "approved",
        "resubmission",
    }
    assert printed <= set(words)
    assert {Action.parse(word) for word in words} == set(Action)
