"""The permissions that `DJANGO_WORKFLOW_ENGINE["PERMISSIONS"]` asks for, and those of templates."""

from typing import Any

from django.db.models import BigIntegerField, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.db.models.lookups import In
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_workflow_engine.choices import PermissionVerb
from django_workflow_engine.conf import settings
from django_workflow_engine.definition import PERMISSION_KEY, PlaceDefinition
from django_workflow_engine.exceptions import WorkflowPermissionDenied
from django_workflow_engine.models import WorkFlow, WorkflowAttachment, WorkflowPermission

START = "django_workflow_engine.start_workflow"
APPROVE = "django_workflow_engine.approve_workflow"
CONTROL = "django_workflow_engine.control_workflow"
OWN_NEEDED = gettext_lazy("This needs a permission that the workflow has of its own.")
# The code of the reason.
MISSING = "missing_permission"


def require_permission_to_start(user: Any, workflow: WorkFlow | None = None) -> None:
    """Raise `WorkflowPermissionDenied` where starting needs a permission that `user` lacks.

    Nobody (`user=None`) is the system itself: automatic start, commands. `workflow`: what is
    started, a template or a version of it; it may have a permission of its own.
    """
    if user is None:
        return
    if settings.require_permission_to_start and not user.has_perm(START):
        raise WorkflowPermissionDenied(_needed(START), reason=MISSING, permission=START)
    if workflow is None or not workflow.creates_permissions or may_everything(user):
        return
    granted = WorkflowPermission.objects.granted_to(user, PermissionVerb.START)
    template = workflow.cloned_from_id or workflow.pk
    if not granted.filter(workflow=template).exists():
        raise WorkflowPermissionDenied(str(OWN_NEEDED), reason=MISSING)


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


def barred_steps(user: Any) -> Q:
    """Return the steps that `user` may not decide on for want of a template's own permission.

    The permission for all of a template counts for each of its stages.
    """
    acting = WorkflowPermission.objects.granted_to(user, PermissionVerb.ACT).order_by()
    made = WorkflowPermission.objects.filter(verb=PermissionVerb.ACT, stage=None).order_by()
    stage = Cast(KeyTextTransform(PERMISSION_KEY, "extra_fields"), BigIntegerField())
    return (
        Q(extra_fields__has_key=PERMISSION_KEY)
        & _on_templates(made.values("workflow"))
        & ~_on_templates(acting.filter(stage=None).values("workflow"))
        # NULL in the list would make every answer unknown.
        & ~Q(In(stage, acting.filter(stage__isnull=False).values("stage")))
    )


def require_permission_at(
    user: Any, place: PlaceDefinition, attachment: WorkflowAttachment
) -> None:
    """Raise `WorkflowPermissionDenied` unless `user` may act at a place, or control workflows."""
    if place.is_restricted and not (
        may_control(user) or may_act_at(user, place, attachment.workflow)
    ):
        raise WorkflowPermissionDenied(str(OWN_NEEDED), reason=MISSING)


def require_trust_with_statuses(attachment: WorkflowAttachment | None, user: Any) -> None:
    """Raise `WorkflowPermissionDenied` unless a person who asks from outside may set statuses.

    Allowed: with `control_workflow`, and with a permission to act of the workflow's own; which of
    its stages that is for, `update_stage_status` asks. Code of the project that calls the service
    decides for itself.
    """
    if may_control(user):
        return
    granted = WorkflowPermission.objects.granted_to(user, PermissionVerb.ACT)
    workflow = attachment.workflow if attachment is not None else None
    if (
        workflow is None
        or not granted.filter(workflow=workflow.cloned_from_id or workflow).exists()
    ):
        raise WorkflowPermissionDenied(_needed(CONTROL), reason=MISSING, permission=CONTROL)


def may_act_at(user: Any, place: PlaceDefinition, workflow: WorkFlow) -> bool:
    """Return whether `user` has what a template asks for of who acts at this place."""
    if not place.is_restricted or may_everything(user):
        return True
    template = workflow.cloned_from_id or workflow.pk
    made = WorkflowPermission.objects.filter(workflow=template, verb=PermissionVerb.ACT)
    granted = WorkflowPermission.objects.granted_to(user, PermissionVerb.ACT)
    here = Q(stage=None) | Q(stage=place.template_id if place.stage_id is not None else None)
    return granted.filter(here, workflow=template).exists() or not made.exists()


def _on_templates(keys: Any) -> Q:
    workflow = "flow__workflow_attachment__workflow"
    return Q(**{f"{workflow}__in": keys}) | Q(**{f"{workflow}__cloned_from__in": keys})


def may_everything(user: Any) -> bool:
    """Return whether no permission of a template's own is asked of `user`."""
    return bool(user.is_active and getattr(user, "is_superuser", False))


def _needed(permission: str) -> str:
    return _("This needs the permission %(permission)s.") % {"permission": permission}
