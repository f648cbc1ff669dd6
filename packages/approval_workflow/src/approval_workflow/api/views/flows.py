"""Flows: where objects stand, what happened, who may act, and what is done with a whole flow."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from approval_workflow.api.filters import FlowFilter
from approval_workflow.api.headers import etag, expected_version
from approval_workflow.api.permissions import CHANGE_FLOWS, require
from approval_workflow.api.reading import fetch_targets, flows_shown, steps_of
from approval_workflow.api.schema import ETAG, IF_MATCH, answers
from approval_workflow.api.serializers.acts import (
    ApprovalCancellationSerializer,
    ApprovalHoldSerializer,
    ApprovalResumptionSerializer,
    ApprovalUndoSerializer,
)
from approval_workflow.api.serializers.flows import (
    ApprovalFlowDetailSerializer,
    ApprovalFlowSerializer,
)
from approval_workflow.api.serializers.history import (
    ApprovalEventSerializer,
    ApprovalExplanationSerializer,
    ApprovalExportRowSerializer,
)
from approval_workflow.api.serializers.strict import StrictSerializer
from approval_workflow.api.views.base import ApprovalViewSet
from approval_workflow.explain import explain_approvers
from approval_workflow.history import export_history
from approval_workflow.models import ApprovalFlow
from approval_workflow.queries import timeline
from approval_workflow.services import cancel_flow, hold_flow, resume_flow, undo_decision
from approval_workflow.visibility import visible_flows

# What the history can be exported as, with the type of the answer.
FORMS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
FORM = OpenApiParameter("form", enum=list(FORMS), default="json")
# What the acts on a whole flow have in common.
CHANGED: dict[str, Any] = {
    "parameters": [IF_MATCH, ETAG],
    "responses": answers(400, 404, 409, 412, 415, ok=ApprovalFlowDetailSerializer),
}


class FlowViewSet(ApprovalViewSet[ApprovalFlow]):
    """The flows that the person may see."""

    serializer_class = ApprovalFlowSerializer
    queryset = ApprovalFlow.objects.none()
    filterset_class: Any = FlowFilter

    def get_queryset(self) -> QuerySet[ApprovalFlow]:
        return flows_shown(visible_flows(self.request.user)).order_by("-pk")

    @extend_schema(responses=answers(400, 404, ok=ApprovalFlowSerializer(many=True)))
    def list(self, request: Request) -> Response:
        """List the flows that you take or took part in, and those that you may view."""
        return self.page(self.filter_queryset(self.get_queryset()), fetch_targets)

    @extend_schema(parameters=[ETAG], responses=answers(404, ok=ApprovalFlowDetailSerializer))
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a flow with all its steps."""
        return self._shown(self.get_object())

    @extend_schema(responses=answers(400, 404, ok=ApprovalEventSerializer(many=True)))
    @action(
        detail=True,
        filterset_class=None,
        serializer_class=ApprovalEventSerializer,
        filter_backends=(),
    )
    def timeline(self, request: Request, pk: str) -> Response:
        """Tell what happened in a flow, in order."""
        return self.page(timeline(self.get_object()))

    @extend_schema(
        responses=answers(404, ok=ApprovalExplanationSerializer(many=True)), filters=False
    )
    @action(detail=True, pagination_class=None, filter_backends=())
    def explain(self, request: Request, pk: str) -> Response:
        """Say who may act on the open steps of a flow now, and why."""
        found: Any = explain_approvers(self.get_object())
        return Response(ApprovalExplanationSerializer(found, many=True).data)

    @extend_schema(
        parameters=[FORM],
        responses={
            **answers(400, 404),
            (200, "application/json"): ApprovalExportRowSerializer(many=True),
            (200, "text/csv"): str,
        },
    )
    @action(detail=True, pagination_class=None, filter_backends=())
    def export(self, request: Request, pk: str) -> HttpResponse:
        """Hand out the history of a flow as a file."""
        form = request.query_params.get("form", "json")
        if form not in FORMS:
            raise ValidationError({"form": [_("Expected 'csv' or 'json'.")]})
        flow = self.get_object()
        disposition = f'attachment; filename="approval-flow-{flow.pk}.{form}"'
        return HttpResponse(
            export_history(flow, form=form),
            content_type=FORMS[form],
            headers={"Content-Disposition": disposition},
        )

    @extend_schema(request=ApprovalCancellationSerializer, **CHANGED)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Call a running flow off. For who started it, and who may change approval flows."""
        flow = self.get_object()
        may = request.user.pk == flow.started_by_id or request.user.has_perm(CHANGE_FLOWS)
        require(may)
        return self._changed(cancel_flow, ApprovalCancellationSerializer, request, flow)

    @extend_schema(request=ApprovalHoldSerializer, **CHANGED)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """Put a running flow on hold. For who may change approval flows."""
        flow = self.get_object()
        require(request.user.has_perm(CHANGE_FLOWS))
        return self._changed(hold_flow, ApprovalHoldSerializer, request, flow)

    @extend_schema(request=ApprovalResumptionSerializer, **CHANGED)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Let a flow on hold go on. For who may change approval flows."""
        flow = self.get_object()
        require(request.user.has_perm(CHANGE_FLOWS))
        return self._changed(resume_flow, ApprovalResumptionSerializer, request, flow)

    @extend_schema(request=ApprovalUndoSerializer, **CHANGED)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take back the last decision, for who made it, while nothing has happened after it."""
        flow = self.get_object()
        return self._changed(undo_decision, ApprovalUndoSerializer, request, flow)

    def _changed(
        self,
        verb: Callable[..., object],
        serializer_class: type[StrictSerializer],
        request: Request,
        flow: ApprovalFlow,
    ) -> Response:
        given = self.body(serializer_class, request)
        version = expected_version(request, flow)
        verb(flow, request.user, expected_version=version, **given)
        return self._shown(flow)

    def _shown(self, flow: ApprovalFlow) -> Response:
        fetch_targets([flow])
        context = {**self.get_serializer_context(), "steps": steps_of(flow)}
        shown = ApprovalFlowDetailSerializer(flow, context=context)
        return Response(shown.data, headers={"ETag": etag(flow)})
