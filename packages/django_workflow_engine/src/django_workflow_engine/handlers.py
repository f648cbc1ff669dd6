"""How the engine follows the core: one handler, listed in `APPROVAL_HANDLERS`."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from approval_workflow.handlers import BaseApprovalHandler
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.types import Barrier
from django_workflow_engine.choices import ActionType, AttachmentStatus, StageOutcome
from django_workflow_engine.services._permissions import MISSING, why_not_approve
from django_workflow_engine.services._run import Run
from django_workflow_engine.services._steps import build_steps, step_label


class WorkflowApprovalHandler(BaseApprovalHandler):
    """Moves the attachment of a flow on, inside the core's transaction.

    Order on approval: `after_approve` (sees the place just approved), `after_move_pipeline` where
    the pipeline changes, `after_move_stage` where there are stages (sees the new one), then the
    steps of the new place.
    """

    run: Run
    # The row that satisfied a step whose actions are not due yet.
    _satisfied: ApprovalInstance | None = None

    def handles(self, flow: ApprovalFlow) -> bool:
        run = Run.of_flow(flow)
        if run is None:
            return False
        self.run = run
        return True

    def barrier(self, user: Any) -> Barrier | None:
        """Keep those who lack the permission that PERMISSIONS asks for from workflows' steps."""
        reason = why_not_approve(user)
        if reason is None:
            return None
        return Barrier(Q(flow__workflow_attachment__isnull=False), MISSING, reason)

    def on_step_approved(self, instance: ApprovalInstance) -> None:
        self._satisfied = instance

    def next_steps(self, instance: ApprovalInstance) -> Iterable[Mapping[str, Any]]:
        run, left = self.run, self.run.place
        self._emit_approval(instance, stage_complete=True)
        entered = run.following(left)
        if entered is None:
            return ()
        run.leave(StageOutcome.APPROVED)
        run.enter(entered, round_number=instance.round)
        context = {**_about(instance), "previous_stage_id": left.stage_id}
        if entered.pipeline != left.pipeline:
            run.emit(
                ActionType.AFTER_MOVE_PIPELINE,
                entered,
                previous_pipeline_id=left.pipeline_id,
                **context,
            )
        if entered.stage_id is not None:
            run.emit(ActionType.AFTER_MOVE_STAGE, entered, **context)
        return build_steps(entered, run.case, after=instance.step_number)

    def describe_step(self, instance: ApprovalInstance) -> str:
        return step_label(self.run.definition, instance.extra_fields)

    def on_final_approve(self, instance: ApprovalInstance) -> None:
        run, last = self.run, self.run.place
        run.end(AttachmentStatus.COMPLETED, StageOutcome.APPROVED)
        run.fields.completed()
        run.emit(ActionType.ON_WORKFLOW_COMPLETE, last, **_about(instance))

    def after_approve(self, instance: ApprovalInstance) -> None:
        if self._satisfied is not None:
            self._emit_approval(instance, stage_complete=False)
        self.run.save()

    def on_reject(self, instance: ApprovalInstance) -> None:
        run, place = self.run, self.run.place_of(instance)
        run.end(AttachmentStatus.REJECTED, StageOutcome.REJECTED)
        run.fields.rejected()
        run.emit(ActionType.AFTER_REJECT, place, **_about(instance))

    def after_reject(self, instance: ApprovalInstance) -> None:
        self.run.save()

    def after_resubmission(self, instance: ApprovalInstance) -> None:
        run, left = self.run, self.run.place
        entered = run.definition.named_in(_noted_in_new_round(instance)) or left
        run.leave(StageOutcome.RESUBMISSION)
        # All that follows is asked for again.
        run.attachment.passed_places = []
        run.enter(entered, round_number=instance.round + 1)
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

    def _emit_approval(self, instance: ApprovalInstance, *, stage_complete: bool) -> None:
        self._satisfied = None
        self.run.emit(
            ActionType.AFTER_APPROVE,
            self.run.place_of(instance),
            stage_complete=stage_complete,
            **_about(instance),
        )


def _about(instance: ApprovalInstance) -> dict[str, Any]:
    """What every action may know of the decision."""
    return {
        "user_id": instance.action_user_id,
        "reason": instance.comment,
        "instance_id": instance.pk,
        "form_data": instance.form_data,
    }


def _noted_in_new_round(instance: ApprovalInstance) -> Mapping[str, Any]:
    """What the first step of the new round notes of where it belongs."""
    rows = ApprovalInstance.objects.filter(flow_id=instance.flow_id, round=instance.round + 1)
    return rows.in_order().values_list("extra_fields", flat=True).first() or {}
