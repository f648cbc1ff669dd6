"""The API keeps to its own description, whatever is sent: schemathesis tries it out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, assume, settings
from schemathesis.config import SchemathesisConfig

from approval_workflow.api.keys import MODEL_NAME
from approval_workflow.models import ApprovalFlow, ApprovalInstance, Substitution
from approval_workflow.services import cancel_flow, start_flow, substitute
from tests.approval_workflow.flows import by, make_document
from tests.factories import DynamicFormFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db

CSRF = "x" * 32
# Numbers that stand for an object are replaced by keys of such objects, or else nothing is there.
REFERENCES = {
    "assigned_to": "people",
    "hierarchy_base_user": "people",
    "timeout_delegate_to": "people",
    "delegate_to": "people",
    "escalate_to": "people",
    "assign_to": "people",
    "substitute": "people",
    "ids": "approvals",
    "assigned_role": "roles",
    "form": "forms",
}

config = SchemathesisConfig.from_dict(
    {
        "generation": {
            "max-examples": 15,
            "deterministic": True,
            # What a text may hold is not for JSON Schema to say.
            "allow-x00": False,
            "with-security-parameters": False,
        },
        "checks": {
            # It cannot take away a session; another test walks all of this as nobody.
            "ignored_auth": {"enabled": False},
            # Right by the description, and not what can be done.
            "positive_data_acceptance": {"expected-statuses": ["2xx", 403, 404, 409, 412, 422]},
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        },
    }
)
described = SchemaGenerator(urlconf="tests.urls").get_schema(public=True)
schema = schemathesis.openapi.from_dict(described, config=config).include(
    path_regex=r"^/api/(flows|approvals|substitutions)/"
)
schema.app = get_wsgi_application()


class World:
    """What there is, for requests to name."""

    def __init__(self, client: Client) -> None:
        self.user = UserFactory.create(is_superuser=True)
        colleagues = UserFactory.create_batch(3)
        role = make_role(2)
        self.user.role = role
        self.user.save()
        form = DynamicFormFactory.create()
        steps = [
            {"assigned_to": self.user},
            {"assigned_to": self.user, "form": form, "approval_type": "submit"},
            {"assigned_to": self.user, "approval_type": "check_in_verify"},
            {"assigned_to": colleagues[0]},
            by(role),
            by(role, "consensus"),
        ]
        for number in range(30):
            step = steps[number % len(steps)]
            start_flow(make_document(), [step, {"assigned_to": self.user}], self.user)
        cancel_flow(ApprovalFlow.objects.latest("pk"))
        for number in range(10):
            substitute(
                self.user, colleagues[0], ends_at=timezone.now() + timedelta(days=number + 1)
            )
        self.keys = {
            "people": [user.pk for user in colleagues],
            "roles": [role.pk],
            "forms": [form.pk],
            "flows": list(ApprovalFlow.objects.values_list("pk", flat=True)),
            "approvals": list(ApprovalInstance.objects.values_list("pk", flat=True)),
            "substitutions": list(Substitution.objects.values_list("pk", flat=True)),
        }
        client.force_login(self.user)
        session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        self.cookies = {django_settings.SESSION_COOKIE_NAME: session, "csrftoken": CSRF}
        self.headers = {"X-CSRFToken": CSRF}

    def put_keys(self, case: Any) -> None:
        """Let the numbers that stand for an object stand for one that is there."""
        kind = case.path.split("/")[2]
        if "id" in case.path_parameters:
            case.path_parameters["id"] = self._key(kind, case.path_parameters["id"])
        if isinstance(case.body, dict):
            case.body = self._with_keys(case.body)

    def _with_keys(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._with_keys(item, key) for key, item in value.items()}
        if name == "models" and isinstance(value, str) and MODEL_NAME.fullmatch(value):
            return "testapp.document"
        if isinstance(value, list):
            return [self._with_keys(item, name) for item in value]
        return self._key(REFERENCES[name], value) if name in REFERENCES else value

    def _key(self, kind: str, value: Any) -> Any:
        is_key = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
        if not is_key:
            return value
        return self.keys[kind][value % len(self.keys[kind])]


@pytest.fixture
def world(client: Client) -> Iterator[World]:
    """Somebody who may do everything, with every kind of step waiting for them, and ended flows.

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
