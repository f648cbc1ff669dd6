"""Steps: what waits for a person, and everything that can be done with a step."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from approval_workflow.api.bulk import bulk_results
from approval_workflow.api.filters import ApprovalFilter
from approval_workflow.api.headers import etag, expected_version, idempotency_key
from approval_workflow.api.permissions import CHANGE_STEPS, require
from approval_workflow.api.reading import fetch_around, step_shown, steps_shown
from approval_workflow.api.schema import ETAG, IDEMPOTENCY_KEY, IF_MATCH, answers
from approval_workflow.api.serializers.acts import (
    ApprovalActSerializer,
    ApprovalBulkResultsSerializer,
    ApprovalBulkSerializer,
    ApprovalDecisionSerializer,
    ApprovalDelegationSerializer,
    ApprovalEscalationSerializer,
    ApprovalOutcomeSerializer,
    ApprovalReassignmentSerializer,
    ApprovalReminderSerializer,
)
from approval_workflow.api.serializers.resubmission import ApprovalResubmissionSerializer
from approval_workflow.api.serializers.steps import ApprovalDetailSerializer, ApprovalSerializer
from approval_workflow.api.views.base import ApprovalViewSet
from approval_workflow.choices import Action
from approval_workflow.exceptions import StepAlreadyProcessed
from approval_workflow.inbox import waiting_for
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow, reassign, remind
from approval_workflow.visibility import visible_steps

V = TypeVar("V", bound=Callable[..., Response])

LISTED = answers(400, 404, ok=ApprovalSerializer(many=True))
DONE = answers(400, 404, 409, 412, 415, 422, ok=ApprovalOutcomeSerializer)


def acts(request: Any) -> Callable[[V], V]:
    """Describe an end point that acts on a step."""
    described: Callable[[V], V] = extend_schema(
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, ETAG], request=request, responses=DONE
    )
    return described


class ApprovalStepViewSet(ApprovalViewSet[ApprovalInstance]):
    """The steps of the flows that the person may see."""

    serializer_class = ApprovalSerializer
    queryset = ApprovalInstance.objects.none()
    filterset_class: Any = ApprovalFilter

    def get_queryset(self) -> QuerySet[ApprovalInstance]:
        return steps_shown(visible_steps(self.request.user)).order_by("-pk")

    @extend_schema(responses=LISTED)
    def list(self, request: Request) -> Response:
        """List the steps of the flows that you may see."""
        return self.page(self.filter_queryset(self.get_queryset()), fetch_around)

    @extend_schema(responses=LISTED)
    @action(detail=False)
    def waiting(self, request: Request) -> Response:
        """List the open steps that you may decide, those due first before those due later."""
        waiting = steps_shown(waiting_for(request.user))
        return self.page(self.filter_queryset(waiting), fetch_around)

    @extend_schema(parameters=[ETAG], responses=answers(404, ok=ApprovalDetailSerializer))
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a step with its rules and its form, and whether you may act on it."""
        return self._shown(self.get_object())

    @acts(ApprovalDecisionSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Approve a step; in a step of the kind "check in and verify", check in first."""
        return self._act(request, Action.APPROVE, ApprovalDecisionSerializer)

    @acts(ApprovalActSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Reject a step."""
        return self._act(request, Action.REJECT, ApprovalActSerializer)

    @acts(ApprovalResubmissionSerializer)
    @action(detail=True, methods=["post"])
    def resubmit(self, request: Request, pk: str) -> Response:
        """Ask for corrections: what is open or to come is cancelled, a new round begins."""
        return self._act(request, Action.RESUBMIT, ApprovalResubmissionSerializer)

    @acts(ApprovalDelegationSerializer)
    @action(detail=True, methods=["post"])
    def delegate(self, request: Request, pk: str) -> Response:
        """Let somebody else act instead of you."""
        return self._act(request, Action.DELEGATE, ApprovalDelegationSerializer)

    @acts(ApprovalEscalationSerializer)
    @action(detail=True, methods=["post"])
    def escalate(self, request: Request, pk: str) -> Response:
        """Hand a step to somebody above."""
        return self._act(request, Action.ESCALATE, ApprovalEscalationSerializer)

    @acts(ApprovalActSerializer)
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: str) -> Response:
        """Take a step that anybody of a role can decide; the others cannot until you release it."""
        return self._act(request, Action.CLAIM, ApprovalActSerializer)

    @acts(ApprovalActSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Give a claimed step back to all who hold the role."""
        return self._act(request, Action.RELEASE, ApprovalActSerializer)

    @extend_schema(
        parameters=[IF_MATCH, ETAG], request=ApprovalReassignmentSerializer, responses=DONE
    )
    @action(detail=True, methods=["post"])
    def reassign(self, request: Request, pk: str) -> Response:
        """Give somebody's part to somebody else. For who may change approval steps."""
        step = self.get_object()
        require(request.user.has_perm(CHANGE_STEPS))
        given = self.body(ApprovalReassignmentSerializer, request)
        version = expected_version(request, step.flow)
        return self._outcome(step, reassign(step, request.user, expected_version=version, **given))

    @extend_schema(
        parameters=[ETAG],
        request=ApprovalReminderSerializer,
        responses=answers(400, 404, 409, 415, ok=ApprovalDetailSerializer),
    )
    @action(detail=True, methods=["post"])
    def remind(self, request: Request, pk: str) -> Response:
        """Remind the person asked. For who may change approval steps."""
        step = self.get_object()
        require(request.user.has_perm(CHANGE_STEPS))
        given = self.body(ApprovalReminderSerializer, request)
        if not remind(step, request.user, **given):
            step.refresh_from_db()
            raise StepAlreadyProcessed(_("This step is not open."), status=step.status)
        return self._shown(step_shown(step.pk))

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        request=ApprovalBulkSerializer,
        responses=answers(400, 415, ok=ApprovalBulkResultsSerializer),
    )
    @action(detail=False, methods=["post"])
    def bulk(self, request: Request) -> Response:
        """Act on many steps, each by itself; the answer has a result for each, in order."""
        given = self.body(ApprovalBulkSerializer, request)
        results = bulk_results(self.get_queryset(), request.user, idempotency_key(request), **given)
        return Response({"results": results})

    def _act(self, request: Request, verb: Action, serializer_class: type[Any]) -> Response:
        step = self.get_object()
        given = self.body(serializer_class, request)
        result = advance_flow(
            step,
            verb,
            request.user,
            idempotency_key=idempotency_key(request),
            expected_version=expected_version(request, step.flow),
            **given,
        )
        return self._outcome(step, result)

    def _outcome(self, step: ApprovalInstance, result: ApprovalInstance | None) -> Response:
        acted = step_shown(step.pk)
        following = None if result is None else step_shown(result.pk)
        outcome = ApprovalOutcomeSerializer(
            {"approval": acted, "next": following}, context=self.get_serializer_context()
        )
        return Response(outcome.data, headers={"ETag": etag(acted.flow)})

    def _shown(self, step: ApprovalInstance) -> Response:
        fetch_around([step])
        shown = ApprovalDetailSerializer(step, context=self.get_serializer_context())
        return Response(shown.data, headers={"ETag": etag(step.flow)})
