"""Who may see which flow. One rule, said in SQL, serves lists, details and actions."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from approval_workflow.inbox import waiting_for
from approval_workflow.models import ApprovalFlow, ApprovalInstance

# Who has this permission sees every flow. Being staff alone shows nothing.
SEE_ALL = "approval_workflow.view_approvalflow"


def visible_flows(user: Any, *, at: datetime | None = None) -> QuerySet[ApprovalFlow]:
    """Return the flows that this user may see.

    Those they started, have or had a part in (asked or acted), and those with a step that waits
    for them at the moment `at` (now unless given) through a role, a substitution or seniority; all
    of them with the permission to view approval flows. None for anonymous and inactive users.
    """
    flows = ApprovalFlow.objects.all()
    if not _is_somebody(user):
        return flows.none()
    return flows if user.has_perm(SEE_ALL) else flows.filter(pk__in=_keys(user, at))


def visible_steps(user: Any, *, at: datetime | None = None) -> QuerySet[ApprovalInstance]:
    """Return the steps of the flows that `visible_flows` returns."""
    steps = ApprovalInstance.objects.all()
    if not _is_somebody(user):
        return steps.none()
    return steps if user.has_perm(SEE_ALL) else steps.filter(flow__in=_keys(user, at))


def _is_somebody(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False) and user.is_active)


def _keys(user: Any, at: datetime | None) -> QuerySet[Any, Any]:
    """The keys of the flows that concern the user: a union, so that each part has its index."""
    started = ApprovalFlow.objects.filter(started_by=user).values("pk")
    steps = ApprovalInstance.objects.values("flow")
    waiting = waiting_for(user, at=at).order_by().values("flow")
    return started.union(steps.filter(assigned_to=user), steps.filter(action_user=user), waiting)
