"""The API of opportunities."""

from crm.models import Opportunity
from crm.serializers import OpportunitySerializer
from purchasing.viewsets import OwnedObjectViewSet


class OpportunityViewSet(OwnedObjectViewSet[Opportunity]):
    """Bring deals and decide on them."""

    queryset = Opportunity.objects.all()
    serializer_class = OpportunitySerializer
    owner_field = "owner"
