"""The API of purchase requests."""

from purchasing.models import PurchaseRequest
from purchasing.serializers import PurchaseRequestSerializer
from purchasing.viewsets import OwnedObjectViewSet


class PurchaseRequestViewSet(OwnedObjectViewSet[PurchaseRequest]):
    """Ask for purchases and decide on them."""

    queryset = PurchaseRequest.objects.all()
    serializer_class = PurchaseRequestSerializer
    owner_field = "requester"
