"""The description of the API: complete, valid, and drf-spectacular has nothing to complain of."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from approval_workflow.api.serializers.resubmission import ApprovalNewStepSerializer
from approval_workflow.api.urls import router
from approval_workflow.services._steps import KEYS


@pytest.fixture
def described(tmp_path: Path) -> Any:
    """The schema of the API alone."""
    target = tmp_path / "schema.yaml"
    urls = "approval_workflow.api.urls"
    options = {"urlconf": urls, "file": str(target), "fail_on_warn": True, "validate": True}
    call_command("spectacular", **options)
    return yaml.safe_load(target.read_text())


def operations(described: Any) -> dict[str, Any]:
    return {
        f"{method} {path}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def test_every_url_is_described(described: Any) -> None:
    assert len(described["paths"]) == len(router.urls) == 24


def test_every_operation_has_a_text_and_its_refusals(described: Any) -> None:
    for name, operation in operations(described).items():
        assert operation["description"], name
        assert {"401", "403"} <= set(operation["responses"]), name
        problem = operation["responses"]["403"]["content"]["application/json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/ApprovalProblem"}, name


def test_acting_takes_the_two_headers_and_answers_with_an_etag(described: Any) -> None:
    for verb in ("approve", "reject", "resubmit", "delegate", "escalate", "claim", "release"):
        operation = operations(described)[f"post /approvals/{{id}}/{verb}/"]
        headers = {item["name"] for item in operation["parameters"] if item["in"] == "header"}
        assert headers == {"Idempotency-Key", "If-Match"}
        assert set(operation["responses"]["200"]["headers"]) == {"ETag"}
        assert {"400", "404", "409", "412", "422"} <= set(operation["responses"])


def test_bodies_of_requests_take_nothing_else(described: Any) -> None:
    components = described["components"]["schemas"]
    for name, operation in operations(described).items():
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            component = components[reference.rpartition("/")[2]]
            assert component["additionalProperties"] is False, name


def test_components_are_named_so_that_they_meet_no_others(described: Any) -> None:
    names = set(described["components"]["schemas"])
    assert all(name.startswith(("Approval", "PaginatedApproval")) for name in names), names


def test_a_new_step_has_the_keys_that_the_service_knows() -> None:
    assert set(ApprovalNewStepSerializer().fields) == set(KEYS)


def test_the_description_stands_beside_others_without_a_warning(tmp_path: Path) -> None:
    target = str(tmp_path / "schema.yaml")
    call_command("spectacular", urlconf="tests.urls", file=target, fail_on_warn=True, validate=True)
    assert "/api/approvals/waiting/" in yaml.safe_load(Path(target).read_text())["paths"]


def test_keys_of_people_are_described_as_the_user_model_has_them(described: Any) -> None:
    person = described["components"]["schemas"]["ApprovalPerson"]["properties"]["id"]
    assert person == {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
