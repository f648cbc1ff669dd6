"""Intervening in a running workflow: hold, withdraw, restart, jump, skip, add an approver, undo.

Each asks for the permission `control_workflow` (nobody, `user=None`, is the system itself), takes a
reason for the history, and does all or nothing.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import ApprovalPermissionDenied, InvalidInput
from approval_workflow.models import ApprovalInstance
from approval_workflow.permissions import can_act
from approval_workflow.services import (
    continue_flow,
    extend_flow,
    hold_flow,
    resume_flow,
    undo_decision,
)
from approval_workflow.types import Continuation
from django_workflow_engine.approvers import requester_of
from django_workflow_engine.choices import (
    AttachmentStatus,
    ExecutionStatus,
    StageKind,
    StageOutcome,
)
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition
from django_workflow_engine.exceptions import (
    ConditionFailed,
    WorkflowPermissionDenied,
)
from django_workflow_engine.models import ActionExecution, WorkflowAttachment
from django_workflow_engine.services._going_on import Going, going_on
from django_workflow_engine.services._permissions import (
    CONTROL,
    may_control,
    require_permission_to_control,
)
from django_workflow_engine.services._steps import TURN_KEY, track_of_turn
from django_workflow_engine.services._tasks import drop_tasks
from django_workflow_engine.services._undoing import undone
from django_workflow_engine.services.attach import Wanted, attach
from django_workflow_engine.services.cancel import cancel_attachment
from django_workflow_engine.services.progress import (
    attachment_to_change,
    nothing_runs,
    open_attachment,
)

# Keys in `metadata` by which a restarted run and the one before name each other.
RESTARTED_FROM = "restarted_from"


def hold_workflow(obj: Model, user: Any = None, *, reason: str = "") -> WorkflowAttachment:
    """Put the workflow on hold: nobody may act, deadlines, jobs and timers stand still.

    Raises `NotAttached`, `FlowOnHold`, `WorkflowPermissionDenied`, `InvalidInput`.
    """
    require_permission_to_control(user)
    with going_on(_running(obj).pk) as going:
        going.run.attachment.hold_reason = reason
        going.run.touch()
        going.run.save()
        hold_flow(going.flow, user, reason=reason)
    return _running(obj)


def resume_workflow(obj: Model, user: Any = None, *, reason: str = "") -> WorkflowAttachment:
    """Let a workflow on hold go on. What was done meanwhile moves the object now.

    Raises `NotAttached`, `Conflict` when it is not on hold, `WorkflowPermissionDenied`.
    """
    require_permission_to_control(user)
    attachment = _running(obj)
    resume_flow(attachment.flow, user, reason=reason)  # type: ignore[arg-type]
    return attachment_to_change(obj) or attachment


def withdraw_workflow(obj: Model, user: Any, *, reason: str = "") -> WorkflowAttachment:
    """Let who asked for the approval take the request back: the workflow is cancelled.

    Allowed: the requester (who created the object), and who started the workflow.
    Raises `NotAttached`, `ApprovalPermissionDenied`.
    """
    attachment = open_attachment(obj)
    asked_by = {
        getattr(person, "pk", None)
        for person in (requester_of(obj, lambda: None), attachment.started_by)
        if person is not None
    }
    if user is None or user.pk not in asked_by:
        raise ApprovalPermissionDenied(
            _("Only who asked for the approval may withdraw it."), reason="not_requester"
        )
    cancel_attachment(attachment, user, reason=reason or _("Withdrawn by the requester."))
    return attachment_to_change(obj) or attachment


def restart_workflow(obj: Model, user: Any = None, *, reason: str = "") -> WorkflowAttachment:
    """Cancel the run and begin anew, on the newest version of the template.

    The new run keeps the metadata and who asked for it, and names the old one in its metadata.
    Raises `NotAttached`, `WorkflowPermissionDenied` and what attaching raises.
    """
    require_permission_to_control(user)
    before = _running(obj)
    template = before.workflow.cloned_from or before.workflow
    metadata = {**before.metadata, RESTARTED_FROM: before.pk}
    with transaction.atomic():
        cancel_attachment(before, user, reason=reason)
        return attach(
            Wanted(
                obj,
                template,
                before.started_by or user,
                metadata=metadata,
                disable_clone=before.snapshot_key is None,
            )
        )


def jump_to_stage(
    obj: Model, stage_id: Any, user: Any = None, *, reason: str
) -> WorkflowAttachment:
    """Send an object to a stage, past everything between; it leaves all branches where it is.

    One that is on hold because a condition could not be answered goes on there.

    `stage_id` as in `act_on_object` (where pipelines ask people, the key of one), or the code of a
    stage. A stage that runs beside others is come to with all of them. A reason is required.
    Raises `NotAttached`, `UnknownStage`, `FlowOnHold`, `NobodyEligible`, `InvalidInput`,
    `WorkflowPermissionDenied`.
    """
    require_permission_to_control(user)
    _require_reason(reason)
    with going_on(_running(obj).pk) as going:
        _let_go_on(going, user, reason)
        definition = going.run.definition
        goal = definition.named(stage_id)
        left = _stands_at(going)
        course = going.course(going.round(), user=user, reason=reason)
        _leave_everything(going, StageOutcome.JUMPED)
        going.run.attachment.passed_places = []
        course.send(goal, left)
        course.note(goal, "jumped", _("Sent to '%(stage)s': %(reason)s"), reason=reason, actor=user)
        going.run.save()
        continue_flow(going.flow, course.answer(), afresh=True)
    return _after(obj)


def skip_stage(
    obj: Model, user: Any = None, *, reason: str, stage_id: Any = None
) -> WorkflowAttachment:
    """Take an object from a stage as if it were done; a failed job or a timer too.

    `stage_id`, as in `jump_to_stage`, is needed where it is at several. A reason is required.
    Raises as `jump_to_stage` does, and `ConditionFailed` when what follows cannot be found.
    """
    require_permission_to_control(user)
    _require_reason(reason)
    with going_on(_running(obj).pk) as going:
        _let_go_on(going, user, reason)
        place = _place_meant(going, stage_id)
        visit = going.run.visits.at(place)
        drop_tasks(going.run.attachment, going.run.using, [visit] if visit is not None else [])
        course = going.course(going.round(), user=user, reason=reason)
        course.note(
            place, "skipped", _("'%(stage)s' was skipped: %(reason)s"), reason=reason, actor=user
        )
        course.depart(place, StageOutcome.SKIPPED)
        if course.hold:
            raise ConditionFailed(course.hold)
        going.run.save()
        # Where the branches join, all that is open is dropped.
        drop = () if course.joins else _steps_of(going, place)
        continue_flow(going.flow, course.answer(), drop=drop)
    return _after(obj)


def add_approver(
    obj: Model,
    approver: Any,
    user: Any = None,
    *,
    reason: str,
    stage_id: Any = None,
    **keys: Any,
) -> list[ApprovalInstance]:
    """Ask one more person before the object leaves the stage where it is; return the new step.

    Allowed with `control_workflow`, and to who may act there now. They are asked after all that
    the stage asks for; where stages run side by side, at once. `stage_id` as in `skip_stage`.
    `keys` are further ones of a step (`sla_duration`, `form`). A reason is required. Raises
    `NotAttached`, `WorkflowPermissionDenied`, `FlowOnHold`, `InvalidSteps`, `InvalidInput`.
    """
    _require_reason(reason)
    with going_on(_running(obj).pk) as going:
        going.require_running()
        place = _place_meant(going, stage_id)
        if place.kind != StageKind.APPROVAL:
            raise InvalidInput(
                _("A person is added where an object is at a stage that asks people.")
            )
        _require_may_add(going, user)
        step = {"assigned_to": approver, "extra_fields": dict(place.step_keys), **keys}
        if place.group:
            return [_ask_beside(going, place, step, user, reason)]
        return extend_flow(going.flow, [step], user, reason=reason)


def undo_last_decision(
    obj: Model, user: Any, *, reason: str = ""
) -> tuple[WorkflowAttachment, list[ActionExecution]]:
    """Take the last decision back, within `APPROVAL_UNDO_PERIOD` and while nobody has acted since.

    The object is again where it was. Returns the attachment, and the actions that had been executed
    for the decision: those with a compensation are compensated, the others stand. Raises what
    `undo_decision` raises, and `NotAttached`.
    """
    attachment = attachment_to_change(obj)
    if attachment is None or attachment.flow is None:
        raise nothing_runs()
    executions = ActionExecution.objects.filter(attachment=attachment)
    with transaction.atomic():
        undone_before = set(undone(executions).values_list("pk", flat=True))
        undo_decision(attachment.flow, user, reason=reason)
        executed = undone(executions).exclude(pk__in=undone_before)
        executed = executed.filter(status=ExecutionStatus.DONE)
        taken_back = list(executed.order_by("pk"))
    return _after(obj), taken_back


def _running(obj: Model) -> WorkflowAttachment:
    attachment = open_attachment(obj)
    if attachment.flow is None:
        raise nothing_runs()
    return attachment


def _after(obj: Model) -> WorkflowAttachment:
    attachment = attachment_to_change(obj)
    if attachment is None:
        raise nothing_runs()
    return attachment


def _require_reason(reason: str) -> None:
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidInput("reason: " + _("expected why this is done."))


def _let_go_on(going: Going, user: Any, reason: str) -> None:
    """Resume a workflow that could not go on by itself; what people have put on hold stays so."""
    on_hold = going.run.attachment.status == AttachmentStatus.ON_HOLD
    if on_hold and any(visit.problem for visit in going.run.visits.open):
        resume_flow(going.flow, user, reason=reason)
        going.refresh()


def _stands_at(going: Going) -> PlaceDefinition | None:
    return going.run.definition.current(going.run.attachment)


def _leave_everything(going: Going, outcome: StageOutcome) -> None:
    drop_tasks(going.run.attachment, going.run.using)
    going.run.leave(outcome)


def _place_meant(going: Going, stage_id: Any) -> PlaceDefinition:
    definition: WorkflowDefinition = going.run.definition
    places = going.run.visits.places(definition)
    if stage_id is None:
        if len(places) != 1:
            names = ", ".join(place.code or place.name_en for place in places)
            raise InvalidInput(
                _("stage_id: the object is at several stages; name one of: %(names)s.")
                % {"names": names}
            )
        return places[0]
    place = definition.named(stage_id)
    if place not in places:
        raise InvalidInput(
            _("stage_id: the object is not at '%(stage)s'.") % {"stage": place.name_en}
        )
    return place


def _steps_of(going: Going, place: PlaceDefinition) -> list[Any]:
    """Keys of the steps of a place that are open or to come."""
    rows = ApprovalInstance.objects.using(going.run.using).filter(flow=going.flow).unfinished()
    noted: Mapping[Any, Any] = dict(rows.values_list("pk", "extra_fields"))
    definition = going.run.definition
    return [key for key, extra in noted.items() if definition.named_in(extra) == place]


def _ask_beside(
    going: Going, place: PlaceDefinition, step: dict[str, Any], user: Any, reason: str
) -> ApprovalInstance:
    """Ask in the turn in which the branch is, which goes on when all of it are done."""
    rows = ApprovalInstance.objects.using(going.run.using).filter(flow=going.flow)
    here = rows.filter(pk__in=_steps_of(going, place)).in_order()
    turns = [row for row in here if TURN_KEY in row.extra_fields]
    if not turns:
        raise InvalidInput(_("A person is added where an object is at a stage that asks people."))
    last = max(turns, key=lambda row: int(row.extra_fields[TURN_KEY]))
    turn = last.extra_fields[TURN_KEY]
    track = track_of_turn(last.parallel_group)
    added = rows.filter(parallel_group__startswith=f"{track}.added").count()
    step = {
        **step,
        "parallel_group": f"{track}.added{added + 1}",
        "extra_fields": {**step["extra_fields"], TURN_KEY: turn},
    }
    course = going.course(last.round, user=user, reason=reason)
    text = _("One more person is asked at '%(stage)s': %(reason)s")
    course.note(place, "approver_added", text, reason=reason, actor=user)
    answer = Continuation(steps=[step], waits=True, notes=course.notes)
    return continue_flow(going.flow, answer)  # type: ignore[return-value]


def _require_may_add(going: Going, user: Any) -> None:
    if may_control(user):
        return
    rows = ApprovalInstance.objects.using(going.run.using).filter(flow=going.flow).current()
    for row in rows.select_related("assigned_to"):
        row.flow = going.flow
        if can_act(row, user):
            return
    raise WorkflowPermissionDenied(
        _("Only who may decide here, or has %(permission)s, may ask one more person.")
        % {"permission": CONTROL},
        reason="not_assigned",
    )
