"""One transition of one attachment, inside the transaction that makes it.

Lock order: flow, attachment, template. The attachment, the stage visits and the due actions are
written together when the transition is saved.
"""

import uuid
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import router
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.statements import Select
from django_workflow_engine.actions import outbox
from django_workflow_engine.actions.configured import effective_actions
from django_workflow_engine.choices import (
    ActionExecutionMode,
    ActionType,
    AttachmentStatus,
    StageOutcome,
    TaskKind,
)
from django_workflow_engine.conf import settings
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition, definition_of
from django_workflow_engine.exceptions import UnknownStage
from django_workflow_engine.expressions import Facts, WhoAndWhat
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.services._steps import Case
from django_workflow_engine.services._target import TargetFields
from django_workflow_engine.services._tasks import (
    drop_tasks,
    hold_tasks,
    release_tasks,
    results_of,
)
from django_workflow_engine.services._visits import Visits

PROCESS = ActionExecutionMode.PROCESS.value


def write_database() -> str:
    return router.db_for_write(WorkflowAttachment)


@Select
def _locked(flow: Any) -> "QuerySet[WorkflowAttachment]":
    return WorkflowAttachment.objects.filter(flow=flow).select_for_update()


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
        self._changed = False
        # The attachment's columns as they are stored, where that is known.
        self._stored: dict[str, Any] | None = None
        self.visits = Visits(attachment, using)
        # False while there is no flow yet: actions that run at once wait for the end.
        self.runs_inline = True

    @classmethod
    def of_flow(cls, flow: ApprovalFlow) -> "Run | None":
        """Return the run behind a locked flow, its attachment locked too; None if there is none."""
        using = write_database()
        attachment = _locked.first(using, flow=flow.pk)
        if attachment is None:
            return None
        run = cls(attachment, using)
        run._stored = _columns(run.attachment)
        return run

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
        inline = any(row.execution == ActionExecutionMode.INLINE for row in due)
        if inline and self.runs_inline:
            # Actions that run at once must find everything written.
            self.save()

    def enter(self, place: PlaceDefinition, *, round_number: int) -> StageRun:
        """Put the object at a place, which begins a visit."""
        self.stand_at(place)
        return self.visits.enter(place, round_number=round_number, status=place.default_status)

    def add_task(
        self,
        kind: TaskKind,
        visit: StageRun,
        *,
        function: str = "",
        parameters: Mapping[str, Any] | None = None,
        run_after: datetime | None = None,
    ) -> None:
        """Have the outbox do what a visit waits for."""
        mode = settings.action_execution
        self._due.append(
            ActionExecution(
                attachment=self.attachment,
                visit=visit,
                action_type=kind,
                function_path=function,
                parameters=dict(parameters or {}),
                context={
                    "language": get_language(),
                    "stage_id": visit.stage_id,
                    "pipeline_id": visit.pipeline_id,
                },
                # The flow must not be acted on inside the transaction that acts on it.
                execution=PROCESS if mode == ActionExecutionMode.INLINE else mode,
                # By itself: no action that failed keeps it from running.
                transition=uuid.uuid4(),
                position=0,
                run_after=run_after or timezone.now(),
            )
        )
        self._changed = True

    def stand_at(self, place: PlaceDefinition) -> None:
        """Note on the attachment and the object that this is where the object is."""
        attachment = self.attachment
        following = self._expected_after(place)
        attachment.status = AttachmentStatus.IN_PROGRESS
        attachment.current_stage_id = place.stage_id
        attachment.current_pipeline_id = place.pipeline_id
        attachment.next_stage_id = following.stage_id if following is not None else None
        self._changed = True
        # The workflow itself is no part of the way that the object goes.
        self.fields.stage(place.name_en if place.pipeline is not None else "")

    def stand_in_first_branch(self) -> None:
        """Note the first of the places where the object is, in the order of the workflow."""
        for place in self.visits.places(self.definition)[:1]:
            self.stand_at(place)

    def facts(self, *, given: Mapping[str, Any] | None = None, **known: Any) -> Facts:
        """What conditions may name: `form`, `user`, and what the caller gave."""
        attachment = self.attachment
        return Facts(
            WhoAndWhat(
                target=lambda: self.target or attachment.target,
                metadata=attachment.metadata,
                results=self._results,
                given=given or {},
                **known,
            )
        )

    def _results(self) -> dict[str, Any]:
        """The results of jobs by the code of their stage."""
        found = results_of(self.attachment, self.using)
        codes = {place.stage_id: place.code for place in self.definition.places}
        return {codes[key]: result for key, result in found.items() if key in codes}

    def following(self, place: PlaceDefinition) -> PlaceDefinition | None:
        """Return the place that comes next for this object, or None at the end."""
        passed = self.attachment.passed_places
        following = self.definition.after(place.id)
        while following is not None and following.template_key in passed:
            following = self.definition.after(following.id)
        return following

    def _expected_after(self, place: PlaceDefinition) -> PlaceDefinition | None:
        """The place for `next_stage`: without asking conditions, behind a branch its join."""
        route = next(iter(place.routes), None)
        if route is not None and not route.when:
            return self.definition.coded(route.to) if route.to else None
        following = self.following(place)
        if following is None and place.group:
            return self.definition.after_group(place.group)
        return following

    def leave(self, outcome: StageOutcome) -> None:
        """Take the object from where it is."""
        self.visits.leave_all(outcome)

    def end(self, status: AttachmentStatus, outcome: StageOutcome) -> None:
        """End the run; the place it ended at stays on record in the visits."""
        self.leave(outcome)
        attachment = self.attachment
        if attachment.flow_id is not None and not self.definition.is_plain:
            drop_tasks(attachment, self.using)
        attachment.hold_reason, attachment.held_at = "", None
        attachment.status = status
        attachment.is_open = None
        attachment.completed_at = timezone.now()
        attachment.next_stage_id = None
        if status == AttachmentStatus.COMPLETED:
            attachment.current_stage_id = None
            attachment.current_pipeline_id = None
            self.fields.stage("")
        self._changed = True

    def touch(self) -> None:
        """Write the attachment when the run is saved."""
        self._changed = True

    def hold(self) -> None:
        """Let the run stand still; `hold_reason` says why."""
        attachment = self.attachment
        attachment.status = AttachmentStatus.ON_HOLD
        attachment.held_at = timezone.now()
        self._changed = True
        if not self.definition.is_plain:
            self.save()
            hold_tasks(attachment, self.using)

    def resume(self) -> None:
        """Let the run go on; visits that were finished meanwhile are left by the outbox."""
        attachment = self.attachment
        held = timezone.now() - (attachment.held_at or timezone.now())
        attachment.status = AttachmentStatus.IN_PROGRESS
        attachment.hold_reason, attachment.held_at = "", None
        self._changed = True
        if self.definition.is_plain:
            return
        release_tasks(attachment, self.using, held)
        for visit in self.visits.open:
            if visit.finished_at is not None:
                self.visits.change(visit, problem="")
                self.add_task(TaskKind.CONTINUE, visit)

    def save(self) -> None:
        """Write attachment, stage visits, the object's fields and the due actions."""
        if self._changed:
            self._write_attachment()
        self.visits.save()
        if self._changed and self.fields.wanted:
            self.fields.apply(self.target if self.target is not None else self.attachment.target)
        self._changed = False
        self._enqueue()

    def _write_attachment(self) -> None:
        """Write what has changed; where what is stored is not known, all of it."""
        attachment, columns = self.attachment, _columns(self.attachment)
        if self._stored is None:
            attachment.save(using=self.using)
        else:
            changed = [name for name, value in columns.items() if value != self._stored[name]]
            attachment.save(using=self.using, update_fields=changed)
        self._stored = columns

    def _enqueue(self) -> None:
        for row in self._due:
            # They may not have been saved when they were given.
            row.attachment, row.visit = row.attachment, row.visit
        if self._due:
            outbox.enqueue(self._due, using=self.using)
            self._due = []


def _columns(attachment: WorkflowAttachment) -> dict[str, Any]:
    """The values of the columns but the key, apart from those that are in use."""
    columns = attachment._meta.concrete_fields
    values = {column.attname: attachment.__dict__[column.attname] for column in columns}
    del values[columns[0].attname]
    return {
        name: deepcopy(value) if isinstance(value, dict | list) else value
        for name, value in values.items()
    }
