"""`manage.py seed` and `manage.py demo`."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command

from claims.models import Claim
from crm.models import Opportunity
from demo import cases, roster
from demo.mailbox import Mailbox
from django_workflow_engine.models import Stage, WorkFlow, WorkflowAttachment, WorkflowConfiguration
from hello.models import HelloRequest
from purchasing.management.commands import demo as demo_command
from purchasing.models import DynamicForm, PurchaseRequest, Role, User
from support.models import Ticket
from tests.integration.example_site import use_example


@pytest.fixture(autouse=True)
def example(settings: Any, tmp_path: Path) -> Iterator[None]:
    use_example(settings, tmp_path)
    return


def _run(command: str) -> str:
    out = StringIO()
    call_command(command, stdout=out, no_color=True)
    return out.getvalue()


def _counts() -> dict[str, int]:
    models = (User, Role, DynamicForm, WorkFlow, Stage, WorkflowConfiguration)
    return {model.__name__: model._default_manager.count() for model in models}


@pytest.mark.django_db
def test_seed_makes_everybody_and_everything_once() -> None:
    first = _run("seed")
    counts = _counts()

    second = _run("seed")

    assert _counts() == counts
    assert counts["User"] == len(roster.PEOPLE) + 2
    assert counts["WorkFlow"] == 5
    assert "workflow templates: 3 made, 0 found" in first
    assert "workflow templates: 0 made, 3 found" in second
    assert "workflows in code: 2 made, 0 found" in first
    assert "workflows in code: 0 made, 2 found" in second


@pytest.mark.django_db
def test_seed_keeps_what_somebody_has_changed() -> None:
    _run("seed")
    User.objects.filter(username="nora").update(role=None)
    Stage.objects.filter(name_en="Initial Review").update(name_ar="مراجعة")

    _run("seed")

    assert User.objects.get(username="nora").role is None
    assert Stage.objects.get(name_en="Initial Review").name_ar == "مراجعة"


@pytest.mark.django_db
def test_the_purchase_template_is_the_printed_one() -> None:
    _run("seed")
    workflow = WorkFlow.objects.get(slug="purchase_approval")

    stages = Stage.objects.filter(pipeline__workflow=workflow).order_by("pipeline__order", "order")

    assert [(stage.pipeline.name_en, stage.order, stage.name_en) for stage in stages] == [
        ("Finance Review", 1, "Initial Review"),
        ("Finance Review", 2, "Budget Approval"),
        ("Finance Review", 3, "Final Finance Sign-off"),
        ("Executive Approval", 1, "Executive Approval"),
    ]
    approvals = [stage.stage_info["approvals"][0] for stage in stages]
    assert [approval.get("role_selection_strategy") for approval in approvals] == [
        "round_robin",
        "anyone",
        None,
        "consensus",
    ]
    assert approvals[2]["approval_user"] == User.objects.get(username="faisal").pk


@pytest.mark.django_db
def test_seed_configures_the_status_values() -> None:
    _run("seed")

    found = {
        configuration.content_type.model: (
            configuration.status_field,
            configuration.completion_status_value,
            configuration.rejection_status_value,
        )
        for configuration in WorkflowConfiguration.objects.all()
    }

    assert found == {
        "purchaserequest": ("workflow_status", "approved", "denied"),
        "opportunity": ("status", "won", "lost"),
        "ticket": ("status", "closed", "cancelled"),
        "claim": ("status", "approved", "rejected"),
    }


@pytest.mark.e2e
@pytest.mark.django_db(transaction=True)
def test_the_demo_runs_twice() -> None:
    _run("demo")
    mailbox = Mailbox()

    output = _run("demo")

    assert PurchaseRequest.objects.filter(workflow_status="approved").count() == 2 * 4
    assert PurchaseRequest.objects.filter(workflow_status="denied").count() == 2
    assert Opportunity.objects.filter(status="won").count() == 2
    assert Ticket.objects.filter(status="cancelled").count() == 2
    assert _running(PurchaseRequest) == 2 * 2
    assert Claim.objects.filter(status="approved").count() == 2 * 2
    assert Claim.objects.filter(status="rejected").count() == 2
    assert HelloRequest.objects.exclude(sent_at=None).count() == 2
    assert HelloRequest.objects.filter(sent_at=None).count() == 2
    assert f"Notifications sent: {len(mailbox.notifications())}" in output
    assert max(len(line) for line in output.splitlines()) <= 100
    assert "make serve" in output


@pytest.mark.e2e
@pytest.mark.django_db(transaction=True)
def test_the_demo_shows_who_did_what_and_whom_it_told() -> None:
    output = _run("demo")

    timelines, rest = output.split("Notifications sent:")
    for part in (
        "1. Approved all the way",
        "Timeline: Approved all the way (Laptops for the new team)",
        "Rejected: Budget Approval",
        "Insufficient budget",
        "Resubmission requested: Budget Approval",
        "Delegated to Salma Idris: Budget Approval",
        "No workflow runs on it, so there is no history.",
        "Timeline: A greeting is approved and sent in the background (Hello, world!)",
        "Kofi Mensah sets Review Claim to 'Approved'; Approve/Reject waits for a status",
        "'Approve/Reject': Rejected",
    ):
        assert part in timelines
    for line in (
        "hana@example.org   Approved: Laptops for the new team",
        "peter@example.org  Rejected: Espresso machine with a service plan",
        "total workflows             5",
    ):
        assert line in rest.splitlines()


@pytest.mark.e2e
@pytest.mark.django_db(transaction=True)
def test_the_demo_previews_the_clean_up_and_deletes_nothing() -> None:
    output = _run("demo")

    ended = WorkflowAttachment.objects.ended().count()
    assert ended == 12
    assert f"Would delete:\n  attachments: {ended}\n" in output
    assert "  Completed: 9 (64.3%)\n  Rejected: 3 (21.4%)\n  In Progress: 2 (14.3%)\n" in output


@pytest.mark.django_db(transaction=True)
def test_the_demo_fails_when_a_case_does_not_end_as_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def half_way(narrator: Any) -> Any:
        played = cases.automatic_start.from_the_limit_on(narrator)
        cases.automatic_start.expect_stage(played.obj, "Executive Approval")
        return played

    monkeypatch.setattr(demo_command, "CASES", (half_way,))

    with pytest.raises(CommandError, match="stage is 'Initial Review'"):
        _run("demo")


def _running(model: type[PurchaseRequest]) -> int:
    return WorkflowAttachment.objects.filter(
        status="in_progress", content_type=ContentType.objects.get_for_model(model)
    ).count()
