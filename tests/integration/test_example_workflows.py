"""The example's workflows as its people go through them, driven by the engine's testing module."""

from pathlib import Path
from typing import Any

import pytest
from django.db.models import Model

from approval_workflow.models import ApprovalInstance
from approval_workflow.testing import assert_history_intact, assert_waiting_on
from demo.seeding.everything import seed_everything
from demo.seeding.forms import BUDGET_APPROVAL, FINAL_APPROVAL, INITIAL_REVIEW
from demo.seeding.workflows import PURCHASE_APPROVAL, SALES_PROCESS, TICKET_RESOLUTION
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import validate_completeness
from django_workflow_engine.testing import (
    WorkflowDriver,
    actions_run,
    assert_action_ran,
    assert_completed,
    assert_stage,
    engine_settings,
    make_attachment,
)
from tests.factories import OpportunityFactory, PurchaseRequestFactory, TicketFactory
from tests.integration.example_site import person, use_example

pytestmark = pytest.mark.django_db

FILLED_IN = {
    INITIAL_REVIEW: {"reviewer_comment": "Complete.", "budget_code": "BDG-2026-001"},
    BUDGET_APPROVAL: {"budget_manager_comment": "Fine.", "allocated_budget": "500.00"},
    FINAL_APPROVAL: {"cfo_comment": "Fine.", "finance_ref": "FIN-2026-PR-001"},
}
SEEDED = [
    (PURCHASE_APPROVAL, PurchaseRequestFactory, "workflow_status", "approved", "denied"),
    (SALES_PROCESS, OpportunityFactory, "status", "won", "lost"),
    (TICKET_RESOLUTION, TicketFactory, "status", "closed", "cancelled"),
]
PLACES = {
    PURCHASE_APPROVAL: [
        "Initial Review",
        "Budget Approval",
        "Final Finance Sign-off",
        "Executive Approval",
    ],
    SALES_PROCESS: ["Qualification", "Contract Review"],
    TICKET_RESOLUTION: ["Triage", "Closing"],
}


@pytest.fixture(autouse=True)
def example(settings: Any, tmp_path: Path) -> None:
    use_example(settings, tmp_path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    seed_everything()


def template(slug: str) -> WorkFlow:
    return WorkFlow.objects.get(slug=slug)


def fill_in(step: ApprovalInstance) -> dict[str, str]:
    """What somebody enters in the form of a step."""
    return FILLED_IN[step.form.name]


def ended(factory: Any, slug: str, status: str) -> Model:
    obj: Model = factory.create()
    make_attachment(obj, template(slug), person("yusuf"), status=status, form_data=fill_in)
    obj.refresh_from_db()
    return obj


@pytest.mark.parametrize(("slug", "factory", "field", "completed", "rejected"), SEEDED)
def test_status_of_the_object_follows_its_workflow(
    slug: str, factory: Any, field: str, completed: str, rejected: str
) -> None:
    """D-78, D-79"""
    assert getattr(ended(factory, slug, "completed"), field) == completed
    assert getattr(ended(factory, slug, "rejected"), field) == rejected


@pytest.mark.parametrize("slug", PLACES)
def test_seeded_templates_lack_nothing(slug: str) -> None:
    assert validate_completeness(template(slug)) == {}


@pytest.mark.parametrize(("slug", "factory"), [(slug, factory) for slug, factory, *_ in SEEDED])
def test_objects_come_to_each_stage_in_order(slug: str, factory: Any) -> None:
    """D-66"""
    obj = ended(factory, slug, "completed")
    assert WorkflowDriver(obj).visited == PLACES[slug]
    assert_completed(obj)
    assert_history_intact(obj)


def test_all_executives_are_asked_at_the_end() -> None:
    request = PurchaseRequestFactory.create()
    workflow = template(PURCHASE_APPROVAL)
    make_attachment(request, workflow, at="Executive Approval", form_data=fill_in)
    assert_waiting_on(request, *(person(name) for name in ("layla", "omar", "grace")))


def test_executives_can_send_a_request_back_to_the_budget() -> None:
    """D-68"""
    request = PurchaseRequestFactory.create()
    make_attachment(
        request, template(PURCHASE_APPROVAL), at="Executive Approval", form_data=fill_in
    )
    driver = WorkflowDriver(request)
    driver.as_user(person("omar")).send_back("Budget Approval", reason="Too dear.")
    assert_stage(request, "موافقة الميزانية")
    driver.approve_all(form_data=fill_in)
    assert driver.visited[-3:] == PLACES[PURCHASE_APPROVAL][1:]


def test_whoever_asked_is_told_of_each_approval() -> None:
    """D-92"""
    request = PurchaseRequestFactory.create()
    with engine_settings(AUTO_START_WORKFLOWS={}), actions_run() as ran:
        make_attachment(
            request, template(PURCHASE_APPROVAL), at="Budget Approval", form_data=fill_in
        )
    function = "django_workflow_engine.action_handlers.send_approval_notification"
    assert_action_ran(request, function, event="after_approve", times=1)
    assert {address for message in ran.emails for address in message.to} == {
        request.requester.email
    }
