"""How the engine follows the core: one handler, listed in `APPROVAL_HANDLERS`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Max, Q
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus
from approval_workflow.exceptions import Conflict
from approval_workflow.handlers import BaseApprovalHandler
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.querysets import ApprovalInstanceQuerySet
from approval_workflow.types import Barrier, Continuation
from django_workflow_engine.choices import ActionType, AttachmentStatus, StageOutcome
from django_workflow_engine.definition import PERMISSION_KEY, PlaceDefinition
from django_workflow_engine.services._course import Course
from django_workflow_engine.services._permissions import (
    MISSING,
    OWN_NEEDED,
    barred_steps,
    may_everything,
    why_not_approve,
)
from django_workflow_engine.services._run import Run
from django_workflow_engine.services._steps import TURN_KEY, step_label
from django_workflow_engine.services._tasks import drop_tasks
from django_workflow_engine.services._undoing import take_back


class WorkflowApprovalHandler(BaseApprovalHandler):
    """Moves the attachment of a flow on, inside the core's transaction.

    Order on approval: `after_approve` (sees the place just approved), `after_move_pipeline` where
    the pipeline changes, `after_move_stage` where there are stages (sees the new one), then the
    steps of the new place.
    """

    writes_steps = False
    run: Run
    # The row that satisfied a step whose actions are not due yet.
    _satisfied: ApprovalInstance | None = None
    # Whether a decision is being carried out, which ends with `after_approve`.
    _approving = False
    # Whether that decision was the last of its branch's place.
    _departed = False

    def handles(self, flow: ApprovalFlow) -> bool:
        run = Run.of_flow(flow)
        if run is None:
            return False
        self.run = run
        return True

    def barrier(self, user: Any) -> Barrier | None:
        """Keep those from steps who lack the permission that PERMISSIONS or a template asks for."""
        reason = why_not_approve(user)
        if reason is not None:
            return Barrier(Q(flow__workflow_attachment__isnull=False), MISSING, reason)
        if may_everything(user):
            return None
        return Barrier(
            lambda: barred_steps(user), MISSING, str(OWN_NEEDED), concerns=_is_restricted
        )

    def on_approve(self, instance: ApprovalInstance) -> None:
        self.run.visits.decision = instance.pk

    def on_step_approved(self, instance: ApprovalInstance) -> None:
        self._approving = True
        self.run.visits.decision = instance.pk
        self._satisfied = instance

    def next_in_track(self, instance: ApprovalInstance) -> Continuation:
        """Bring a branch on: to its next approval, its next stage, or its end."""
        turn = instance.extra_fields.get(TURN_KEY)
        place = self.run.place_of(instance)
        if turn is None or _turn_is_open(instance) or self._is_late(instance, place):
            return Continuation()
        course = self._course(instance, after=instance.step_number - 1)
        steps = course.turn_of(place, turn + 1)
        if steps:
            return Continuation(steps=steps)
        self._emit_approval(instance, stage_complete=True)
        self._departed = True
        course.depart_in_branch(place, StageOutcome.APPROVED)
        # Whether the flow waits for other branches is said by `next_steps`.
        return replace(course.answer(), waits=False)

    def next_steps(self, instance: ApprovalInstance) -> Continuation:
        left = self.run.place_of(instance)
        course = self._course(instance, after=_last_number(instance))
        if left.group and self._departed:
            course.join(left)
        elif left.group or self._is_late(instance, left):
            # Of no track that was waited for: what the object is at goes on.
            return Continuation(waits=True)
        else:
            self._emit_approval(instance, stage_complete=True)
            course.depart(left, StageOutcome.APPROVED)
        return course.answer()

    def describe_step(self, instance: ApprovalInstance) -> str:
        return step_label(self.run.definition, instance.extra_fields)

    def on_final_approve(self, instance: ApprovalInstance | None) -> None:
        run, last = self.run, self.run.place
        run.end(AttachmentStatus.COMPLETED, StageOutcome.APPROVED)
        run.fields.completed()
        run.emit(ActionType.ON_WORKFLOW_COMPLETE, last, **_about(instance))
        if not self._approving:
            run.save()

    def after_approve(self, instance: ApprovalInstance) -> None:
        if self._satisfied is not None:
            self._emit_approval(instance, stage_complete=False)
        self.run.save()

    def on_reject(self, instance: ApprovalInstance | None) -> None:
        run = self.run
        if instance is not None and instance.status != ApprovalStatus.REJECTED:
            # A status of a stage has rejected: the flow only names its last step.
            instance = None
        place = run.place if instance is None else run.place_of(instance)
        run.visits.decision = instance.pk if instance is not None else None
        run.end(AttachmentStatus.REJECTED, StageOutcome.REJECTED)
        run.fields.rejected()
        run.emit(ActionType.AFTER_REJECT, place, **_about(instance))

    def after_reject(self, instance: ApprovalInstance) -> None:
        self.run.save()

    def after_resubmission(self, instance: ApprovalInstance) -> None:
        run, left = self.run, self.run.place_of(instance)
        run.visits.decision = instance.pk
        asked = _asked_in_round(instance, instance.round + 1)
        entered = run.definition.named_in(asked[0].extra_fields) or left
        run.leave(StageOutcome.RESUBMISSION)
        if not run.definition.is_plain:
            drop_tasks(run.attachment, run.using)
        # All that follows is asked for again.
        run.attachment.passed_places = []
        course = self._course(instance, after=0, round_number=instance.round + 1)
        course.send_back(entered)
        _require_same_tracks(entered, course.steps, asked)
        run.emit(
            ActionType.AFTER_RESUBMISSION,
            left,
            resubmission_stage_id=entered.stage_id,
            resubmission_pipeline_id=entered.pipeline_id,
            **_about(instance),
        )
        run.save()

    def after_delegate(self, instance: ApprovalInstance) -> None:
        delegated_to = instance.delegated_to
        self.run.emit(
            ActionType.AFTER_DELEGATE,
            self.run.place_of(instance),
            delegated_to_id=delegated_to.pk,
            **_about(instance),
        )
        self.run.save()

    def on_cancel(self, flow: ApprovalFlow) -> None:
        self.run.end(AttachmentStatus.CANCELLED, StageOutcome.CANCELLED)
        self.run.save()

    def on_hold(self, flow: ApprovalFlow) -> None:
        self.run.hold()
        self.run.save()

    def on_resume(self, flow: ApprovalFlow) -> None:
        self.run.resume()
        self.run.save()

    def on_undo(self, instance: ApprovalInstance) -> None:
        take_back(self.run, instance)

    def _course(
        self, instance: ApprovalInstance, *, after: int, round_number: int | None = None
    ) -> Course:
        facts = self.run.facts(user=lambda: instance.action_user, form=instance.form_data or {})
        return Course(
            self.run,
            facts,
            round_number=round_number or instance.round,
            after=after,
            about=_about(instance),
        )

    def _is_late(self, instance: ApprovalInstance, place: PlaceDefinition) -> bool:
        """Whether the object did not wait for this step any more."""
        run = self.run
        if run.definition.is_plain:
            return False
        return run.visits.at(place) is None or (
            bool(place.group) and _later_turn_has_begun(instance, run.visits.count(place))
        )

    def _emit_approval(self, instance: ApprovalInstance, *, stage_complete: bool) -> None:
        self._satisfied = None
        self.run.emit(
            ActionType.AFTER_APPROVE,
            self.run.place_of(instance),
            stage_complete=stage_complete,
            **_about(instance),
        )


def _is_restricted(instance: ApprovalInstance) -> bool:
    return PERMISSION_KEY in instance.extra_fields


def _last_number(instance: ApprovalInstance) -> int:
    """The last step number of the round: a track may stand before others that were undone."""
    if not instance.parallel_group:
        return instance.step_number
    rows = ApprovalInstance.objects.using(instance._state.db).filter(
        flow_id=instance.flow_id, round=instance.round
    )
    return int(rows.aggregate(last=Max("step_number"))["last"])


def _turn_is_open(instance: ApprovalInstance) -> bool:
    """Whether other approvals of the same turn of a branch are waited for."""
    code, visit, turn, *_rest = instance.parallel_group.split(".")
    rows = _of_turn(instance, code, visit, turn)
    return rows.filter(step_number=instance.step_number, parallel_required=True).current().exists()


def _later_turn_has_begun(instance: ApprovalInstance, visits: int) -> bool:
    """Whether the branch has gone on without this approval, in this visit of its or a later one."""
    code, visit, turn, *_rest = instance.parallel_group.split(".")
    if int(visit) != visits:
        return True
    # Only beside an approval that is not waited for can there be a later turn.
    later = _of_turn(instance, code, visit, int(turn) + 1)
    # Undoing an approval cancels the turn that it began.
    return later.exclude(status=ApprovalStatus.CANCELLED).exists()


def _of_turn(
    instance: ApprovalInstance, code: str, visit: str, turn: object
) -> "ApprovalInstanceQuerySet[ApprovalInstance]":
    track = f"{code}.{visit}.{turn}"
    return ApprovalInstance.objects.using(instance._state.db).filter(
        Q(parallel_group=track) | Q(parallel_group__startswith=f"{track}."),
        flow_id=instance.flow_id,
        round=instance.round,
    )


def _about(instance: ApprovalInstance | None) -> dict[str, Any]:
    """What every action may know of the decision."""
    if instance is None:
        return {"user_id": None}
    return {
        "user_id": instance.action_user_id,
        "reason": instance.comment,
        "instance_id": instance.pk,
        "form_data": instance.form_data,
    }


def _asked_in_round(instance: ApprovalInstance, number: int) -> list[ApprovalInstance]:
    rows = ApprovalInstance.objects.using(instance._state.db).filter(
        flow_id=instance.flow_id, round=number
    )
    return list(rows.in_order())


def _require_same_tracks(
    entered: PlaceDefinition, steps: Iterable[Mapping[str, Any]], asked: Iterable[ApprovalInstance]
) -> None:
    """Refuse to go back to branches that are not the ones for which people are asked."""
    tracks = {step["parallel_group"] for step in steps}
    if entered.group and tracks != {row.parallel_group for row in asked}:
        raise Conflict(
            _("'%(stage)s' runs beside other stages, and what is asked there is not what they ask.")
            % {"stage": entered.name_en}
        )
