"""Workflows that start by themselves when an object is created."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import ApprovalError
from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import WorkflowNotActive
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.recipient_resolver import creator_of
from django_workflow_engine.services._run import write_database
from django_workflow_engine.services.attach import Wanted, attach
from django_workflow_engine.services.registration import configuration_of, is_known, workflows_for

logger = logging.getLogger("django_workflow_engine")


@dataclass(frozen=True, slots=True)
class AutoStart:
    """The template that new objects of a model start on, and the look-ups they must satisfy."""

    workflow: WorkFlow
    conditions: Mapping[str, Any] = field(default_factory=dict)


def start_on_creation(
    sender: type[Model], instance: Model, created: bool, using: str, raw: bool = False, **_kw: Any
) -> None:
    """Receiver of `post_save`: start the workflow of a new object once it is committed.

    Objects from fixtures and of migrations' models are left alone.
    """
    if created and not raw and sender._meta.apps is apps and is_known(sender):
        transaction.on_commit(partial(_start_and_log, instance), using=using)


def start_automatically(obj: Model) -> WorkflowAttachment | None:
    """Start the object's workflow if its model has one and its conditions hold; else return None.

    Conditions are look-ups as `filter()` takes them. The starter is the object's creator, where it
    names one; no permission is asked for. Raises as `attach_workflow_to_object` does.
    """
    rule = auto_start_of(type(obj))
    if rule is None or not _satisfies(obj, rule.conditions):
        return None
    return attach(Wanted(obj, rule.workflow, creator_of(obj)))


def auto_start_of(model: type[Model]) -> AutoStart | None:
    """Return what `AUTO_START_WORKFLOWS`, else the model's configuration, starts; None: nothing.

    Raises `WorkflowNotActive` when the setting names a workflow that cannot be attached.
    """
    rule = settings.auto_start_workflows.get(model._meta.label_lower)
    if rule is not None:
        return AutoStart(_by_slug(rule["workflow_slug"]), rule.get("conditions") or {})
    content_type = ContentType.objects.get_for_model(model)
    configuration = configuration_of(content_type, write_database())
    if configuration is None or not configuration.auto_start:
        return None
    if configuration.default_workflow is not None:
        return AutoStart(configuration.default_workflow)
    offered = workflows_for(model)
    return AutoStart(offered[0]) if offered else None


def _by_slug(slug: str) -> WorkFlow:
    workflow = WorkFlow.objects.attachable().filter(slug=slug).first()
    if workflow is None:
        raise WorkflowNotActive(
            _("AUTO_START_WORKFLOWS names '%(slug)s', which is no active workflow.")
            % {"slug": slug}
        )
    return workflow


def _satisfies(obj: Model, conditions: Mapping[str, Any]) -> bool:
    return type(obj)._base_manager.filter(pk=obj.pk, **conditions).exists()


def _start_and_log(obj: Model) -> None:
    """Start after commit; the object is there already, so a failure is logged, not raised."""
    try:
        start_automatically(obj)
    except ApprovalError:
        logger.exception("No workflow could be started on %s(%s)", type(obj).__name__, obj.pk)
