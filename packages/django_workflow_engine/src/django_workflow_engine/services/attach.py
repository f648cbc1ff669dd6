"""Put an object on a workflow."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import FlowAlreadyOpen, InvalidInput
from approval_workflow.querysets import key_of
from django_workflow_engine.choices import AttachmentStatus, WorkflowStatus
from django_workflow_engine.conf import settings
from django_workflow_engine.definition import definition_of
from django_workflow_engine.exceptions import (
    AlreadyAttached,
    ModelNotEnabled,
    WorkflowNotActive,
)
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.services._permissions import require_permission_to_start
from django_workflow_engine.services._run import Run, write_database
from django_workflow_engine.services._target import as_before_on_error
from django_workflow_engine.services.start import begin
from django_workflow_engine.services.validation import require_complete
from django_workflow_engine.versions import current_snapshot


def attach_workflow_to_object(
    obj: Model,
    workflow: WorkFlow,
    user: Any = None,
    auto_start: bool = True,
    metadata: Mapping[str, Any] | None = None,
    disable_clone: bool = False,
) -> WorkflowAttachment:
    """Attach a template to a saved object and, with `auto_start`, put it at the first stage.

    The object runs on the snapshot of the template as it is now, which later changes do not reach.
    `disable_clone` makes it run on the template itself, with a warning: changes then reach objects
    that are under way. `metadata` (JSON) is kept with the attachment.

    Attaching the template that runs on the object already, while nobody has decided, returns that
    attachment with the metadata merged.

    Actions due: `on_workflow_start`. Raises `ModelNotEnabled`, `WorkflowNotActive`,
    `WorkflowIncomplete`, `AlreadyAttached`, `FlowAlreadyOpen`, `WorkflowPermissionDenied`, and
    `NobodyEligible` when the first stage has nobody to ask.
    """
    require_permission_to_start(user, workflow)
    if disable_clone:
        warnings.warn(
            "disable_clone=True: the object runs on the template itself, so that changes of the"
            " template reach it while it runs.",
            stacklevel=2,
        )
    wanted = Wanted(obj, workflow, user, auto_start, dict(metadata or {}), disable_clone)
    return attach(wanted)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an attachment is to be like."""

    obj: Model
    template: WorkFlow
    user: Any = None
    auto_start: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    disable_clone: bool = False


def attach(wanted: Wanted) -> WorkflowAttachment:
    """Attach without asking for a permission."""
    _check_object(wanted.obj)
    using = write_database()
    try:
        return _attach_at_once(wanted, using)
    except (FlowAlreadyOpen, IntegrityError) as error:
        existing = _open_attachment(wanted.obj, using)
        if existing is not None:
            return _attach_again(wanted, existing, using)
        if not isinstance(error, IntegrityError):
            raise
    # The version that we used may have been superseded and cleaned up before we could commit.
    return _attach_at_once(wanted, using)


def _attach_at_once(wanted: Wanted, using: str) -> WorkflowAttachment:
    with as_before_on_error(wanted.obj), transaction.atomic(using=using):
        return _attach(wanted, using)


def _check_object(obj: Model) -> None:
    if not isinstance(obj, Model) or obj.pk is None:
        raise InvalidInput(_("A workflow is attached to a saved object."))
    enabled = settings.enabled_models
    if enabled and obj._meta.label_lower not in enabled:
        raise ModelNotEnabled(
            _("ENABLED_MODELS does not name %(model)s.") % {"model": obj._meta.label},
            model=obj._meta.label,
        )


def _attach(wanted: Wanted, using: str) -> WorkflowAttachment:
    workflow = _workflow_to_run_on(wanted, using)
    attachment = WorkflowAttachment(
        workflow=workflow,
        snapshot_key=workflow.key if workflow.is_hidden else None,
        content_type=ContentType.objects.get_for_model(wanted.obj),
        object_id=key_of(wanted.obj),
        status=AttachmentStatus.NOT_STARTED,
        metadata=wanted.metadata,
    )
    require_complete(definition_of(attachment))
    if wanted.auto_start:
        begin(Run(attachment, using, target=wanted.obj), wanted.obj, wanted.user)
    else:
        # Until somebody starts it, who attached it; they are to find it again.
        attachment.started_by = wanted.user
        attachment.save(using=using, force_insert=True)
    return attachment


def _workflow_to_run_on(wanted: Wanted, using: str) -> WorkFlow:
    if wanted.disable_clone:
        workflow = WorkFlow.objects.using(using).get(pk=wanted.template.pk)
    else:
        workflow = current_snapshot(wanted.template, using=using)
    if not workflow.is_active or workflow.status != WorkflowStatus.ACTIVE:
        raise WorkflowNotActive(
            _("The workflow '%(name)s' is not active.") % {"name": wanted.template.name}
        )
    return workflow


def _open_attachment(obj: Model, using: str) -> WorkflowAttachment | None:
    return (
        WorkflowAttachment.objects.using(using)
        .for_object(obj)
        .open()
        .select_related("workflow", "flow")
        .first()
    )


def _attach_again(wanted: Wanted, existing: WorkflowAttachment, using: str) -> WorkflowAttachment:
    same = wanted.template.pk in (existing.workflow_id, existing.workflow.cloned_from_id)
    if not same or _somebody_has_acted(existing):
        raise AlreadyAttached(
            _("%(object)s is on the workflow '%(name)s' already.")
            % {"object": wanted.obj, "name": existing.workflow.name},
            attachment=existing.pk,
            status=existing.status,
        )
    with as_before_on_error(wanted.obj), transaction.atomic(using=using):
        locked = WorkflowAttachment.objects.using(using).select_for_update().get(pk=existing.pk)
        locked.metadata = {**locked.metadata, **wanted.metadata}
        locked.save(update_fields=["metadata"])
        if wanted.auto_start and locked.status == AttachmentStatus.NOT_STARTED:
            begin(Run(locked, using, target=wanted.obj), wanted.obj, wanted.user)
    return locked


def _somebody_has_acted(attachment: WorkflowAttachment) -> bool:
    flow = attachment.flow
    return flow is not None and flow.instances.filter(acted_at__isnull=False).exists()
