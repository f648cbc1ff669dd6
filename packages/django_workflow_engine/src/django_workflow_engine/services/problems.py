"""What keeps templates and running workflows from going on."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.models import ActionExecution, WorkFlow, WorkflowAttachment
from django_workflow_engine.services._batches import in_batches
from django_workflow_engine.services._run import write_database
from django_workflow_engine.services.references import (
    BATCH_SIZE,
    Problem,
    broken_references,
    name_of,
)
from django_workflow_engine.services.stuck import stuck
from django_workflow_engine.services.validation import validate_completeness


def find_problems(
    template: WorkFlow | None = None, *, stuck_only: bool = False
) -> Iterator[Problem]:
    """Yield what is wrong with templates, with the versions that objects run on, and with those.

    References that are gone, functions that may not be called any more, active templates that
    cannot be run, open attachments that cannot go on (alone, with `stuck_only`), and actions that
    failed for good. With a template: only what is of it. Rows are read in batches.
    """
    using = write_database()
    workflows = WorkFlow.objects.using(using)
    running = WorkflowAttachment.objects.using(using).open().filter(workflow_id=OuterRef("pk"))
    of_interest = workflows.filter(Q(is_hidden=False) | Exists(running))
    attachments = WorkflowAttachment.objects.using(using)
    executions = ActionExecution.objects.using(using)
    if template is not None:
        of_interest = of_interest.filter(Q(pk=template.pk) | Q(cloned_from=template.pk))
        attachments = attachments.filter(workflow__in=of_interest)
        executions = executions.filter(attachment__workflow__in=_with_snapshots(template, using))
    if not stuck_only:
        yield from broken_references(of_interest)
        yield from _incomplete(of_interest.attachable())
    yield from stuck(attachments.open())
    if not stuck_only:
        # Those of visits keep their objects from going on, and are told above.
        yield from _dead(executions.filter(status=ExecutionStatus.DEAD, visit=None))


def _with_snapshots(template: WorkFlow, using: str) -> "QuerySet[WorkFlow]":
    return WorkFlow.objects.using(using).filter(Q(pk=template.pk) | Q(cloned_from=template.pk))


def _incomplete(workflows: "QuerySet[WorkFlow]") -> Iterator[Problem]:
    for batch in in_batches(workflows.select_related("cloned_from"), BATCH_SIZE):
        for workflow in batch:
            for place, message in validate_completeness(workflow).items():
                yield Problem(f"{name_of(workflow)}, {place}", message)


def _dead(executions: "QuerySet[ActionExecution]") -> Iterator[Problem]:
    for batch in in_batches(executions, BATCH_SIZE):
        for row in batch:
            yield Problem(
                _("Action %(key)s (%(function)s) of attachment %(attachment)s")
                % {"key": row.pk, "function": row.function_path, "attachment": row.attachment_id},
                _("Failed for good: %(error)s Mend it and run it again.")
                % {"error": row.error.partition("\n")[0]},
            )
