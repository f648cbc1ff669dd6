"""The page of one object, and deciding there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from approval_workflow.models import ApprovalInstance
from django_workflow_engine.services import get_current_stage
from purchasing.models import PurchaseRequest, User
from tests.integration.example_site import page_of, person, use_example

pytestmark = pytest.mark.django_db

REVIEW = {"form_reviewer_comment": "Fine", "form_budget_code": "BDG-2026-007"}


@pytest.fixture(autouse=True)
def example(settings: Any, tmp_path: Path) -> None:
    use_example(settings, tmp_path)
    call_command("seed", verbosity=0)


@pytest.fixture
def chairs(django_capture_on_commit_callbacks: Callable[..., Any]) -> PurchaseRequest:
    with django_capture_on_commit_callbacks(execute=True):
        return PurchaseRequest.objects.create(
            title="Ergonomic chairs",
            amount="1500.00",
            description="Six of them",
            requester=person("hana"),
        )


def _address(request: PurchaseRequest) -> str:
    return f"/items/purchase-requests/{request.pk}/"


def _reviewer(request: PurchaseRequest) -> Client:
    user = ApprovalInstance.objects.for_object(request).current().get().assigned_to
    return page_of(user.username)


def test_strangers_are_asked_to_sign_in(client: Client, chairs: PurchaseRequest) -> None:
    response = client.get(_address(chairs))

    assert response.status_code == 302
    assert response.url == f"/sign-in/?next={_address(chairs)}"


def test_somebody_elses_request_cannot_be_found(chairs: PurchaseRequest) -> None:
    assert page_of("peter").get(_address(chairs)).status_code == 404
    assert page_of("hana").get("/items/invoices/1/").status_code == 404


def test_the_requester_sees_stage_and_history_and_cannot_decide(chairs: PurchaseRequest) -> None:
    page = page_of("hana").get(_address(chairs)).content.decode()

    assert "Finance Review: Initial Review" in page
    assert "Step opened: Initial Review" in page
    assert "Your decision" not in page
    page_of("hana").post(_address(chairs), {"action": "approved", **REVIEW})
    assert get_current_stage(chairs).name_en == "Initial Review"


def test_the_reviewer_approves_with_the_form(chairs: PurchaseRequest) -> None:
    reviewer = _reviewer(chairs)
    assert "Budget code" in reviewer.get(_address(chairs)).content.decode()

    data = {"action": "approved", "reason": "Looks right", **REVIEW}
    page = reviewer.post(_address(chairs), data, follow=True).content.decode()

    assert "Finance Review: Budget Approval" in page
    assert "Looks right" in page
    assert "Your decision" not in page


def test_who_has_decided_is_told_so_once(chairs: PurchaseRequest) -> None:
    reviewer = _reviewer(chairs)

    reviewer.post(_address(chairs), {"action": "approved", **REVIEW})

    assert "The decision is recorded." in reviewer.get(_address(chairs)).content.decode()
    assert "The decision is recorded." not in reviewer.get(_address(chairs)).content.decode()


def test_the_choice_is_a_group_and_fields_take_either_direction(chairs: PurchaseRequest) -> None:
    page = _reviewer(chairs).get(_address(chairs)).content.decode()

    assert "<legend>Decision:</legend>" in page
    assert page.count('dir="auto"') == 3


def test_a_wrong_field_is_named_and_nothing_happens(chairs: PurchaseRequest) -> None:
    data = {"action": "approved", **REVIEW, "form_budget_code": "none"}

    response = _reviewer(chairs).post(_address(chairs), data)

    assert response.status_code == 400
    assert list(response.context["form"].errors) == ["form_budget_code"]
    assert get_current_stage(chairs).name_en == "Initial Review"


def test_the_reviewer_rejects_without_the_form(chairs: PurchaseRequest) -> None:
    data = {"action": "rejected", "reason": "Too many chairs"}

    page = _reviewer(chairs).post(_address(chairs), data, follow=True).content.decode()

    assert "Too many chairs" in page
    chairs.refresh_from_db()
    assert chairs.workflow_status == "denied"


def test_without_the_permission_to_decide_nothing_is_offered(chairs: PurchaseRequest) -> None:
    User.objects.get(username="nora").groups.clear()
    User.objects.get(username="tariq").groups.clear()
    reviewer = _reviewer(chairs)

    reviewer.post(_address(chairs), {"action": "approved", **REVIEW})

    assert "Your decision" not in reviewer.get(_address(chairs)).content.decode()
    assert get_current_stage(chairs).name_en == "Initial Review"


def test_a_request_without_a_workflow_says_so() -> None:
    request = PurchaseRequest.objects.create(
        title="Pens", amount="5.00", description="Blue", requester=person("hana")
    )

    page = page_of("hana").get(_address(request)).content.decode()

    assert "No workflow has been started on it." in page


def test_the_history_is_arabic_for_those_who_choose_it(chairs: PurchaseRequest) -> None:
    client = page_of("hana")
    client.post("/language/setlang/", {"language": "ar", "next": "/"})

    page = client.get(_address(chairs)).content.decode()

    assert "ما الذي حدث" in page
    assert "مراجعة مالية: المراجعة الأولية" in page
