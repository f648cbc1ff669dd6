"""Drives the workflow of an object as its people would."""

from typing import Any

from django.db.models import Model

from approval_workflow.choices import Action
from approval_workflow.testing import FlowDriver
from approval_workflow.testing.driver import FormData
from django_workflow_engine.definition import definition_of
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    attachment_progress,
)
from django_workflow_engine.testing.standing import attachment_of, open_visit, told


class WorkflowDriver:
    """The workflow of an object, read anew at every access, and ways to move it on.

    All acts go through the services, so that every rule holds: what a driver can do, the people
    can.
    """

    def __init__(self, obj: Model) -> None:
        self.obj = obj

    @classmethod
    def attach(
        cls, obj: Model, workflow: WorkFlow, user: Any = None, **arguments: Any
    ) -> "WorkflowDriver":
        """Attach as `attach_workflow_to_object` does, and return the object's driver."""
        attach_workflow_to_object(obj, workflow, user, **arguments)
        return cls(obj)

    @property
    def attachment(self) -> WorkflowAttachment:
        """The open attachment, else the one that ended last; `AssertionError` without one."""
        return attachment_of(self.obj)

    @property
    def status(self) -> str:
        """The value of the attachment's status."""
        return str(self.attachment.status)

    @property
    def stage(self) -> str | None:
        """The English name of the current stage."""
        stage = self.attachment.current_stage
        return stage.name_en if stage is not None else None

    @property
    def pipeline(self) -> str | None:
        """The English name of the current pipeline."""
        pipeline = self.attachment.current_pipeline
        return pipeline.name_en if pipeline is not None else None

    @property
    def progress(self) -> int:
        """How much has been completed, 0 to 100."""
        return int(attachment_progress(self.attachment)["progress_percentage"])

    @property
    def visited(self) -> list[str]:
        """The English names of the places visited, oldest first, the current one included."""
        attachment = self.attachment
        runs = attachment.stage_runs.select_related("stage", "pipeline").order_by("pk")
        return [(run.stage or run.pipeline or attachment.workflow).name_en for run in runs]

    @property
    def flow(self) -> FlowDriver:
        """The driver of the approval flow, which knows single steps and their history."""
        return FlowDriver(self.obj)

    def as_user(self, user: Any) -> "WorkflowActor":
        """Return what `user` can do with the object."""
        return WorkflowActor(self.obj, user)

    def approve_stage(
        self, *, reason: str = "", form_data: FormData | None = None
    ) -> WorkflowAttachment:
        """Let the people asked approve until the object has left the stage; return the attachment.

        Where pipelines or the workflow itself ask people, until it has left that. `form_data` goes
        to steps with a form: a dictionary, or a function that is given the step. Raises
        `AssertionError` when nothing is open or nobody asked may act, and what the services raise.
        """
        visit = open_visit(self.attachment)
        if visit is None:
            raise AssertionError(f"Nothing is open.\n{told(self.obj)}")
        while open_visit(self.attachment) == visit:
            self.flow.approve_step(comment=reason, form_data=form_data)
        return self.attachment

    def approve_all(
        self, *, reason: str = "", form_data: FormData | None = None
    ) -> WorkflowAttachment:
        """Let the people asked approve until the workflow is completed; return the attachment.

        As `approve_stage`; raises `AssertionError` for a workflow that does not come to an end.
        """
        self.flow.approve_all(comment=reason, form_data=form_data)
        return self.attachment

    def reject(self, *, reason: str = "") -> WorkflowAttachment:
        """Let the people asked reject until the workflow has ended; return the attachment."""
        self.flow.reject(comment=reason)
        return self.attachment


class WorkflowActor:
    """One person before one object.

    Each verb returns and raises what `act_on_object` does, and takes its further arguments
    (`reason`, `idempotency_key`, `expected_version`).
    """

    def __init__(self, obj: Model, user: Any) -> None:
        self.obj = obj
        self.user = user

    def approve(self, **arguments: Any) -> WorkflowAttachment:
        """Approve; `form_data` may be given."""
        return act_on_object(self.obj, Action.APPROVE, self.user, **arguments)

    def reject(self, **arguments: Any) -> WorkflowAttachment:
        return act_on_object(self.obj, Action.REJECT, self.user, **arguments)

    def send_back(self, to: str | None = None, **arguments: Any) -> WorkflowAttachment:
        """Ask for resubmission from the stage, or pipeline, of this name on.

        Without a name only where the workflow itself asks people. Raises `AssertionError` for a
        name that the version does not have.
        """
        place = {} if to is None else self._place_named(to)
        return act_on_object(self.obj, Action.RESUBMIT, self.user, **place, **arguments)

    def delegate(self, to: Any, **arguments: Any) -> WorkflowAttachment:
        return act_on_object(self.obj, Action.DELEGATE, self.user, user_id=to.pk, **arguments)

    def _place_named(self, name: str) -> dict[str, Any]:
        definition = definition_of(attachment_of(self.obj))
        for place in definition.places:
            if name in (place.name_en, place.name_ar):
                return {f"{definition.strategy}_id": place.id}
        known = ", ".join(place.name_en for place in definition.places)
        raise AssertionError(f"There is no {definition.strategy} {name!r}, only: {known}.")
