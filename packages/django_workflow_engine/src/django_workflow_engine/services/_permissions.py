"""The permissions that `DJANGO_WORKFLOW_ENGINE["PERMISSIONS"]` asks for."""

from typing import Any

from django.utils.translation import gettext as _

from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import WorkflowPermissionDenied

START = "django_workflow_engine.start_workflow"
APPROVE = "django_workflow_engine.approve_workflow"


def require_permission_to_start(user: Any) -> None:
    """Raise `WorkflowPermissionDenied` where starting needs a permission that `user` lacks.

    Nobody (`user=None`) is the system itself: automatic start, commands.
    """
    if settings.require_permission_to_start and user is not None:
        _require(user, START)


def require_permission_to_approve(user: Any) -> None:
    """Raise `WorkflowPermissionDenied` where deciding needs a permission that `user` lacks."""
    if settings.require_permission_to_approve:
        _require(user, APPROVE)


def _require(user: Any, permission: str) -> None:
    if user is None or not user.has_perm(permission):
        raise WorkflowPermissionDenied(
            _("This needs the permission %(permission)s.") % {"permission": permission},
            reason="missing_permission",
            permission=permission,
        )
