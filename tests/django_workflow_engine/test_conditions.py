"""Look-ups on objects, as settings and actions hold them."""

from decimal import Decimal

import pytest

from django_workflow_engine.conditions import satisfies, satisfying
from django_workflow_engine.exceptions import WorkflowMisconfigured
from purchasing.models import PurchaseRequest, Role
from tests.factories import PurchaseRequestFactory, make_role

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, True),
        ({"amount__gte": 100}, True),
        ({"amount__gte": "100.01"}, False),
        ({"amount__lt": 200, "title__startswith": "Pur"}, True),
        ({"amount__lt": 200, "title__startswith": "Sal"}, False),
        ({"requester__username": "nobody"}, False),
    ],
)
def test_look_ups_are_those_of_filter(conditions, expected):
    request = PurchaseRequestFactory.create(amount=Decimal(100))
    assert satisfies(request, conditions) is expected


def test_the_stored_object_counts():
    request = PurchaseRequestFactory.create(amount=Decimal(100))
    request.amount = Decimal(5)
    assert satisfies(request, {"amount": 100})


def test_without_conditions_no_statement_is_run(statements):
    request = PurchaseRequestFactory.create()
    with statements() as seen:
        satisfies(request, {})
    assert seen.count == 0


def test_a_relation_to_many_gives_a_row_once():
    role = make_role(3)
    rows = satisfying(Role.objects.all(), {"users__is_active": True})
    assert list(rows) == [role]


@pytest.mark.parametrize(
    "conditions",
    [
        {"no_such_field": 1},
        {"amount__no_such_lookup": 1},
        {"amount__gte": "much"},
        {"amount__in": 5},
        {"created_at__gte": "yesterday"},
    ],
)
def test_what_cannot_be_asked_is_a_misconfiguration(conditions):
    with pytest.raises(WorkflowMisconfigured, match=r"purchasing\.PurchaseRequest cannot be asked"):
        satisfying(PurchaseRequest.objects.all(), conditions)
