"""The actions that became due, for people who may view or change them."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from approval_workflow.api.permissions import require
from approval_workflow.api.schema import answers
from approval_workflow.api.views.base import ApprovalViewSet
from approval_workflow.exceptions import Conflict
from django_workflow_engine.actions.outbox import replay
from django_workflow_engine.models import ActionExecution
from django_workflow_engine.views.bodies import WorkflowNothingSerializer
from django_workflow_engine.views.filters import ExecutionFilter
from django_workflow_engine.views.shown import (
    WorkflowExecutionDetailSerializer,
    WorkflowExecutionSerializer,
)

CHANGE = "django_workflow_engine.change_actionexecution"


class ExecutionViewSet(ApprovalViewSet[ActionExecution]):
    """The actions that became due."""

    serializer_class = WorkflowExecutionSerializer
    queryset = ActionExecution.objects.none()
    filterset_class: Any = ExecutionFilter

    def get_queryset(self) -> QuerySet[ActionExecution]:
        return ActionExecution.objects.visible_to(self.request.user).order_by("-pk")

    @extend_schema(responses=answers(400, 404, ok=WorkflowExecutionSerializer(many=True)))
    def list(self, request: Request) -> Response:
        """List the actions that became due, the latest first. For who may view executions."""
        return self.page(self.filter_queryset(self.get_queryset()))

    @extend_schema(responses=answers(404, ok=WorkflowExecutionDetailSerializer))
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show an action with what it was given and what came of it."""
        return Response(WorkflowExecutionDetailSerializer(self.get_object()).data)

    @extend_schema(
        request=WorkflowNothingSerializer,
        responses=answers(400, 404, 409, 415, ok=WorkflowExecutionDetailSerializer),
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Make an action that has failed due again. For who may change executions."""
        execution = self.get_object()
        require(request.user.has_perm(CHANGE))
        self.body(WorkflowNothingSerializer, request)
        if not replay(execution):
            raise Conflict(_("This action has not failed."), status=execution.status)
        execution.refresh_from_db()
        return Response(WorkflowExecutionDetailSerializer(execution).data)
