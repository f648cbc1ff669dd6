"""Attachments with due actions, as a transition leaves them."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from django_workflow_engine.actions import outbox
from django_workflow_engine.choices import ActionType, AttachmentStatus
from django_workflow_engine.models import ActionExecution, WorkflowAttachment
from tests.factories import TicketFactory, UserFactory, make_workflow, stages_of

ACTIONS = "tests.testapp.workflow_actions"


@dataclass(frozen=True)
class Action:
    """What `due_actions` takes: the part of an action's definition that counts here."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    id: Any = None
    conditions: dict[str, Any] = field(default_factory=dict)
    execution: str = ""
    failure_policy: str = "continue"
    when: str = ""
    compensation: str = ""

    @property
    def function_path(self) -> str:
        return self.name if "." in self.name else f"{ACTIONS}.{self.name}"


def make_attachment(**fields: Any) -> WorkflowAttachment:
    """A ticket that stands at the first of a workflow's two stages."""
    ticket = TicketFactory.create()
    workflow = make_workflow([[[], []]])
    first, second = stages_of(workflow)
    values = {
        "workflow": workflow,
        "content_type": ContentType.objects.get_for_model(ticket),
        "object_id": str(ticket.pk),
        "status": AttachmentStatus.IN_PROGRESS,
        "current_stage": first,
        "current_pipeline": first.pipeline,
        "next_stage": second,
        "started_by": UserFactory.create(),
        "started_at": timezone.now(),
        **fields,
    }
    return WorkflowAttachment.objects.create(**values)


def prepare(
    attachment: WorkflowAttachment,
    *actions: Action,
    event: ActionType = ActionType.AFTER_APPROVE,
    transition: uuid.UUID | None = None,
    position: int = 0,
    **context: Any,
) -> list[ActionExecution]:
    """Unsaved due actions of one transition."""
    return outbox.due_actions(
        attachment,
        event,
        actions,
        transition=transition or uuid.uuid4(),
        position=position,
        context=context,
    )


def make_due(
    attachment: WorkflowAttachment, *actions: Action, **details: Any
) -> list[ActionExecution]:
    """Write due actions of one transition that nobody has begun to run; return them in order."""
    return ActionExecution.objects.bulk_create(prepare(attachment, *actions, **details))


def statuses(rows: list[ActionExecution]) -> list[str]:
    """The statuses that the rows have in the database, in order."""
    stored = dict(ActionExecution.objects.values_list("pk", "status"))
    return [stored[row.pk] for row in rows]
