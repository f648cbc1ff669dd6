"""The routes of the example's own API."""

from rest_framework.routers import DefaultRouter

from crm.views import OpportunityViewSet
from purchasing.views import PurchaseRequestViewSet
from support.views import TicketViewSet

router = DefaultRouter()
router.register("purchase-requests", PurchaseRequestViewSet)
router.register("opportunities", OpportunityViewSet)
router.register("tickets", TicketViewSet)
