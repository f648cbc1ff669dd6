"""The permissions that `DJANGO_WORKFLOW_ENGINE["PERMISSIONS"]` asks for."""

from typing import Any

from django.utils.translation import gettext as _

from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import WorkflowPermissionDenied

START = "django_workflow_engine.start_workflow"
APPROVE = "django_workflow_engine.approve_workflow"
CONTROL = "django_workflow_engine.control_workflow"
# The code of the reason.
MISSING = "missing_permission"


def require_permission_to_start(user: Any) -> None:
    """Raise `WorkflowPermissionDenied` where starting needs a permission that `user` lacks.

    Nobody (`user=None`) is the system itself: automatic start, commands.
    """
    if user is None or not settings.require_permission_to_start or user.has_perm(START):
        return
    raise WorkflowPermissionDenied(_needed(START), reason=MISSING, permission=START)


def require_permission_to_control(user: Any) -> None:
    """Raise `WorkflowPermissionDenied` unless `user` may intervene in running workflows.

    Nobody (`user=None`) is the system itself.
    """
    if not may_control(user):
        raise WorkflowPermissionDenied(_needed(CONTROL), reason=MISSING, permission=CONTROL)


def may_control(user: Any) -> bool:
    return user is None or bool(user.is_active and user.has_perm(CONTROL))


def require_permission_to_approve(user: Any) -> None:
    """Raise `WorkflowPermissionDenied` where deciding needs a permission that `user` lacks."""
    reason = None if user is None else why_not_approve(user)
    if reason is not None:
        raise WorkflowPermissionDenied(reason, reason=MISSING, permission=APPROVE)


def why_not_approve(user: Any) -> str | None:
    """Return what keeps `user` from deciding where that needs a permission; None: nothing."""
    if not settings.require_permission_to_approve or user.has_perm(APPROVE):
        return None
    return _needed(APPROVE)


def _needed(permission: str) -> str:
    return _("This needs the permission %(permission)s.") % {"permission": permission}
