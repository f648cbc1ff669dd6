"""Stages that wait for something else than a decision: jobs, timers, statuses of their own."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from approval_workflow.models import ApprovalEvent
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.exceptions import StatusUnknown
from django_workflow_engine.models import ActionExecution, StageRun
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_workflow_attachment,
    hold_workflow,
    resume_workflow,
    skip_stage,
    update_stage_status,
)
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_staged

pytestmark = pytest.mark.django_db

JOB = "tests.testapp.workflow_actions.score"
BROKEN = "tests.testapp.workflow_actions.break_down"


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


def job(**keys):
    return {"kind": "job", "job": {"function": JOB, "parameters": {"score": 700}}, **keys}


def outcomes(obj):
    rows = StageRun.objects.filter(attachment=get_workflow_attachment(obj)).order_by("pk")
    return [(row.stage.code, row.outcome) for row in rows.select_related("stage")]


def run_jobs(capture):
    with capture(execute=True):
        run_due()


# V-2
def test_the_run_waits_for_its_job_and_its_result_leads_on(ann, django_capture_on_commit_callbacks):
    workflow = make_staged(
        {
            "credit_check": job(routes=[{"to": "end", "when": "results.credit_check.score > 600"}]),
            "manual": asking(by_user(ann)),
        }
    )
    request = PurchaseRequestFactory.create()
    attachment = attach_workflow_to_object(request, workflow, ann)
    assert attachment.status == "in_progress"
    assert attachment.current_stage.code == "credit_check"
    assert outcomes(request) == [("credit_check", "")]
    run_jobs(django_capture_on_commit_callbacks)
    assert get_workflow_attachment(request).status == "completed"
    assert outcomes(request) == [("credit_check", "done")]
    assert "'Credit Check' is done." in {event.comment for event in ApprovalEvent.objects.all()}


def test_a_job_between_approvals(ann, django_capture_on_commit_callbacks):
    workflow = make_staged({"a": asking(by_user(ann)), "work": job(), "b": asking(by_user(ann))})
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow, ann)
    act_on_object(request, "approve", ann)
    assert get_workflow_attachment(request).current_stage.code == "work"
    run_jobs(django_capture_on_commit_callbacks)
    assert get_workflow_attachment(request).current_stage.code == "b"
    act_on_object(request, "approve", ann)
    assert get_workflow_attachment(request).status == "completed"


# V-13
def test_a_job_that_fails_keeps_its_error_and_can_be_skipped(ann):
    workflow = make_staged(
        {
            "work": {
                "kind": "job",
                "job": {"function": BROKEN},
            },
            "b": asking(by_user(ann)),
        }
    )
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow, ann)
    run_due()
    [task] = ActionExecution.objects.filter(action_type="job")
    assert task.status == "failed"
    assert "Traceback" in task.error
    assert get_workflow_attachment(request).current_stage.code == "work"
    skip_stage(request, reason="done by hand")
    assert get_workflow_attachment(request).current_stage.code == "b"
    task.refresh_from_db()
    assert task.status == "skipped"


def test_a_timer_waits_for_its_time(ann, django_capture_on_commit_callbacks):
    workflow = make_staged(
        {"cool": {"kind": "timer", "timer": {"duration": "P2D"}}, "b": asking(by_user(ann))}
    )
    request = PurchaseRequestFactory.create()
    with time_machine.travel(timezone.now()) as clock:
        attach_workflow_to_object(request, workflow, ann)
        clock.shift(timedelta(days=1, hours=23))
        run_jobs(django_capture_on_commit_callbacks)
        assert get_workflow_attachment(request).current_stage.code == "cool"
        clock.shift(timedelta(hours=1, seconds=1))
        run_jobs(django_capture_on_commit_callbacks)
    assert get_workflow_attachment(request).current_stage.code == "b"


def test_a_timer_stands_still_on_hold(ann, django_capture_on_commit_callbacks):
    workflow = make_staged(
        {"cool": {"kind": "timer", "timer": {"duration": "P1D"}}, "b": asking(by_user(ann))}
    )
    request = PurchaseRequestFactory.create()
    with time_machine.travel(timezone.now()) as clock:
        attach_workflow_to_object(request, workflow, ann)
        hold_workflow(request, reason="audit")
        clock.shift(timedelta(days=3))
        run_jobs(django_capture_on_commit_callbacks)
        assert get_workflow_attachment(request).current_stage.code == "cool"
        resume_workflow(request)
        run_jobs(django_capture_on_commit_callbacks)
        assert get_workflow_attachment(request).current_stage.code == "cool"
        clock.shift(timedelta(days=1, seconds=1))
        run_jobs(django_capture_on_commit_callbacks)
    assert get_workflow_attachment(request).current_stage.code == "b"


CLAIM = {
    "submit_claim": {"kind": "status", "statuses": [{"name": "Submitted", "completes": True}]},
    "review_claim": {
        "kind": "status",
        "statuses": [
            {"name": "Under Review", "default": True},
            {"name": "Approved", "completes": True},
            {"name": "Rejected", "rejects": True},
        ],
        "routes": [
            {"to": "board", "when": "claim.amount > 1000"},
            {"to": "end"},
        ],
    },
    "board": {"kind": "status", "statuses": [{"name": "Signed", "completes": True}]},
}


# T-3 T-4 T-6 T-8
def test_a_status_that_completes_moves_on(ann, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"CONDITION_NAMES": ["claim"]}
    workflow = make_staged(CLAIM)
    claim = PurchaseRequestFactory.create(amount=Decimal(5))
    attach_workflow_to_object(claim, workflow, ann)
    update_stage_status(claim, "Submitted", ann)
    visit = StageRun.objects.get(left_at=None)
    assert (visit.stage.code, visit.status) == ("review_claim", "Under Review")
    update_stage_status(claim, "Approved", ann, context_data={"claim": {"amount": 1500}})
    assert get_workflow_attachment(claim).current_stage.code == "board"
    with pytest.raises(StatusUnknown, match="Did you mean 'Signed'"):
        update_stage_status(claim, "Sgned", ann)
    update_stage_status(claim, "Signed", ann)
    assert get_workflow_attachment(claim).status == "completed"


def test_a_status_that_rejects_ends_the_workflow(ann, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"CONDITION_NAMES": ["claim"]}
    workflow = make_staged(CLAIM)
    claim = PurchaseRequestFactory.create()
    attach_workflow_to_object(claim, workflow, ann)
    update_stage_status(claim, "Submitted", ann)
    update_stage_status(claim, "Rejected", ann)
    attachment = get_workflow_attachment(claim)
    assert (attachment.status, attachment.flow.status) == ("rejected", "rejected")
