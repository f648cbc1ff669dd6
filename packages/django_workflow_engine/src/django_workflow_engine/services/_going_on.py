"""Moving an object on when something else than a decision has come: a job, a timer, a status.

Lock order: flow, attachment, template.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from approval_workflow.exceptions import ApprovalError, FlowOnHold
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import continue_flow, hold_flow
from approval_workflow.types import Continuation
from django_workflow_engine.choices import AttachmentStatus, StageKind, StageOutcome
from django_workflow_engine.definition import PlaceDefinition
from django_workflow_engine.models import StageRun, WorkflowAttachment
from django_workflow_engine.services._course import Course
from django_workflow_engine.services._run import Run, write_database
from django_workflow_engine.services.progress import nothing_runs


@dataclass
class Going:
    """A locked flow with its run, in a transaction."""

    flow: ApprovalFlow
    run: Run

    def require_running(self) -> None:
        """Raise `FlowOnHold` where nothing is to happen until the workflow is resumed."""
        if self.run.attachment.status == AttachmentStatus.ON_HOLD:
            raise FlowOnHold(_("This flow is on hold; nothing is decided until it is resumed."))

    def refresh(self) -> None:
        """Read the run again, after a service of the core has changed it."""
        run = Run.of_flow(self.flow)
        if run is None:
            raise nothing_runs()
        self.run = run

    def place_of(self, visit: StageRun) -> PlaceDefinition:
        key = visit.stage_id if visit.stage_id is not None else visit.pipeline_id
        return self.run.definition.place(key)

    def course(
        self,
        round_number: int,
        *,
        user: Any = None,
        given: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> Course:
        return Course(
            self.run,
            self.run.facts(user=lambda: user, given=given),
            round_number=round_number,
            after=self._last_step(),
            about={"user_id": getattr(user, "pk", None), "reason": reason},
        )

    def asks_more(self) -> bool:
        """Whether steps are to come that were added to those of the place."""
        return bool(self._rows().pending().exists())

    def round(self) -> int:
        """The round that the flow is in."""
        return int(self._rows().aggregate(last=Max("round"))["last"] or 1)

    def _last_step(self) -> int:
        """The last number of the round that the flow is in."""
        steps = self._rows().order_by("-round", "-step_number")
        return int(steps.values_list("step_number", flat=True).first() or 0)

    def _rows(self) -> Any:
        return ApprovalInstance.objects.using(self.run.using).filter(flow=self.flow)


@contextmanager
def going_on(attachment_id: Any) -> Iterator[Going]:
    """Lock the flow and the run of an attachment; raise `NotAttached` when none runs."""
    using = write_database()
    with transaction.atomic(using=using):
        attachments = WorkflowAttachment.objects.using(using).filter(pk=attachment_id)
        flow_id = attachments.values_list("flow_id", flat=True).first()
        flow = (
            ApprovalFlow.objects.using(using).select_for_update().filter(pk=flow_id).first()
            if flow_id is not None
            else None
        )
        run = Run.of_flow(flow) if flow is not None else None
        if flow is None or run is None or not run.attachment.is_open:
            raise nothing_runs()
        yield Going(flow, run)


def visit_done(attachment_id: Any, visit_id: Any) -> None:
    """Move an object on from a visit that has what it waited for.

    Nothing happens when the visit has ended meanwhile. On hold that is noted, and the object moves
    when it is resumed; where it cannot move, it is put on hold with the reason.
    """
    with going_on(attachment_id) as going:
        run = going.run
        visit = next((row for row in run.visits.open if row.pk == visit_id), None)
        if visit is None:
            return
        place = going.place_of(visit)
        outcome = StageOutcome.APPROVED if place.kind == StageKind.APPROVAL else StageOutcome.DONE
        if run.attachment.status == AttachmentStatus.ON_HOLD:
            run.visits.finish(visit)
            run.save()
            return
        if place.kind == StageKind.APPROVAL and going.asks_more():
            move(going, lambda fresh: ask_on(fresh, visit), place)
            return
        move(going, lambda fresh: depart(fresh, visit, outcome), place)


def depart(going: Going, visit: StageRun, outcome: StageOutcome) -> Continuation:
    """Take the object from a visit's place; return what its flow is to do."""
    course, place = going.course(visit.round), going.place_of(visit)
    if outcome is StageOutcome.DONE:
        course.note(place, "done", _("'%(stage)s' is done."))
    course.depart(place, outcome)
    return course.answer()


def ask_on(going: Going, visit: StageRun) -> Continuation:
    """Let the object stay where one more person was to be asked before it leaves."""
    going.run.visits.change(visit, finished_at=None)
    return Continuation()


def move(going: Going, act: Callable[[Going], Continuation], place: PlaceDefinition) -> None:
    """Do what moves the object, or put it on hold at the place with the reason why it cannot."""
    using = going.run.using
    try:
        with transaction.atomic(using=using):
            answer = act(going)
            going.run.save()
            continue_flow(going.flow, answer)
    except ApprovalError as error:
        fresh = Run.of_flow(going.flow)
        if fresh is None:
            raise
        fresh.visits.stay(place, error.message)
        fresh.attachment.hold_reason = error.message
        fresh.save()
        hold_flow(going.flow, reason=error.message)
