"""What the view sets of the example have in common."""

from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import mixins, viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.serializers import BaseSerializer

from django_workflow_engine.views import WorkflowMixin
from purchasing.pagination import TwentyAPage
from purchasing.visibility import visible_to

M = TypeVar("M", bound=Model)


class OwnedObjectViewSet(
    WorkflowMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.ListModelMixin,
    viewsets.GenericViewSet[M],
):
    """Objects that a person makes and others decide on; they are not edited once they are made."""

    permission_classes = (IsAuthenticated,)
    pagination_class = TwentyAPage
    # The field that names whose the object is.
    owner_field: ClassVar[str]

    def get_queryset(self) -> QuerySet[M]:
        objects = super().get_queryset().select_related(self.owner_field)
        return visible_to(self.request.user, objects, owner_field=self.owner_field)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        serializer.save(**{self.owner_field: self.request.user})
