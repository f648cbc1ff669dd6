"""One transition of one attachment, inside the transaction that makes it.

Lock order: flow, attachment, template. The attachment, the stage visits and the due actions are
written together when the transition is saved.
"""

import uuid
from functools import cached_property
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import router
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from django_workflow_engine.actions import outbox
from django_workflow_engine.actions.configured import effective_actions
from django_workflow_engine.choices import (
    ActionExecutionMode,
    ActionType,
    AttachmentStatus,
    StageOutcome,
)
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition, definition_of
from django_workflow_engine.exceptions import UnknownStage
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.services._steps import Case
from django_workflow_engine.services._target import TargetFields


def write_database() -> str:
    return router.db_for_write(WorkflowAttachment)


class Run:
    """A locked (or new) attachment, and what is happening to it."""

    def __init__(
        self, attachment: WorkflowAttachment, using: str, *, target: Model | None = None
    ) -> None:
        self.attachment = attachment
        self.using = using
        self.target = target
        self._transition = uuid.uuid4()
        self._events = 0
        self._due: list[ActionExecution] = []
        self._left: StageOutcome | None = None
        self._entered: StageRun | None = None
        self._changed = False

    @classmethod
    def of_flow(cls, flow: ApprovalFlow) -> "Run | None":
        """Return the run behind a locked flow, its attachment locked too; None if there is none."""
        using = write_database()
        attachment = (
            WorkflowAttachment.objects.using(using)
            .select_for_update()
            .filter(flow_id=flow.pk, is_open=True)
            .first()
        )
        return cls(attachment, using) if attachment is not None else None

    @cached_property
    def definition(self) -> WorkflowDefinition:
        return definition_of(self.attachment)

    @cached_property
    def fields(self) -> TargetFields:
        # By key: this way Django remembers content types.
        content_type = ContentType.objects.get_for_id(self.attachment.content_type_id)
        return TargetFields(content_type, self.using)

    @cached_property
    def case(self) -> Case:
        """What steps are built for."""
        attachment = self.attachment
        return Case(lambda: self.target or attachment.target, lambda: attachment.started_by)

    @property
    def place(self) -> PlaceDefinition:
        """The place that the object is at; raises `UnknownStage` where it is at none."""
        place = self.definition.current(self.attachment)
        if place is None:
            raise UnknownStage(_("The object is at no place of its workflow."))
        return place

    def place_of(self, instance: ApprovalInstance) -> PlaceDefinition:
        """The place that a step belongs to, where it says so, else that which the object is at.

        A track that is not waited for may be decided when the object has moved on.
        """
        return self.definition.named_in(instance.extra_fields) or self.place

    def emit(self, event: ActionType, place: PlaceDefinition, **context: Any) -> None:
        """Make the actions due that follow the event at this place."""
        due = outbox.due_actions(
            self.attachment,
            event,
            effective_actions(self.definition, event, place.id, self.attachment.content_type_id),
            transition=self._transition,
            position=self._events,
            context={"stage_id": place.stage_id, "pipeline_id": place.pipeline_id, **context},
        )
        self._events += len(due)
        self._due += due
        if any(row.execution == ActionExecutionMode.INLINE for row in due):
            # Actions that run at once must find everything written.
            self.save()

    def enter(self, place: PlaceDefinition, *, round_number: int) -> None:
        """Put the object at a place, which begins a visit."""
        self.stand_at(place)
        self._entered = StageRun(
            stage_id=place.stage_id,
            pipeline_id=place.pipeline_id,
            round=round_number,
            entered_at=timezone.now(),
        )

    def stand_at(self, place: PlaceDefinition) -> None:
        """Note on the attachment and the object that this is where the object is."""
        attachment = self.attachment
        following = self.following(place)
        attachment.status = AttachmentStatus.IN_PROGRESS
        attachment.current_stage_id = place.stage_id
        attachment.current_pipeline_id = place.pipeline_id
        attachment.next_stage_id = following.stage_id if following is not None else None
        self._changed = True
        # The workflow itself is no part of the way that the object goes.
        self.fields.stage(place.name_en if place.pipeline is not None else "")

    def following(self, place: PlaceDefinition) -> PlaceDefinition | None:
        """Return the place that comes next for this object, or None at the end."""
        passed = self.attachment.passed_places
        following = self.definition.after(place.id)
        while following is not None and following.template_key in passed:
            following = self.definition.after(following.id)
        return following

    def leave(self, outcome: StageOutcome) -> None:
        """Take the object from its place."""
        self._left = outcome

    def end(self, status: AttachmentStatus, outcome: StageOutcome) -> None:
        """End the run; the place it ended at stays on record in the visits."""
        self.leave(outcome)
        attachment = self.attachment
        attachment.status = status
        attachment.is_open = None
        attachment.completed_at = timezone.now()
        attachment.next_stage_id = None
        if status == AttachmentStatus.COMPLETED:
            attachment.current_stage_id = None
            attachment.current_pipeline_id = None
            self.fields.stage("")
        self._changed = True

    def save(self) -> None:
        """Write attachment, stage visits, the object's fields and the due actions."""
        attachment = self.attachment
        if self._changed:
            attachment.save(using=self.using)
        self._save_visits()
        if self._changed and self.fields.wanted:
            self.fields.apply(self.target if self.target is not None else attachment.target)
        self._changed = False
        self._enqueue()

    def _save_visits(self) -> None:
        visits = StageRun.objects.using(self.using)
        if self._left is not None:
            visits.filter(attachment=self.attachment, left_at=None).update(
                left_at=timezone.now(), outcome=self._left
            )
        if self._entered is not None:
            self._entered.attachment = self.attachment
            self._entered.save(using=self.using, force_insert=True)
        self._left = self._entered = None

    def _enqueue(self) -> None:
        if self._due:
            outbox.enqueue(self._due, using=self.using)
            self._due = []
