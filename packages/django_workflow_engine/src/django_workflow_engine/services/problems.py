"""What keeps templates and running workflows from going on."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from approval_workflow.models import ApprovalInstance
from approval_workflow.targets import fetch_objects, target_of
from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus
from django_workflow_engine.models import ActionExecution, WorkFlow, WorkflowAttachment
from django_workflow_engine.services._batches import in_batches
from django_workflow_engine.services._run import write_database
from django_workflow_engine.services.references import (
    BATCH_SIZE,
    Problem,
    broken_references,
    name_of,
)
from django_workflow_engine.services.validation import validate_completeness


def find_problems(template: WorkFlow | None = None) -> Iterator[Problem]:
    """Yield what is wrong with templates, with the versions that objects run on, and with those.

    References that are gone, functions that may not be called any more, active templates that
    cannot be run, open attachments whose object is gone or that wait for nobody, and actions that
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
    yield from broken_references(of_interest)
    yield from _incomplete(of_interest.attachable())
    yield from _stuck(attachments.open())
    yield from _dead(executions.filter(status=ExecutionStatus.DEAD))


def _with_snapshots(template: WorkFlow, using: str) -> "QuerySet[WorkFlow]":
    return WorkFlow.objects.using(using).filter(Q(pk=template.pk) | Q(cloned_from=template.pk))


def _incomplete(workflows: "QuerySet[WorkFlow]") -> Iterator[Problem]:
    for batch in in_batches(workflows.select_related("cloned_from"), BATCH_SIZE):
        for workflow in batch:
            for place, message in validate_completeness(workflow).items():
                yield Problem(f"{name_of(workflow)}, {place}", message)


def _stuck(attachments: "QuerySet[WorkflowAttachment]") -> Iterator[Problem]:
    """Yield the attachments that nobody can bring on any more."""
    for batch in in_batches(attachments.select_related("flow", "content_type"), BATCH_SIZE):
        fetch_objects(batch, "target", "content_type")
        flows = [row.flow_id for row in batch if row.flow_id is not None]
        waiting = set(
            ApprovalInstance.objects.using(attachments.db)
            .filter(flow__in=flows)
            .current()
            .values_list("flow_id", flat=True)
        )
        for row in batch:
            message = _why_stuck(row, waiting)
            if message is not None:
                yield Problem(_name_of_attachment(row), message)


def _why_stuck(attachment: WorkflowAttachment, waiting: "set[Any]") -> str | None:
    if target_of(attachment) is None:
        return _("The object is gone.")
    if attachment.status != AttachmentStatus.IN_PROGRESS:
        return None
    if attachment.flow is None or not attachment.flow.is_open:
        return _("It is under way, but no approval flow is open for it.")
    if attachment.flow_id not in waiting:
        return _("It is under way, but no step waits for anybody.")
    return None


def _name_of_attachment(attachment: WorkflowAttachment) -> str:
    return _("Attachment %(key)s (%(model)s %(object)s)") % {
        "key": attachment.pk,
        "model": f"{attachment.content_type.app_label}.{attachment.content_type.model}",
        "object": attachment.object_id,
    }


def _dead(executions: "QuerySet[ActionExecution]") -> Iterator[Problem]:
    for batch in in_batches(executions, BATCH_SIZE):
        for row in batch:
            yield Problem(
                _("Action %(key)s (%(function)s) of attachment %(attachment)s")
                % {"key": row.pk, "function": row.function_path, "attachment": row.attachment_id},
                _("Failed for good: %(error)s") % {"error": row.error.partition("\n")[0]},
            )
