"""Put an attached object at the first place of its workflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.exceptions import NobodyEligible
from approval_workflow.services import continue_flow, hold_flow, start_flow
from django_workflow_engine.choices import ActionType, AttachmentStatus
from django_workflow_engine.definition import WorkflowDefinition, definition_of
from django_workflow_engine.exceptions import NotAttached
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services._course import Course
from django_workflow_engine.services._permissions import require_permission_to_start
from django_workflow_engine.services._run import Run, write_database
from django_workflow_engine.services._steps import step_label
from django_workflow_engine.services._target import as_before_on_error
from django_workflow_engine.services.validation import require_complete


def start_workflow_for_object(obj: Model, user: Any = None) -> WorkflowAttachment:
    """Start the workflow that was attached with `auto_start=False`.

    Actions due: `on_workflow_start`. Raises `NotAttached` when nothing waits to be started,
    `FlowAlreadyOpen`, `WorkflowIncomplete`, `NobodyEligible`, `WorkflowPermissionDenied`.
    """
    require_permission_to_start(user)
    using = write_database()
    with as_before_on_error(obj), transaction.atomic(using=using):
        attachment = (
            WorkflowAttachment.objects.using(using)
            .for_object(obj)
            .filter(status=AttachmentStatus.NOT_STARTED)
            .select_for_update()
            .first()
        )
        if attachment is None:
            raise NotAttached(_("No workflow waits to be started on this object."))
        if definition_of(attachment).is_restricted:
            require_permission_to_start(user, attachment.workflow)
        begin(Run(attachment, using, target=obj), obj, user)
    return attachment


def begin(run: Run, obj: Model, user: Any) -> None:
    """Start the flow of the first place and write the attachment, inside a transaction."""
    require_complete(run.definition)
    first = run.definition.first
    attachment = run.attachment
    attachment.started_by = user
    attachment.started_at = timezone.now()
    attachment.status = AttachmentStatus.IN_PROGRESS
    run.runs_inline = False
    course = Course(run, run.facts(user=lambda: user), round_number=1)
    # Where all stages are passed over, it was there at least.
    run.stand_at(first)
    with _naming_the_place(run.definition):
        course.send(first)
        # It is put on hold below, where its handler finds the attachment.
        answer = course.answer()
        answer = replace(answer, hold="", waits=not answer.steps)
        attachment.flow = start_flow(obj, answer, started_by=user)
    run.fields.started()
    # Written first: the actions that are due belong to an attachment that exists.
    run.save()
    run.runs_inline = True
    run.emit(ActionType.ON_WORKFLOW_START, first, user_id=user.pk if user else None)
    run.save()
    if course.hold:
        hold_flow(attachment.flow, reason=course.hold)
    elif course.ended:
        # No stage waits for anything.
        continue_flow(attachment.flow)
    if course.hold or course.ended:
        attachment.refresh_from_db()


@contextmanager
def _naming_the_place(definition: WorkflowDefinition) -> Iterator[None]:
    """Name the approval for which nobody is eligible: the flow that starts has no handler yet."""
    try:
        yield
    except NobodyEligible as error:
        label = step_label(definition, error.details.get("extra_fields") or {})
        if not label:
            raise
        raise NobodyEligible(f"{label}: {error.message}", **error.details) from error
