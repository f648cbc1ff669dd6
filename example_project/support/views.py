"""The API of tickets."""

from purchasing.viewsets import OwnedObjectViewSet
from support.models import Ticket
from support.serializers import TicketSerializer


class TicketViewSet(OwnedObjectViewSet[Ticket]):
    """Open tickets and decide on them."""

    queryset = Ticket.objects.all()
    serializer_class = TicketSerializer
    owner_field = "created_by"
