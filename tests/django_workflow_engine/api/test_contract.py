"""The API keeps to its own description, whatever is sent: schemathesis tries it out."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, assume, settings
from schemathesis.config import SchemathesisConfig

from approval_workflow.services import advance_flow
from django_workflow_engine.models import ActionExecution, Stage, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import attach_workflow_to_object, cancel_workflow
from tests.factories import (
    DepartmentFactory,
    PurchaseRequestFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
)

pytestmark = pytest.mark.django_db

CSRF = "x" * 32
# Numbers that stand for something are replaced by keys of what is there.
REFERENCES = {
    "workflow": "workflows",
    "stage_id": "stages",
    "user_id": "people",
    "company": "people",
    "department_id": "departments",
}
FUNCTION = "django_workflow_engine.action_handlers.send_approval_notification"
# Templates are read as REST framework reads, where a number may come as text; and what is in a
# stage's configuration is not for JSON Schema to say.
TEMPLATES = {
    "include-path-regex": "^/api/workflows/",
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", 400, 403, 404, 409]},
        "negative_data_rejection": {"enabled": False},
    },
}

config = SchemathesisConfig.from_dict(
    {
        "generation": {
            "max-examples": 7,
            "deterministic": True,
            # What a text may hold is not for JSON Schema to say.
            "allow-x00": False,
            "with-security-parameters": False,
        },
        "checks": {
            # It cannot take away a session; another test walks all of this as nobody.
            "ignored_auth": {"enabled": False},
            # Right by the description, and not what can be done; 400 where an action does not go
            # with the stage that is named.
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", 400, 403, 404, 409, 412, 422]
            },
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        },
        "operations": [TEMPLATES],
    }
)
patterns = [path("api/", include("django_workflow_engine.urls"))]
described = SchemaGenerator(patterns=patterns).get_schema(public=True)
schema = schemathesis.openapi.from_dict(described, config=config)
schema.app = get_wsgi_application()


class World:
    """What there is, for requests to name."""

    def __init__(self, client: Client) -> None:
        self.user = UserFactory.create(is_superuser=True)
        colleague = UserFactory.create()
        role = make_role(2)
        self.user.role = role
        self.user.save()
        for shape in (
            [[by_user(self.user), by_user(self.user)]],
            [[by_role(role), by_user(colleague)], [by_user(self.user)]],
            [[[]]],
        ):
            make_workflow(shape)
        templates = list(WorkFlow.objects.templates())
        for number in range(12):
            obj = PurchaseRequestFactory.create()
            attach_workflow_to_object(obj, templates[number % 2], self.user, number % 3 > 0)
            if number > 8:
                cancel_workflow(obj)
        running = WorkflowAttachment.objects.filter(status="in_progress").latest("pk")
        advance_flow(running.target, "approved", self.user)
        self.objects = [PurchaseRequestFactory.create() for _number in range(5)]
        self.keys = {
            "people": [self.user.pk, colleague.pk],
            "departments": [DepartmentFactory.create().pk],
            "workflows": [template.pk for template in templates],
            "stages": list(Stage.objects.values_list("pk", flat=True)),
            "attachments": list(WorkflowAttachment.objects.values_list("pk", flat=True)),
            "executions": list(ActionExecution.objects.values_list("pk", flat=True)),
        }
        client.force_login(self.user)
        session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        self.cookies = {django_settings.SESSION_COOKIE_NAME: session, "csrftoken": CSRF}
        self.headers = {"X-CSRFToken": CSRF}

    def put_keys(self, case: Any) -> None:
        """Let the numbers that stand for something stand for what is there."""
        kind = case.path.split("/")[2]
        if "id" in case.path_parameters:
            case.path_parameters["id"] = self._key(kind, case.path_parameters["id"])
        if isinstance(case.body, dict):
            case.body = self._with_keys(case.body)

    def _with_keys(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._with_keys(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._with_keys(item, name) for item in value]
        if isinstance(value, str) and value:
            if name == "object_id":
                return str(self.objects[len(value) % len(self.objects)].pk)
            known = {"object_type": "purchasing.purchaserequest", "function_path": FUNCTION}
            return known.get(name, value)
        return self._key(REFERENCES[name], value) if name in REFERENCES else value

    def _key(self, kind: str, value: Any) -> Any:
        is_key = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
        if not is_key:
            return value
        return self.keys[kind][value % len(self.keys[kind])]


@pytest.fixture
def world(client: Client) -> Iterator[World]:
    """Somebody who may do everything, with runs of every kind.

    As with Django's own client, a request leaves the connection of the test open.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield World(client)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_keeps_to_its_description(case: Any, world: World) -> None:
    # No bytes at all are no body, which may be left out.
    assume(case.body != b"")
    world.put_keys(case)
    case.call_and_validate(cookies=world.cookies, headers=world.headers)
