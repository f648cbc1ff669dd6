"""Objects that workflows run on."""

from decimal import Decimal

import factory

from crm.models import Opportunity
from purchasing.models import PurchaseRequest
from support.models import Ticket
from tests.factories.people import UserFactory


class PurchaseRequestFactory(factory.django.DjangoModelFactory[PurchaseRequest]):
    class Meta:
        model = PurchaseRequest

    title = factory.Sequence(lambda number: f"Purchase {number}")
    amount = Decimal("100.00")
    description = "As discussed"
    requester = factory.SubFactory(UserFactory)


class OpportunityFactory(factory.django.DjangoModelFactory[Opportunity]):
    class Meta:
        model = Opportunity

    name = factory.Sequence(lambda number: f"Opportunity {number}")
    amount = Decimal("5000.00")
    owner = factory.SubFactory(UserFactory)


class TicketFactory(factory.django.DjangoModelFactory[Ticket]):
    class Meta:
        model = Ticket

    title = factory.Sequence(lambda number: f"Ticket {number}")
    created_by = factory.SubFactory(UserFactory)
