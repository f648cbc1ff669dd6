"""Deleting workflows as soon as they have ended: `WORKFLOW_AUTO_CLEANUP_COMPLETED`.

An attachment goes once it has ended and all its actions have finished, whichever comes last. One
with an action that failed for good stays, so that a person can run that again. With
`WORKFLOW_AUTO_CLEANUP_ARCHIVE_DIR` it is archived first.
"""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_save

from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.cleanup.deletion import delete_if_ended
from django_workflow_engine.conf import settings
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.signals import action_finished


def connect() -> None:
    """Listen for workflows that end and for actions that finish."""
    uid = "django_workflow_engine.cleanup"
    post_save.connect(_after_save, sender=WorkflowAttachment, dispatch_uid=uid)
    action_finished.connect(_after_action, dispatch_uid=uid)


def _after_save(instance: WorkflowAttachment, using: str, **_kwargs: Any) -> None:
    if instance.status in AttachmentStatus.final():
        _schedule(instance.pk, using)


def _after_action(attachment_id: Any, using: str, **_kwargs: Any) -> None:
    _schedule(attachment_id, using)


def _schedule(attachment_id: Any, using: str) -> None:
    """Delete the attachment after commit, if it may go; a failure is logged and hurts nobody."""

    # Not a `partial`: Django names the function in its log, and a `partial` has no name.
    def delete() -> None:
        delete_if_ended(attachment_id, using, archive=settings.auto_cleanup_archive_dir)

    if settings.auto_cleanup_completed:
        transaction.on_commit(delete, using=using, robust=True)
