"""The API keeps to its own description, whatever is sent: schemathesis tries it out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from approval_workflow.api.keys import MODEL_NAME
from approval_workflow.models import ApprovalFlow, ApprovalInstance, Substitution
from approval_workflow.services import cancel_flow, hold_flow, start_flow, substitute
from tests.api_contract import Requests, connection_stays_open, described_by, trying_out
from tests.approval_workflow.flows import by, make_document
from tests.factories import DynamicFormFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db

schema = described_by(
    SchemaGenerator(urlconf="tests.urls"),
    examples=15,
    expected=["2xx", 403, 404, 409, 412, 422],
).include(path_regex=r"^/api/(flows|approvals|substitutions)/")


class World(Requests):
    """Every kind of step waits for the person who asks, and some flows have ended."""

    references = {
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

    def __init__(self, client: Client) -> None:
        user = UserFactory.create(is_superuser=True)
        colleagues = UserFactory.create_batch(3)
        role = make_role(2)
        user.role = role
        user.save()
        form = DynamicFormFactory.create()
        steps = [
            {"assigned_to": user},
            {"assigned_to": user, "form": form, "approval_type": "submit"},
            {"assigned_to": user, "approval_type": "check_in_verify"},
            {"assigned_to": colleagues[0]},
            by(role),
            by(role, "consensus"),
        ]
        for number in range(30):
            step = steps[number % len(steps)]
            start_flow(make_document(), [step, {"assigned_to": user}], user)
        last, before, *_others = ApprovalFlow.objects.order_by("-pk")
        cancel_flow(last)
        hold_flow(before)
        for number in range(10):
            substitute(user, colleagues[0], ends_at=timezone.now() + timedelta(days=number + 1))
        keys = {
            "people": [colleague.pk for colleague in colleagues],
            "roles": [role.pk],
            "forms": [form.pk],
            "flows": list(ApprovalFlow.objects.values_list("pk", flat=True)),
            "approvals": list(ApprovalInstance.objects.values_list("pk", flat=True)),
            "substitutions": list(Substitution.objects.values_list("pk", flat=True)),
        }
        super().__init__(client, user, keys)

    def text(self, name: str, value: str) -> str:
        is_model = name == "models" and MODEL_NAME.fullmatch(value)
        return "testapp.document" if is_model else value


@pytest.fixture
def world(client: Client) -> Iterator[World]:
    """What somebody sees who may do everything."""
    with connection_stays_open():
        yield World(client)


@schema.parametrize()
@trying_out
def test_the_api_keeps_to_its_description(case: Any, world: World) -> None:
    world.try_out(case)
