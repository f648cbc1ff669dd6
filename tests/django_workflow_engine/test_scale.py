"""40,000 workflows, half of them done: the plans of PostgreSQL go by an index."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from approval_workflow.inbox import waiting_for
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow
from benchmarks.copies import copy_flow
from benchmarks.copying import analyse, trusted
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.cleanup import cleanup_completed_workflow_attachments
from django_workflow_engine.models import (
    ActionExecution,
    StageRun,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.services import attach_workflow_to_object, get_workflow_attachment
from purchasing.models import PurchaseRequest, User
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow
from tests.plans import slow_statements_of

pytestmark = [pytest.mark.scale, pytest.mark.django_db(transaction=True)]

WORKFLOWS = 20_000
PEOPLE = 1_000
LARGE = (
    ActionExecution,
    ApprovalEvent,
    ApprovalFlow,
    ApprovalInstance,
    StageRun,
    WorkflowAttachment,
)


@pytest.fixture
def ann() -> User:
    return UserFactory.create()


@pytest.fixture
def template(ann: User) -> WorkFlow:
    template = make_workflow([[by_user(ann), by_user(ann)]])
    function = "tests.testapp.workflow_actions.note"
    WorkflowAction.objects.create(
        workflow=template, action_type="after_approve", function_path=function
    )
    return template


@pytest.fixture
def request_(template: WorkFlow, ann: User) -> PurchaseRequest:
    """One of Ann's own; all others are copies of two, shared out among many people."""
    people = User.objects.bulk_create(
        UserFactory.build(username=f"n{number}") for number in range(PEOPLE)
    )
    others = {"assigned_to_id": f"{people[0].pk} + mod(number, {PEOPLE})"}
    with trusted():
        for approvals in (2, 1):
            flow = started(template)
            for _approval in range(approvals):
                advance_flow(flow.target, "approved", ann)
            copy_flow(flow, WORKFLOWS, others)
    analyse()
    return started(template).target


def started(template: WorkFlow) -> ApprovalFlow:
    return attach_workflow_to_object(PurchaseRequestFactory.create(), template).flow


def make_due() -> None:
    """A few of many actions."""
    rows = ActionExecution.objects.order_by("-pk").values("pk")[:5]
    keys = [row["pk"] for row in rows]
    an_hour_ago = timezone.now() - timedelta(hours=1)
    ActionExecution.objects.filter(pk__in=keys).update(status="pending", run_after=an_hour_ago)


def test_everything_goes_by_an_index(
    template: WorkFlow, request_: PurchaseRequest, ann: User
) -> None:
    make_due()
    ran: list[Any] = []
    cleaned: list[Any] = []
    acts: dict[str, Callable[[], Any]] = {
        "page": lambda: list(waiting_for(ann)[:20]),
        "attachment": lambda: get_workflow_attachment(request_),
        "start": lambda: started(template),
        "approval with a move": lambda: advance_flow(request_, "approved", ann),
        "approval at the end": lambda: advance_flow(request_, "approved", ann),
        "due actions": lambda: ran.append(run_due()),
        "clean-up": lambda: cleaned.append(cleanup_completed_workflow_attachments(725)),
    }
    slow = {name: found for name, act in acts.items() if (found := slow_statements_of(act, LARGE))}
    assert slow == {}
    assert ran[0]["done"] == 5
    assert 0 < cleaned[0]["attachments_deleted"] < WORKFLOWS / 100
