"""Who is let in at all. What a person sees and may do is for `visibility` and the services."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from approval_workflow.exceptions import ApprovalPermissionDenied

CHANGE_FLOWS = "approval_workflow.change_approvalflow"
CHANGE_STEPS = "approval_workflow.change_approvalinstance"


class IsActivePerson(IsAuthenticated):
    """Somebody who has signed in, and whose account is active."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(super().has_permission(request, view) and request.user.is_active)


def require(allowed: bool) -> None:
    """Raise `ApprovalPermissionDenied` where the person lacks the permission for this."""
    if not allowed:
        raise ApprovalPermissionDenied(
            _("You do not have permission to perform this action."), reason="permission_required"
        )
