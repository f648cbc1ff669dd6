"""Objects on workflows: where they stand, putting them on one, deciding, and intervening."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import status as http
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from approval_workflow.api.headers import etag, expected_version, idempotency_key
from approval_workflow.api.permissions import require
from approval_workflow.api.schema import ETAG, IDEMPOTENCY_KEY, IF_MATCH, answers
from approval_workflow.api.serializers.strict import StrictSerializer
from approval_workflow.api.views.base import ApprovalViewSet
from approval_workflow.exceptions import VersionConflict
from approval_workflow.models import ApprovalFlow
from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.exceptions import NotAttached
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    add_approver,
    attach_workflow_to_object,
    attachment_progress,
    cancel_attachment,
    get_attached_object,
    get_workflow_attachment,
    hold_workflow,
    jump_to_stage,
    require_trust_with_statuses,
    restart_workflow,
    resume_workflow,
    same_run,
    skip_stage,
    start_workflow_for_object,
    undo_last_decision,
    update_stage_status,
    withdraw_workflow,
    workflows_for,
)
from django_workflow_engine.views.bodies import (
    WorkflowCancellationSerializer,
    WorkflowDecisionSerializer,
    WorkflowHoldSerializer,
    WorkflowJumpSerializer,
    WorkflowNewApproverSerializer,
    WorkflowNewAttachmentSerializer,
    WorkflowNothingSerializer,
    WorkflowRestartSerializer,
    WorkflowResumptionSerializer,
    WorkflowSkipSerializer,
    WorkflowStatusChangeSerializer,
    WorkflowUndoSerializer,
    WorkflowWithdrawalSerializer,
)
from django_workflow_engine.views.drawing import drawn
from django_workflow_engine.views.filters import AttachmentFilter
from django_workflow_engine.views.objects import may_view, object_named
from django_workflow_engine.views.reading import (
    attachments_shown,
    fetch_targets,
    may_act,
    open_visits,
    timeline_of,
)
from django_workflow_engine.views.schema import DRAWN, FORMAT
from django_workflow_engine.views.shown import (
    WorkflowAttachmentDetailSerializer,
    WorkflowAttachmentSerializer,
    WorkflowProgressSerializer,
    WorkflowTimelineSerializer,
    WorkflowUndoneSerializer,
)

CHANGE = "django_workflow_engine.change_workflowattachment"
VIEW_EXECUTIONS = "django_workflow_engine.view_actionexecution"
CHANGE_EXECUTIONS = "django_workflow_engine.change_actionexecution"
# What intervening has in common.
INTERVENING: dict[str, Any] = {
    "parameters": [IF_MATCH, ETAG],
    "responses": answers(400, 404, 409, 412, 415, 422, ok=WorkflowAttachmentDetailSerializer),
}


class WorkflowAttachmentViewSet(ApprovalViewSet[WorkflowAttachment]):
    """The runs of workflows that the person may see."""

    serializer_class = WorkflowAttachmentSerializer
    queryset = WorkflowAttachment.objects.none()
    filterset_class: Any = AttachmentFilter

    def get_queryset(self) -> QuerySet[WorkflowAttachment]:
        seen = WorkflowAttachment.objects.visible_to(self.request.user)
        return attachments_shown(seen).order_by("-pk")

    @extend_schema(responses=answers(400, 404, ok=WorkflowAttachmentSerializer(many=True)))
    def list(self, request: Request) -> Response:
        """List the objects on workflows that you may see, the latest first."""
        return self.page(self.filter_queryset(self.get_queryset()), fetch_targets)

    @extend_schema(parameters=[ETAG], responses=answers(404, ok=WorkflowAttachmentDetailSerializer))
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show where an object stands, and whether you may decide now."""
        return self._shown(self.get_object())

    @extend_schema(
        parameters=[ETAG],
        request=WorkflowNewAttachmentSerializer,
        responses=answers(
            400,
            409,
            415,
            422,
            ok=WorkflowAttachmentDetailSerializer,
            created=WorkflowAttachmentDetailSerializer,
        ),
    )
    def create(self, request: Request) -> Response:
        """Put an object on a workflow. For who may view objects of this model.

        The answer is 200 where the object waits on this workflow already and nobody has decided.
        """
        given = self.body(WorkflowNewAttachmentSerializer, request)
        obj = object_named(request.user, given.pop("object_type"), given.pop("object_id"))
        template = _template(request.user, given.pop("workflow"), type(obj))
        before = get_workflow_attachment(obj)
        made = attach_workflow_to_object(obj, template, request.user, **given)
        known = before is not None and before.pk == made.pk
        return self._shown(made, http.HTTP_200_OK if known else http.HTTP_201_CREATED)

    @extend_schema(
        parameters=[ETAG],
        request=WorkflowNothingSerializer,
        responses=answers(400, 404, 409, 415, 422, ok=WorkflowAttachmentDetailSerializer),
    )
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Start what was attached without being started. For who may view objects of this model."""
        attachment = self.get_object()
        obj = get_attached_object(attachment)
        require(may_view(request.user, obj))
        self.body(WorkflowNothingSerializer, request)
        if attachment.status != AttachmentStatus.NOT_STARTED:
            raise NotAttached(_("This has been started already."), status=attachment.status)
        return self._shown(start_workflow_for_object(obj, request.user))

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, ETAG],
        request=WorkflowDecisionSerializer,
        responses=answers(400, 404, 409, 412, 415, 422, ok=WorkflowAttachmentDetailSerializer),
    )
    @action(detail=True, methods=["post"])
    def act(self, request: Request, pk: str) -> Response:
        """Decide on the step that waits for you."""
        attachment = self.get_object()
        given = self.body(WorkflowDecisionSerializer, request)
        after = act_on_object(
            attachment,
            given.pop("action"),
            request.user,
            idempotency_key=idempotency_key(request),
            expected_version=self._version_seen(request, attachment),
            **given,
        )
        return self._shown(after)

    @extend_schema(
        parameters=[IF_MATCH, ETAG],
        request=WorkflowCancellationSerializer,
        responses=answers(400, 404, 409, 412, 415, ok=WorkflowAttachmentDetailSerializer),
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Call a run off. For who started or attached it, and who may change attachments."""
        attachment = self.get_object()
        own = request.user.pk == attachment.started_by_id
        require(own or request.user.has_perm(CHANGE))
        given = self.body(WorkflowCancellationSerializer, request)
        version = self._version_seen(request, attachment)
        return self._shown(
            cancel_attachment(attachment, request.user, expected_version=version, **given)
        )

    @extend_schema(request=WorkflowHoldSerializer, **INTERVENING)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """Put a run on hold. For who may control workflows."""
        return self._intervene(hold_workflow, WorkflowHoldSerializer, request)

    @extend_schema(request=WorkflowResumptionSerializer, **INTERVENING)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Let a run on hold go on. For who may control workflows."""
        return self._intervene(resume_workflow, WorkflowResumptionSerializer, request)

    @extend_schema(request=WorkflowWithdrawalSerializer, **INTERVENING)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take a request for approval back. For who made it."""
        return self._intervene(withdraw_workflow, WorkflowWithdrawalSerializer, request)

    @extend_schema(
        parameters=[IF_MATCH, ETAG],
        request=WorkflowRestartSerializer,
        responses=answers(400, 404, 409, 412, 415, 422, created=WorkflowAttachmentDetailSerializer),
    )
    @action(detail=True, methods=["post"])
    def restart(self, request: Request, pk: str) -> Response:
        """Cancel a run and begin a new one, which is shown. For who may control workflows."""
        made = self._done(restart_workflow, WorkflowRestartSerializer, request, self.get_object())
        return self._shown(made, http.HTTP_201_CREATED)

    @extend_schema(request=WorkflowJumpSerializer, **INTERVENING)
    @action(detail=True, methods=["post"])
    def jump(self, request: Request, pk: str) -> Response:
        """Send an object to a stage. For who may control workflows."""
        return self._intervene(jump_to_stage, WorkflowJumpSerializer, request)

    @extend_schema(request=WorkflowSkipSerializer, **INTERVENING)
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, pk: str) -> Response:
        """Take an object from a stage as if it were done. For who may control workflows."""
        return self._intervene(skip_stage, WorkflowSkipSerializer, request)

    @extend_schema(request=WorkflowNewApproverSerializer, **INTERVENING)
    @action(detail=True, methods=["post"])
    def add_approver(self, request: Request, pk: str) -> Response:
        """Ask one more person. For who may control workflows, and who may decide there now."""
        return self._intervene(add_approver, WorkflowNewApproverSerializer, request)

    @extend_schema(request=WorkflowStatusChangeSerializer, **INTERVENING)
    @action(detail=True, methods=["post"])
    def status(self, request: Request, pk: str) -> Response:
        """Set the status of the stage that an object is at.

        For who may control workflows, and who has the permission of its own that the workflow has
        made for the stage.
        """
        attachment = self.get_object()
        require_trust_with_statuses(attachment, request.user)
        self._done(update_stage_status, WorkflowStatusChangeSerializer, request, attachment)
        return self._shown(attachment)

    @extend_schema(
        parameters=[IF_MATCH],
        request=WorkflowUndoSerializer,
        responses=answers(400, 404, 409, 412, 415, ok=WorkflowUndoneSerializer),
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take the last decision back, for who made it, while nothing has happened after it.

        What had been executed for the decision is listed.
        """
        attachment = self.get_object()
        after, executed = self._done(
            undo_last_decision, WorkflowUndoSerializer, request, attachment
        )
        found = self._found(after)
        undone = {"attachment": found, "executed": executed}
        shown = WorkflowUndoneSerializer(undone, context=self._context_of(found))
        return Response(shown.data, headers=_headers(found))

    @extend_schema(parameters=[FORMAT], responses={**answers(400, 404, 422), **DRAWN})
    @action(detail=True, filter_backends=())
    def diagram(self, request: Request, pk: str) -> HttpResponse:
        """Draw the workflow that an object runs on, with the way that it has come."""
        return drawn(self.get_object(), request)

    @extend_schema(responses=answers(404, ok=WorkflowProgressSerializer))
    @action(detail=True, filter_backends=())
    def progress(self, request: Request, pk: str) -> Response:
        """Say how far an object has come."""
        return Response(WorkflowProgressSerializer(attachment_progress(self.get_object())).data)

    @extend_schema(responses=answers(404, ok=WorkflowTimelineSerializer))
    @action(detail=True, filter_backends=())
    def timeline(self, request: Request, pk: str) -> Response:
        """Tell where an object has been and what happened, each in order."""
        return Response(WorkflowTimelineSerializer(timeline_of(self.get_object())).data)

    def _intervene(
        self,
        verb: Callable[..., object],
        serializer_class: type[StrictSerializer],
        request: Request,
    ) -> Response:
        attachment = self.get_object()
        self._done(verb, serializer_class, request, attachment)
        return self._shown(attachment)

    def _done(
        self,
        verb: Callable[..., Any],
        serializer_class: type[StrictSerializer],
        request: Request,
        attachment: WorkflowAttachment,
    ) -> Any:
        """What a service answers that does something to the object of a run."""
        given = self.body(serializer_class, request)
        with same_run(attachment, self._version_seen(request, attachment)) as obj:
            return verb(obj, user=request.user, **given)

    def _version_seen(self, request: Request, attachment: WorkflowAttachment) -> int | None:
        """What `If-Match` asks for. What has not been started has no version to be asked for."""
        version = expected_version(request, attachment.flow or ApprovalFlow(version=0))
        if attachment.flow is None and version is not None:
            raise VersionConflict(_("This has not been started."), status=attachment.status)
        return version

    def _shown(self, attachment: WorkflowAttachment, status: int = http.HTTP_200_OK) -> Response:
        found = self._found(attachment)
        shown = WorkflowAttachmentDetailSerializer(found, context=self._context_of(found))
        return Response(shown.data, status=status, headers=_headers(found))

    def _found(self, attachment: WorkflowAttachment) -> WorkflowAttachment:
        """The attachment as it is now; where automatic clean-up has deleted it, as it was."""
        rows = attachments_shown(WorkflowAttachment.objects.all())
        found = rows.filter(pk=attachment.pk).first() or attachment
        fetch_targets([found])
        return found

    def _context_of(self, attachment: WorkflowAttachment) -> dict[str, Any]:
        user = self.request.user
        replays = user.has_perm(CHANGE_EXECUTIONS)
        return {
            **self.get_serializer_context(),
            "can_act": may_act(attachment, user),
            "open_visits": open_visits(attachment),
            "replays_executions": replays,
            "sees_executions": replays or user.has_perm(VIEW_EXECUTIONS),
        }


def _headers(attachment: WorkflowAttachment) -> dict[str, str]:
    return {} if attachment.flow is None else {"ETag": etag(attachment.flow)}


def _template(user: Any, key: int, model: type[Model]) -> WorkFlow:
    """The template named: one that the user may see, or that the settings offer for the model."""
    seen = WorkFlow.objects.templates().visible_to(user).filter(pk=key).first()
    offered = (workflow for workflow in workflows_for(model) if workflow.pk == key)
    found = seen or next(offered, None)
    if found is None:
        raise ValidationError({"workflow": [_("There is no such workflow.")]})
    return found
