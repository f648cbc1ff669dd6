"""Stand-ins: each person names their own."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from approval_workflow.api.schema import answers
from approval_workflow.api.serializers.substitutions import (
    ApprovalNewSubstitutionSerializer,
    ApprovalSubstitutionSerializer,
)
from approval_workflow.api.views.base import ApprovalViewSet
from approval_workflow.models import Substitution
from approval_workflow.services import end_substitution, substitute


class SubstitutionViewSet(ApprovalViewSet[Substitution]):
    """The stand-ins that the person has named."""

    serializer_class = ApprovalSubstitutionSerializer
    queryset = Substitution.objects.none()

    def get_queryset(self) -> QuerySet[Substitution]:
        own = Substitution.objects.filter(person_id=self.request.user.pk)
        shown = own.select_related("substitute").prefetch_related("content_types")
        return shown.order_by("-starts_at", "-pk")

    @extend_schema(responses=answers(400, 404, ok=ApprovalSubstitutionSerializer(many=True)))
    def list(self, request: Request) -> Response:
        """List the stand-ins that you have named, the latest first."""
        return self.page(self.get_queryset())

    @extend_schema(responses=answers(404, ok=ApprovalSubstitutionSerializer))
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a stand-in that you have named."""
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        request=ApprovalNewSubstitutionSerializer,
        responses=answers(400, 415, 422, created=ApprovalSubstitutionSerializer),
    )
    def create(self, request: Request) -> Response:
        """Name a stand-in for yourself, who sees and may decide what waits for you."""
        given = self.body(ApprovalNewSubstitutionSerializer, request)
        made = substitute(request.user, **given)
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None, **answers(404)})
    def destroy(self, request: Request, pk: str) -> Response:
        """End a substitution now; one that has not begun goes away."""
        end_substitution(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
