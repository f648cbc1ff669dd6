"""Permissions that exist because a template asks for them."""

from typing import Any, ClassVar

from django.contrib.auth.models import Permission
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.choices import PermissionVerb
from django_workflow_engine.models.stage import Stage
from django_workflow_engine.models.workflow import WorkFlow
from django_workflow_engine.querysets import WorkflowPermissionQuerySet


class WorkflowPermission(Permission):
    """A permission for one template, or for one stage of it: it goes where that goes.

    Colons part its codename, as in `act:purchases:check`: neither slugs nor codes have them.
    """

    workflow = models.ForeignKey(
        WorkFlow,
        on_delete=models.CASCADE,
        related_name="created_permissions",
        verbose_name=_("workflow"),
    )
    # NULL: for all of the template.
    stage = models.ForeignKey(
        Stage,
        null=True,
        on_delete=models.CASCADE,
        related_name="created_permissions",
        verbose_name=_("stage"),
    )
    verb = models.CharField(_("what it allows"), max_length=10, choices=PermissionVerb.choices)

    objects: ClassVar[Any] = WorkflowPermissionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("permission of a workflow")
        verbose_name_plural = _("permissions of workflows")
        default_permissions = ()
