"""For models whose objects run on workflows."""

from django.db import models

from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.services.progress import get_workflow_attachment


class WorkflowTargetMixin(models.Model):
    """Gives objects `workflow_attachment` and `workflow`; it adds no column."""

    class Meta:
        abstract = True

    @property
    def workflow_attachment(self) -> WorkflowAttachment | None:
        """The open attachment, else the one that ended last, else None."""
        return get_workflow_attachment(self)

    @property
    def workflow(self) -> WorkFlow | None:
        """The workflow that the object runs on (the snapshot), or None."""
        attachment = self.workflow_attachment
        return attachment.workflow if attachment is not None else None
