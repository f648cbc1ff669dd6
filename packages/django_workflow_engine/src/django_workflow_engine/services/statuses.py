"""Statuses of one's own: names that a stage knows, some of which complete it."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import nearest
from approval_workflow.services import continue_flow
from approval_workflow.types import Continuation
from django_workflow_engine.choices import StageKind, StageOutcome
from django_workflow_engine.definition import PlaceDefinition, StatusDefinition
from django_workflow_engine.exceptions import StatusUnknown
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services._going_on import Going, going_on
from django_workflow_engine.services._permissions import (
    require_permission_at,
    require_permission_to_approve,
)
from django_workflow_engine.services.progress import (
    attachment_to_change,
    nothing_runs,
    open_attachment,
)


def update_stage_status(
    obj: Model,
    status: str,
    user: Any = None,
    *,
    context_data: Mapping[str, Any] | None = None,
    reason: str = "",
    stage_id: Any = None,
) -> WorkflowAttachment:
    """Set the status of the stage that the object is at; one that completes it moves the object on.

    `context_data` is what conditions may name besides the object, as `{"claim": {"amount": 1500}}`.
    `stage_id` (a key or a code) is needed where the object is at several stages with statuses. A
    status that rejects ends the workflow as rejected. Nobody (`user=None`) is the system itself.

    Events: `noted`, and those of what follows. Raises `NotAttached`, `StatusUnknown`, `FlowOnHold`,
    `WorkflowPermissionDenied`, and `NobodyEligible` when the next stage has nobody to ask.
    """
    require_permission_to_approve(user)
    attachment = open_attachment(obj)
    with going_on(attachment.pk) as going:
        going.require_running()
        place = _place(going, stage_id)
        require_permission_at(user, place, going.run.attachment)
        wanted = place.status(status)
        if wanted is None:
            raise _unknown(place, status)
        _set(going, place, wanted, user, context_data, reason)
    return attachment_to_change(obj) or attachment


def _set(
    going: Going,
    place: PlaceDefinition,
    status: StatusDefinition,
    user: Any,
    context_data: Mapping[str, Any] | None,
    reason: str,
) -> None:
    run = going.run
    visit = run.visits.at(place)
    if visit is None:
        raise nothing_runs()
    before = visit.status
    run.visits.change(visit, status=status.name)
    course = going.course(visit.round, user=user, given=context_data, reason=reason)
    course.note(
        place,
        "status_set",
        _("'%(stage)s': %(status)s"),
        status=status.name,
        before=before,
        actor=user,
        reason=reason,
    )
    answer = Continuation(waits=True, notes=course.notes)
    if status.rejects:
        answer = Continuation(rejects=True, notes=course.notes)
    elif status.completes:
        course.depart(place, StageOutcome.DONE)
        answer = course.answer()
    run.save()
    continue_flow(going.flow, answer)


def _place(going: Going, stage_id: Any) -> PlaceDefinition:
    definition = going.run.definition
    places = [
        place for place in going.run.visits.places(definition) if place.kind == StageKind.STATUS
    ]
    if stage_id is not None:
        wanted = definition.named(stage_id)
        places = [place for place in places if place == wanted]
    if len(places) != 1:
        raise StatusUnknown(
            _("The object is at no stage with statuses of its own.")
            if not places
            else _(
                "stage_id: the object is at several stages with statuses; name one of: %(names)s."
            )
            % {"names": ", ".join(place.code for place in places)}
        )
    return places[0]


def _unknown(place: PlaceDefinition, status: str) -> StatusUnknown:
    known = [other.name for other in place.statuses]
    return StatusUnknown(
        _("'%(stage)s' has no status '%(status)s', only: %(known)s.")
        % {"stage": place.name_en, "status": status, "known": ", ".join(known)}
        + nearest(status, known)
    )
