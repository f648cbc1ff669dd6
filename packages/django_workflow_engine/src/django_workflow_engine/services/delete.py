"""Delete a template."""

from django.db import router, transaction
from django.db.models import Count, ProtectedError, Q
from django.utils.translation import gettext as _

from django_workflow_engine.exceptions import WorkflowInUse
from django_workflow_engine.models import WorkFlow, WorkflowAttachment


def delete_workflow(template: WorkFlow) -> None:
    """Delete a template with its versions, as long as no object was ever on them.

    Whether somebody may do this is for the caller to decide. Raises `WorkflowInUse`, with the
    numbers of attachments that are open and that have ended as `running` and `ended`;
    `SnapshotIsImmutable` for a version.
    """
    try:
        with transaction.atomic(using=router.db_for_write(WorkFlow)):
            template.delete()
    except ProtectedError as error:
        raise _in_use(template) from error


def _in_use(template: WorkFlow) -> WorkflowInUse:
    on_it = Q(workflow=template) | Q(workflow__cloned_from=template)
    numbers = WorkflowAttachment.objects.filter(on_it).aggregate(
        running=Count("pk", filter=Q(is_open=True)), ended=Count("pk", filter=Q(is_open=None))
    )
    message = _(
        "The workflow cannot be deleted: objects that run on it: %(running)s, objects that have"
        " ended on it: %(ended)s. Archive it instead."
    )
    return WorkflowInUse(message % numbers, **numbers)
