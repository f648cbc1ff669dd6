"""What a project's own view sets can have of the engine."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.decorators import action
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from approval_workflow.choices import ApprovalStatus
from approval_workflow.permissions import can_act
from approval_workflow.repository import ApprovalRepository
from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.serializers import WorkflowApprovalSerializer, WorkflowStatusSerializer
from django_workflow_engine.services import get_workflow_attachment, get_workflow_progress

# What WorkflowMixin adds.
WORKFLOW_ACTIONS = ("workflow_status", "workflow_action")


class WorkflowMixin:
    """Adds `workflow_status` (GET) and `workflow_action` (POST) to a view set of objects.

    Both work on `get_object()`, so that the view set's own query set decides what a person sees,
    and ask for the view set's own permissions, or for `workflow_permission_classes` where it has
    them (approvers often may not do what the view set is for). Anonymous users are refused even
    where the view set would let them in.
    """

    workflow_permission_classes: Sequence[type[BasePermission]] | None = None

    def get_permissions(self) -> Sequence[BasePermission]:
        if getattr(self, "action", None) not in WORKFLOW_ACTIONS:
            return super().get_permissions()  # type: ignore[misc,no-any-return]
        if self.workflow_permission_classes is None:
            own = super().get_permissions()  # type: ignore[misc]
        else:
            own = [permission() for permission in self.workflow_permission_classes]
        return [IsAuthenticated(), *own]

    @action(detail=True, methods=["get"], url_path="workflow_status")
    def workflow_status(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tell where the object stands, and whether the person asking may act on it."""
        return Response(workflow_status(self.get_object(), request.user))  # type: ignore[attr-defined]

    @action(
        detail=True,
        methods=["post"],
        url_path="workflow_action",
        serializer_class=WorkflowApprovalSerializer,
    )
    def workflow_action(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Decide on the step that waits for the person; the body is that of the serializer.

        With `status` in place of `action` it is that of `WorkflowStatusSerializer`.
        """
        obj = self.get_object()  # type: ignore[attr-defined]
        names_status = isinstance(request.data, Mapping) and "status" in request.data
        serializer_class = WorkflowStatusSerializer if names_status else WorkflowApprovalSerializer
        serializer = serializer_class(instance=obj, data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(workflow_status(obj, request.user))


def workflow_status(obj: Any, user: Any) -> dict[str, Any]:
    """Return what `workflow_status` answers for an object."""
    attachment = get_workflow_attachment(obj)
    if attachment is None:
        return {
            "status": AttachmentStatus.NOT_STARTED.value,
            "progress_percentage": 0,
            "current_stage": None,
            "current_pipeline": None,
            "next_stage": None,
            "workflow_name": None,
            "started_by": None,
            "started_at": None,
            "metadata": {},
            "hold_reason": "",
            "can_act": False,
        }
    progress = get_workflow_progress(attachment.workflow, obj)
    return {
        "status": progress["status"],
        "progress_percentage": progress["progress_percentage"],
        "current_stage": progress["current_stage"],
        "current_pipeline": progress["current_pipeline"],
        "next_stage": progress["next_stage"],
        "workflow_name": attachment.workflow.name_en,
        "started_by": attachment.started_by.get_username() if attachment.started_by else None,
        "started_at": attachment.started_at,
        "metadata": attachment.metadata,
        "hold_reason": attachment.hold_reason,
        "can_act": _can_act_on(obj, user),
    }


def _can_act_on(obj: Any, user: Any) -> bool:
    current = [
        row for row in ApprovalRepository(obj).instances if row.status == ApprovalStatus.CURRENT
    ]
    return any(can_act(row, user) for row in current)
