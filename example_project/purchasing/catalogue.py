"""The kinds of object that go through approvals here, and whose they are."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from claims.models import Claim
from crm.models import Opportunity
from hello.models import HelloRequest
from purchasing.models import PurchaseRequest
from purchasing.visibility import visible_to
from support.models import Ticket


@dataclass(frozen=True)
class Kind:
    """A model, its name in addresses, and the field that names the owner of an object."""

    slug: str
    model: type[Model]
    owner_field: str

    def visible_to(self, user: Any) -> QuerySet[Model]:
        """Return the objects of this kind that a person may see."""
        objects = self.model._default_manager.select_related(self.owner_field)
        return visible_to(user, objects, owner_field=self.owner_field)


KINDS = {
    kind.slug: kind
    for kind in (
        Kind("purchase-requests", PurchaseRequest, "requester"),
        Kind("opportunities", Opportunity, "owner"),
        Kind("tickets", Ticket, "created_by"),
        Kind("greetings", HelloRequest, "requester"),
        Kind("claims", Claim, "claimant"),
    )
}
KINDS_BY_MODEL = {kind.model: kind for kind in KINDS.values()}
