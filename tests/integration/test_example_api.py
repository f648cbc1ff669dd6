"""The REST end points of the example project."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from crm.models import Opportunity
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import attach_workflow_to_object
from purchasing.models import PurchaseRequest
from support.models import Ticket
from tests.integration.example_site import api_of, person, use_example

pytestmark = pytest.mark.django_db

REVIEW_FORM = {"reviewer_comment": "Fine", "budget_code": "BDG-2026-007"}
CHAIRS = {"title": "Ergonomic chairs", "amount": "1500.00", "description": "Six of them"}


@pytest.fixture(autouse=True)
def example(settings: Any, tmp_path: Path) -> Iterator[None]:
    use_example(settings, tmp_path)
    call_command("seed", verbosity=0)
    return


@pytest.fixture
def chairs(django_capture_on_commit_callbacks: Callable[..., Any]) -> PurchaseRequest:
    """A request that Hana has made through the API, and that runs since."""
    with django_capture_on_commit_callbacks(execute=True):
        created = api_of("hana").post("/api/purchase-requests/", CHAIRS, format="json")
    assert created.status_code == 201, created.content
    return PurchaseRequest.objects.get(pk=created.json()["id"])


def _reviewer(request: PurchaseRequest) -> APIClient:
    names = [name for name in ("nora", "tariq") if _sees(name, request)]
    assert len(names) == 1
    return api_of(names[0])


def _sees(username: str, request: PurchaseRequest) -> bool:
    response = api_of(username).get(f"/api/purchase-requests/{request.pk}/")
    return bool(response.status_code == 200)


@pytest.mark.parametrize("name", ["purchase-requests", "opportunities", "tickets"])
def test_strangers_are_refused(name: str) -> None:
    assert APIClient().get(f"/api/{name}/").status_code in {401, 403}
    assert APIClient().post(f"/api/{name}/", {}).status_code in {401, 403}


def test_the_requester_is_who_signed_in_and_the_status_is_not_theirs_to_set() -> None:
    data = {**CHAIRS, "amount": "10.00", "requester": "admin", "workflow_status": "approved"}

    created = api_of("hana").post("/api/purchase-requests/", data, format="json").json()

    assert created["requester"] == "hana"
    assert created["workflow_status"] == "pending"


def test_a_negative_amount_is_refused() -> None:
    data = {**CHAIRS, "amount": "-5.00"}

    response = api_of("hana").post("/api/purchase-requests/", data, format="json")

    assert response.status_code == 400
    assert list(response.json()) == ["amount"]


def test_people_see_their_own_requests_and_those_they_take_part_in(chairs: PurchaseRequest) -> None:
    seen = {
        name: [row["id"] for row in api_of(name).get("/api/purchase-requests/").json()["results"]]
        for name in ("hana", "peter", "faisal", "admin")
    }

    assert seen == {"hana": [chairs.pk], "peter": [], "faisal": [], "admin": [chairs.pk]}
    assert sorted([_sees("nora", chairs), _sees("tariq", chairs)]) == [False, True]


def test_somebody_elses_request_cannot_be_found(chairs: PurchaseRequest) -> None:
    address = f"/api/purchase-requests/{chairs.pk}/"

    assert api_of("peter").get(address).status_code == 404
    assert api_of("peter").get(f"{address}workflow_status/").status_code == 404
    data = {"action": "approved", "form_data": REVIEW_FORM}
    assert api_of("peter").post(f"{address}workflow_action/", data, "json").status_code == 404
    chairs.refresh_from_db()
    assert chairs.current_stage == "Initial Review"


def test_workflow_status_tells_stage_progress_and_status(chairs: PurchaseRequest) -> None:
    """D-101"""
    status = api_of("hana").get(f"/api/purchase-requests/{chairs.pk}/workflow_status/").json()

    assert status["current_stage"] == "Initial Review"
    assert status["progress_percentage"] == 0
    assert status["status"] == "in_progress"


def test_workflow_action_approves_and_moves_on(chairs: PurchaseRequest) -> None:
    """D-102"""
    address = f"/api/purchase-requests/{chairs.pk}/"
    data = {"action": "approved", "form_data": REVIEW_FORM}

    response = _reviewer(chairs).post(f"{address}workflow_action/", data, format="json")

    assert response.status_code == 200, response.content
    status = api_of("hana").get(f"{address}workflow_status/").json()
    assert status["current_stage"] == "Budget Approval"
    assert status["progress_percentage"] == 25


def test_a_form_that_breaks_its_schema_is_refused_by_field(chairs: PurchaseRequest) -> None:
    data = {"action": "approved", "form_data": {**REVIEW_FORM, "budget_code": "none"}}

    response = _reviewer(chairs).post(
        f"/api/purchase-requests/{chairs.pk}/workflow_action/", data, format="json"
    )

    assert response.status_code == 400
    assert "budget_code" in response.content.decode()
    chairs.refresh_from_db()
    assert chairs.current_stage == "Initial Review"


def test_the_requester_cannot_decide(chairs: PurchaseRequest) -> None:
    data = {"action": "approved", "form_data": REVIEW_FORM}

    response = api_of("hana").post(
        f"/api/purchase-requests/{chairs.pk}/workflow_action/", data, format="json"
    )

    assert response.status_code == 403
    chairs.refresh_from_db()
    assert chairs.current_stage == "Initial Review"


def test_opportunities_and_tickets_follow_their_workflows() -> None:
    deal = Opportunity.objects.create(name="Harbour", amount="5000", owner=person("diego"))
    ticket = Ticket.objects.create(title="Printer", created_by=person("hana"))
    for obj, slug, starter in (
        (deal, "sales_process", "diego"),
        (ticket, "ticket_resolution", "hana"),
    ):
        workflow = WorkFlow.objects.get(slug=slug)
        attach_workflow_to_object(obj=obj, workflow=workflow, user=person(starter))

    rejected = api_of("amina").post(
        f"/api/opportunities/{deal.pk}/workflow_action/",
        {"action": "rejected", "reason": "No budget"},
        format="json",
    )
    approved = api_of("kofi").post(
        f"/api/tickets/{ticket.pk}/workflow_action/", {"action": "approved"}, format="json"
    )

    assert (rejected.status_code, approved.status_code) == (200, 200)
    assert api_of("diego").get(f"/api/opportunities/{deal.pk}/").json()["status"] == "lost"
    status = api_of("hana").get(f"/api/tickets/{ticket.pk}/workflow_status/").json()
    assert status["current_stage"] == "Closing"


def test_the_engines_own_api_is_there_for_those_who_may_see_templates() -> None:
    """D-100: the address; what it does is tested with the engine."""
    slugs = {"purchase_approval", "sales_process", "ticket_resolution"}
    slugs |= {"hello_world", "claim_processing"}

    seen = api_of("admin").get("/api/workflows/")

    assert seen.status_code == 200
    rows = seen.json()
    rows = rows["results"] if isinstance(rows, dict) else rows
    assert {row["slug"] for row in rows} == slugs
    assert APIClient().get("/api/workflows/").status_code in {401, 403}


def test_a_list_takes_the_same_number_of_statements_for_any_number_of_rows(
    statements: Callable[..., Any],
) -> None:
    hana = person("hana")
    counts = []
    for size in (3, 15):
        for number in range(size):
            PurchaseRequest.objects.create(
                title=str(number), amount="5", description="-", requester=hana
            )
        client = api_of("hana")
        with statements() as seen:
            assert client.get("/api/purchase-requests/").status_code == 200
        counts.append(seen.count)

    assert counts[0] == counts[1]
