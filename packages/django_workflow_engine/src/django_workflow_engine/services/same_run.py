"""Doing something to the run that a person has seen, and to no other run of its object."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import VersionConflict
from approval_workflow.models import ApprovalFlow
from django_workflow_engine.exceptions import NotAttached
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services._run import write_database
from django_workflow_engine.services.progress import get_attached_object


@contextmanager
def same_run(
    attachment: WorkflowAttachment, expected_version: int | None = None
) -> Iterator[Model]:
    """Give the object of a run, for services that take objects; nobody else acts meanwhile.

    `expected_version` is that of the flow. Raises `VersionConflict`, and `NotAttached` where the
    object is gone or has been put on another workflow since.
    """
    using = write_database()
    with transaction.atomic(using=using):
        flow = _locked_flow(attachment, using)
        obj = get_attached_object(attachment)
        newest = WorkflowAttachment.objects.using(using).for_object(obj).newest_first().first()
        if newest is None or newest.pk != attachment.pk:
            raise NotAttached(_("The object is on another workflow by now."))
        if flow is not None and expected_version not in (None, flow.version):
            raise VersionConflict(
                _("This has changed since you saw it."), version=flow.version, status=flow.status
            )
        yield obj


def _locked_flow(attachment: WorkflowAttachment, using: str) -> ApprovalFlow | None:
    if attachment.flow_id is None:
        return None
    flows = ApprovalFlow.objects.using(using).filter(pk=attachment.flow_id)
    return flows.select_for_update().first()
