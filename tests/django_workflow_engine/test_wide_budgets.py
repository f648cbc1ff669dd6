"""The budgets of statements hold for wide workflows: stages, holders of a role, actions at once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow
from approval_workflow.utils import get_current_approval, waiting_for
from django_workflow_engine.models import ActionExecution, WorkflowAction
from django_workflow_engine.services import (
    attach_workflow_to_object,
    get_detailed_workflow_data,
    get_workflow_attachment,
)
from purchasing.models import PurchaseRequest, User
from tests.factories import (
    PurchaseRequestFactory,
    UserFactory,
    by_role,
    by_user,
    make_large_workflow,
    make_pipeline_workflow,
    make_role,
)

pytestmark = pytest.mark.django_db

ATTACH, APPROVE_WITH_A_MOVE, CURRENT_STEP, INBOX, DATA = 11, 14, 1, 3, 3
# Besides, where people are looked up by way of the object: its requester, and what leads to them.
LOOKING_UP = 4
EVENTS = ("after_approve", "after_move_stage", "after_move_pipeline", "on_workflow_start")
NOTE = "tests.testapp.workflow_actions.note"

# Stages, holders of the role, actions for each event.
SIZES = [(6, 10, 1), (100, 1_000, 5)]


@pytest.fixture(params=SIZES, ids=["small", "wide"])
def wide(request: Any) -> Any:
    """A template whose first stage asks a person and all others a role; actions for each event."""
    stages, holders, actions = request.param
    role = make_role(holders)
    template = make_large_workflow(stages, approval=by_role(role))
    first = UserFactory.create()
    stage = template.pipelines.get(order=1).stages.get(order=1)
    stage.stage_info = {"approvals": [by_user(first)]}
    stage.save()
    WorkflowAction.objects.bulk_create(
        WorkflowAction(workflow=template, action_type=event, function_path=NOTE, order=number)
        for event in EVENTS
        for number in range(actions)
    )
    attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    return template, first, role, actions


def allowed(budget: int) -> int:
    """The budgets are PostgreSQL's.

    On SQLite an update takes the lock; on MariaDB a flow is looked up, then locked by its key.
    """
    return budget + (0 if connection.vendor == "postgresql" else 1)


def attached(template: Any) -> PurchaseRequest:
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template, user=request.requester)
    return request


def test_attaching_and_starting(wide: Any, statements: Callable[..., Any]) -> None:
    template, _first, _role, actions = wide
    request = PurchaseRequestFactory.create()
    with statements() as seen:
        attach_workflow_to_object(request, template, user=request.requester)
    assert seen.count <= allowed(ATTACH), str(seen)
    assert ActionExecution.objects.filter(attachment__object_id=request.pk).count() == actions


def test_approving_with_a_move_into_a_role(wide: Any, statements: Callable[..., Any]) -> None:
    template, first, role, actions = wide
    request = attached(template)
    with statements() as seen:
        advance_flow(request, "approved", first)
    if connection.vendor != "sqlite":  # which splits large inserts
        assert seen.count <= allowed(APPROVE_WITH_A_MOVE), str(seen)
    rows = ApprovalInstance.objects.for_object(request).current()
    assert rows.count() == role.users.count()
    due = ActionExecution.objects.filter(attachment__object_id=request.pk)
    assert due.exclude(action_type="on_workflow_start").count() == 2 * actions


def test_reading_the_current_step(wide: Any, statements: Callable[..., Any]) -> None:
    template, first, _role, _actions = wide
    request = attached(template)
    with statements() as seen:
        assert get_current_approval(request).assigned_to_id == first.pk
    assert seen.count <= CURRENT_STEP, str(seen)


def test_reading_the_inbox_of_a_holder(wide: Any, statements: Callable[..., Any]) -> None:
    template, first, role, _actions = wide
    advance_flow(attached(template), "approved", first)
    holder = User.objects.filter(role=role).first()
    with statements() as seen:
        assert len(list(waiting_for(holder)[:50])) == 1
    assert seen.count <= INBOX, str(seen)


def test_reading_the_data(wide: Any, statements: Callable[..., Any]) -> None:
    template = wide[0]
    with statements() as seen:
        get_detailed_workflow_data(template.pk)
    assert seen.count <= DATA, str(seen)


@pytest.mark.parametrize("pipelines", [6, 100])
def test_pipelines_that_ask_keep_to_the_same_budgets(
    pipelines: int, statements: Callable[..., Any]
) -> None:
    ann = UserFactory.create()
    template = make_pipeline_workflow([by_user(ann)] * pipelines)
    attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    request = PurchaseRequestFactory.create()
    with statements() as start:
        attach_workflow_to_object(request, template, user=ann)
    with statements() as move:
        advance_flow(request, "approved", ann)
    assert get_workflow_attachment(request).current_pipeline.order == 2
    assert start.count <= allowed(ATTACH), str(start)
    assert move.count <= allowed(APPROVE_WITH_A_MOVE), str(move)


@pytest.mark.parametrize(
    "approval",
    [
        {"approval_type": "SELF"},
        {"approval_type": "TEAM_HEAD"},
        {"approval_type": "DEPARTMENT_HEAD"},
        {"approval_type": "ASSIGNED", "assigned_field": "requester.department.head"},
    ],
    ids=lambda approval: approval["approval_type"],
)
def test_moving_to_people_who_are_looked_up_takes_little_more(
    approval: dict[str, Any], statements: Callable[..., Any]
) -> None:
    top = make_role(1)
    chief, staff = top.users.get(), make_role(0, parent=top)
    request = PurchaseRequestFactory.create(
        requester=UserFactory.create(role=staff, department=department_of(chief))
    )
    ann = UserFactory.create()
    template = make_pipeline_workflow([by_user(ann), approval])
    attach_workflow_to_object(request, template, user=ann)
    with statements() as seen:
        advance_flow(request, "approved", ann)
    assert seen.count <= allowed(APPROVE_WITH_A_MOVE + LOOKING_UP), str(seen)


def department_of(head: User) -> Any:
    return head.headed_departments.create(name="Finance")
