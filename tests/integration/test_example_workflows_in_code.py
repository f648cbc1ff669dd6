"""The example's workflows that are classes: hello world and claim processing."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from claims.models import Claim
from claims.workflows import ClaimProcessing
from demo.seeding.everything import seed_everything
from django_workflow_engine.models import ActionExecution, Stage, StageRun
from django_workflow_engine.services import (
    act_on_object,
    cancel_workflow,
    get_workflow_attachment,
    get_workflow_progress,
    hold_workflow,
    resume_workflow,
    update_stage_status,
)
from django_workflow_engine.testing import actions_run, assert_stage
from django_workflow_engine.workflows import installed_workflows
from hello.models import HelloRequest
from hello.workflows import HelloWorld
from tests.integration.example_site import page_of, person, use_example

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def example(settings: Any, tmp_path: Path) -> None:
    use_example(settings, tmp_path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    seed_everything()


@pytest.fixture
def claim() -> Claim:
    return Claim.objects.create(damage="Hail", amount=Decimal(900), claimant=person("peter"))


@pytest.fixture
def greeting() -> HelloRequest:
    return HelloRequest.objects.create(text="Hello, world!", requester=person("hana"))


def visited(obj: Any) -> list[tuple[str, str]]:
    runs = StageRun.objects.filter(attachment=get_workflow_attachment(obj)).order_by("pk")
    return [(run.stage.code, run.outcome) for run in runs.select_related("stage")]


def status(obj: Any) -> str:
    attachment = get_workflow_attachment(obj)
    assert attachment is not None
    return str(attachment.status)


# T-1, T-2, T-11: written in code, and as it is stored, with its first and its last step.
def test_claim_processing_is_the_printed_one() -> None:
    assert {HelloWorld, ClaimProcessing} <= set(installed_workflows())
    template = ClaimProcessing.template()
    stages = Stage.objects.filter(pipeline__workflow=template).order_by("order")
    assert template.name_en == "Claim Processing"
    assert [stage.name_en for stage in stages] == ["Submit Claim", "Review Claim", "Approve/Reject"]
    assert [status["name"] for status in stages[1].stage_info["statuses"]] == [
        "Under Review",
        "Approved",
        "Rejected",
    ]


def test_the_templates_are_as_the_classes_say(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("sync_workflows", "--check")
    assert "claim_processing: unchanged" in capsys.readouterr().out


class TestClaims:
    # T-7, T-10
    def test_a_claim_starts_at_the_first_step(self, claim: Claim) -> None:
        attachment = ClaimProcessing.start(claim, person("peter"))
        assert (attachment.target, attachment.status) == (claim, "in_progress")
        assert_stage(claim, "Submit Claim")
        claim.refresh_from_db()
        assert claim.status == "in_progress"

    # T-3, T-4, T-8
    def test_a_completing_status_moves_it_on_and_the_next_step_has_its_default(
        self, claim: Claim
    ) -> None:
        ClaimProcessing.start(claim, person("peter"))
        update_stage_status(claim, "Submitted", person("peter"))
        assert_stage(claim, "Review Claim")
        [run] = StageRun.objects.filter(left_at=None, attachment=get_workflow_attachment(claim))
        assert run.status == "Under Review"

    # T-5
    @pytest.mark.parametrize(("amount", "last"), [("1000.00", "review"), ("1000.01", "decide")])
    def test_the_amount_decides_about_the_last_step(
        self, claim: Claim, amount: str, last: str
    ) -> None:
        Claim.objects.update(amount=amount)
        ClaimProcessing.start(claim, person("peter"))
        update_stage_status(claim, "Submitted", person("peter"))
        update_stage_status(claim, "Approved", person("kofi"))
        if last == "decide":
            assert_stage(claim, "Approve/Reject")
            update_stage_status(claim, "Approved", person("lena"))
        assert visited(claim)[-1] == (last, "done")
        claim.refresh_from_db()
        assert (status(claim), claim.status) == ("completed", "approved")

    # T-6
    def test_what_is_given_at_the_call_decides(self, claim: Claim) -> None:
        ClaimProcessing.start(claim, person("peter"))
        update_stage_status(claim, "Submitted", person("peter"))
        context = {"claim": {"amount": 1500}}
        update_stage_status(claim, "Approved", person("kofi"), context_data=context)
        assert_stage(claim, "Approve/Reject")

    def test_a_status_that_rejects_ends_it(self, claim: Claim) -> None:
        ClaimProcessing.start(claim, person("peter"))
        update_stage_status(claim, "Submitted", person("peter"))
        update_stage_status(claim, "Rejected", person("kofi"))
        claim.refresh_from_db()
        assert (status(claim), claim.status) == ("rejected", "rejected")

    # T-9
    def test_it_can_be_held_resumed_and_cancelled(self, claim: Claim) -> None:
        admin = person("admin")
        ClaimProcessing.start(claim, person("peter"))
        hold_workflow(claim, admin, reason="A photograph is missing")
        assert status(claim) == "on_hold"
        resume_workflow(claim, admin)
        assert status(claim) == "in_progress"
        cancel_workflow(claim, admin, reason="Paid by somebody else")
        assert status(claim) == "cancelled"


class TestHello:
    # V-2, V-6: start, a task of a person, a condition, a job in the background, the end.
    def test_what_is_approved_is_sent_in_the_background(self, greeting: HelloRequest) -> None:
        HelloWorld.start(greeting, person("hana"))
        greeting.approved = True
        greeting.save()
        with actions_run():
            act_on_object(greeting, "approve", person("salma"))
            assert_stage(greeting, "Send")
        greeting.refresh_from_db()
        assert greeting.sent_at is not None
        assert status(greeting) == "completed"
        assert visited(greeting) == [("approve", "approved"), ("send", "done")]

    def test_the_result_of_the_job_is_kept(self, greeting: HelloRequest) -> None:
        HelloWorld.start(greeting, person("hana"))
        HelloRequest.objects.update(approved=True)
        with actions_run():
            act_on_object(greeting, "approve", person("salma"))
        [job] = ActionExecution.objects.filter(action_type="job")
        assert job.result == {"characters": 13}

    def test_what_is_not_approved_is_not_sent(self, greeting: HelloRequest) -> None:
        HelloWorld.start(greeting, person("hana"))
        with actions_run():
            act_on_object(greeting, "approve", person("salma"))
        greeting.refresh_from_db()
        assert (status(greeting), greeting.sent_at) == ("completed", None)
        assert visited(greeting) == [("approve", "approved")]

    # V-1, V-5: its data is a model of the project, which the pages and the admin show.
    def test_the_pages_show_it(self, greeting: HelloRequest, client: Client) -> None:
        HelloWorld.start(greeting, person("hana"))
        assert "Hello, world!" in client.get("/").content.decode()
        response = page_of("salma").get(f"/items/greetings/{greeting.pk}/")
        assert response.status_code == 200
        assert "Your decision" in response.content.decode()
        assert get_workflow_progress(HelloWorld.template(), greeting)["progress_percentage"] == 0


def test_a_claim_has_a_page_without_a_decision(claim: Claim) -> None:
    ClaimProcessing.start(claim, person("peter"))
    page = page_of("peter").get(f"/items/claims/{claim.pk}/")
    assert page.status_code == 200
    assert "Submit Claim" in page.content.decode()
    assert "Your decision" not in page.content.decode()
