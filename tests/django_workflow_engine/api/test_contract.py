"""The API keeps to its own description, whatever is sent: schemathesis tries it out."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator

from approval_workflow.services import advance_flow
from django_workflow_engine.definition.grouping import LONGEST_CODE
from django_workflow_engine.models import ActionExecution, Stage, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import (
    attach_workflow_to_object,
    cancel_workflow,
    hold_workflow,
    update_stage_status,
)
from tests.api_contract import Requests, connection_stays_open, described_by, trying_out
from tests.factories import (
    DepartmentFactory,
    PurchaseRequestFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
)
from tests.factories.workflows import asking, make_staged

pytestmark = pytest.mark.django_db

FUNCTION = "django_workflow_engine.action_handlers.send_approval_notification"
JOB = "tests.testapp.workflow_actions.score"
STATUSES = [{"name": "Open", "default": True}, {"name": "Signed", "completes": True}]
CODES = ("sign", "first", "second", "third", "nowhere")
# Templates are read as REST framework reads, where a number may come as text; and what is in a
# stage's configuration is not for JSON Schema to say.
TEMPLATES = {
    "include-path-regex": "^/api/workflows/",
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", 400, 403, 404, 409]},
        "negative_data_rejection": {"enabled": False},
    },
}

schema = described_by(
    SchemaGenerator(patterns=[path("api/", include("django_workflow_engine.urls"))]),
    examples=7,
    # 400 where an action does not go with the stage that is named.
    expected=["2xx", 400, 403, 404, 409, 412, 422],
    operations=[TEMPLATES],
)


class World(Requests):
    """Runs of every kind, of the person who asks and of others."""

    references = {
        "workflow": "workflows",
        "stage_id": "stages",
        "user_id": "people",
        "company": "people",
        "department_id": "departments",
    }

    def __init__(self, client: Client) -> None:
        user = UserFactory.create(is_superuser=True)
        colleague = UserFactory.create()
        role = make_role(2)
        user.role = role
        user.save()
        for shape in (
            [[by_user(user), by_user(user)]],
            [[by_role(role), by_user(colleague)], [by_user(user)]],
            [[[]]],
        ):
            make_workflow(shape)
        templates = list(WorkFlow.objects.templates())
        for number in range(12):
            obj = PurchaseRequestFactory.create()
            attach_workflow_to_object(obj, templates[number % 2], user, number % 3 > 0)
            if number > 8:
                cancel_workflow(obj)
        running = WorkflowAttachment.objects.filter(status="in_progress").latest("pk")
        advance_flow(running.target, "approved", user)
        staged = make_staged(
            {
                "sign": {"kind": "status", "statuses": STATUSES},
                "first": asking(by_user(user), by_user(colleague), parallel_group="both"),
                "second": {"kind": "job", "job": {"function": JOB}, "parallel_group": "both"},
                "third": asking(by_user(user)),
            }
        )
        for number in range(6):
            obj = PurchaseRequestFactory.create(requester=user)
            attach_workflow_to_object(obj, staged, user)
            if number % 3:
                update_stage_status(obj, "Signed", user)
            if number % 3 == 2:
                hold_workflow(obj, user, reason="audit")
        templates.append(staged)
        self.objects = [PurchaseRequestFactory.create() for _number in range(5)]
        keys = {
            "people": [user.pk, colleague.pk],
            "departments": [DepartmentFactory.create().pk],
            "workflows": [template.pk for template in templates],
            "stages": list(Stage.objects.values_list("pk", flat=True)),
            "attachments": list(WorkflowAttachment.objects.values_list("pk", flat=True)),
            "executions": list(ActionExecution.objects.values_list("pk", flat=True)),
        }
        super().__init__(client, user, keys)

    def text(self, name: str, value: str) -> str:
        if value and name == "object_id":
            return str(self.objects[len(value) % len(self.objects)].pk)
        if name == "stage_id" and 0 < len(value) <= LONGEST_CODE:
            return CODES[len(value) % len(CODES)]
        known = {"object_type": "purchasing.purchaserequest", "function_path": FUNCTION}
        return known.get(name, value) if value else value


@pytest.fixture
def world(client: Client) -> Iterator[World]:
    """What somebody sees who may do everything."""
    with connection_stays_open():
        yield World(client)


@schema.parametrize()
@trying_out
def test_the_api_keeps_to_its_description(case: Any, world: World) -> None:
    world.try_out(case)
