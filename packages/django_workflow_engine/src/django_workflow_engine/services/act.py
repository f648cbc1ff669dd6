"""Decide on an object that runs on a workflow."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import router
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approval_workflow.choices import Action
from approval_workflow.exceptions import InvalidDelegate, InvalidInput
from approval_workflow.services import advance_flow
from django_workflow_engine.choices import WorkflowStrategy
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition, definition_of
from django_workflow_engine.exceptions import UnknownPipeline, UnknownStage
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services._run import Run, write_database
from django_workflow_engine.services._steps import first_steps
from django_workflow_engine.services._way import Wayfinder
from django_workflow_engine.services.cancel import cancel_attachment
from django_workflow_engine.services.progress import (
    attachment_to_change,
    attachment_with_places,
    get_attached_object,
    nothing_runs,
    open_attachment,
)
from django_workflow_engine.services.registration import configuration_of

# What is missing where resubmission does not say how far back it goes.
PLACE_NEEDED: Mapping[str, Any] = {
    WorkflowStrategy.STAGE.value: gettext_lazy(
        "stage_id: resubmission needs the stage to go back to."
    ),
    WorkflowStrategy.PIPELINE.value: gettext_lazy(
        "pipeline_id: resubmission needs the pipeline to go back to."
    ),
}


def act_on_object(
    obj: Model,
    action: object,
    user: Any,
    *,
    reason: str = "",
    form_data: Mapping[str, Any] | None = None,
    stage_id: Any = None,
    pipeline_id: Any = None,
    user_id: Any = None,
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> WorkflowAttachment:
    """Let `user` act on the step of the object that waits for them; return the attachment after it.

    In place of the object one of its attachments can be named: then nothing is done to a run that
    has begun since.

    `action` as in `advance_flow`. Resubmission takes `stage_id`, the stage to go back to (its key
    in the template or in the snapshot), or `pipeline_id` where pipelines ask people; where the
    workflow itself asks, it takes neither. Delegation takes `user_id`, the key of who takes over;
    escalation may take it too, and goes to the person's superior without it.

    Raises what `advance_flow` raises, `NotAttached`, `UnknownStage` and `UnknownPipeline`.
    """
    attachment, obj, acted_on = _run_meant(obj)
    meant = Action.parse(action)
    arguments: dict[str, Any] = {}
    if meant is Action.APPROVE:
        arguments["form_data"] = form_data
    elif meant is Action.RESUBMIT:
        arguments["resubmission_steps"] = _steps_back_to(
            attachment, obj, user, _place_named(definition_of(attachment), stage_id, pipeline_id)
        )
    elif meant is Action.DELEGATE:
        arguments["delegate_to"] = _delegate(user_id)
    elif meant is Action.ESCALATE and user_id is not None:
        arguments["escalate_to"] = _delegate(user_id)
    advance_flow(
        acted_on,
        meant,
        user,
        comment=reason,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
        **arguments,
    )
    return _after(attachment, obj)


def cancel_workflow(obj: Model, user: Any = None, *, reason: str = "") -> WorkflowAttachment:
    """Cancel the workflow that runs on the object, or waits to be started; return the attachment.

    Whether `user` may do this is for the caller to decide; the history names them.
    Raises `NotAttached`.
    """
    attachment = open_attachment(obj)
    cancel_attachment(attachment, user, reason=reason)
    return _after(attachment, obj)


def _run_meant(named: Model) -> tuple[WorkflowAttachment, Model, Model]:
    """The run, its object, and what names the flow to the core."""
    if isinstance(named, WorkflowAttachment):
        attachment: WorkflowAttachment | None = named
        obj = get_attached_object(named)
    else:
        attachment, obj = attachment_to_change(named), named
    if attachment is None or attachment.flow is None:
        raise nothing_runs()
    return attachment, obj, attachment.flow if named is attachment else obj


def _steps_back_to(
    attachment: WorkflowAttachment, obj: Model, user: Any, place: PlaceDefinition
) -> list[dict[str, Any]]:
    definition = definition_of(attachment)
    current = definition.current(attachment)
    if current is not None and _is_ahead(definition, place, current):
        _refuse_going_forward(place)
    run = Run(attachment, write_database(), target=obj)
    way = Wayfinder(run, run.facts(user=lambda: user)).back_to(place)
    return [
        step
        for stop in way.stops
        if stop.asks
        for step in first_steps(stop.place, run.case, visit=run.visits.count(stop.place) + 1)
    ]


def _is_ahead(
    definition: WorkflowDefinition, place: PlaceDefinition, current: PlaceDefinition
) -> bool:
    if place.group and place.group == current.group:
        return False
    return definition.position(place.id) > definition.position(current.id)


def _place_named(
    definition: WorkflowDefinition, stage_id: Any, pipeline_id: Any
) -> PlaceDefinition:
    """The place to go back to: named by the argument that the workflow's strategy takes."""
    given = {"stage_id": stage_id, "pipeline_id": pipeline_id}
    wanted = f"{definition.strategy}_id"
    for name, key in given.items():
        if key is not None and name != wanted:
            raise InvalidInput(
                _("%(argument)s: this workflow does not ask people there.") % {"argument": name}
            )
    if definition.strategy == WorkflowStrategy.WORKFLOW:
        return definition.first
    if given[wanted] is None:
        raise InvalidInput(str(PLACE_NEEDED[definition.strategy]))
    return definition.resolve(given[wanted])


def _refuse_going_forward(place: PlaceDefinition) -> None:
    names = {"stage": place.name_en, "pipeline": place.name_en}
    if place.stage_id is None:
        raise UnknownPipeline(
            _(
                "pipeline_id: '%(pipeline)s' comes after the current pipeline;"
                " resubmission goes back."
            )
            % names,
            pipeline=place.id,
        )
    raise UnknownStage(
        _("stage_id: '%(stage)s' comes after the current stage; resubmission goes back.") % names,
        stage=place.id,
    )


def _delegate(user_id: Any) -> Any:
    if user_id is None:
        raise InvalidDelegate(_("user_id: delegation needs the user who takes over."))
    users = get_user_model()._default_manager
    try:
        user = users.filter(pk=user_id).first()
    except (ValueError, TypeError) as error:
        raise InvalidDelegate(_("user_id: expected the key of a user.")) from error
    if user is None:
        raise InvalidDelegate(_("user_id: there is no such user."))
    return user


def _after(attachment: WorkflowAttachment, obj: Model) -> WorkflowAttachment:
    """The attachment as it is now; the caller's object gets the fields that followed it."""
    after = attachment_with_places(attachment.pk)
    # By key: this way Django remembers content types.
    content_type = ContentType.objects.get_for_id(attachment.content_type_id)
    configuration = configuration_of(content_type, write_database())
    if configuration is not None:
        names = {field.name for field in obj._meta.concrete_fields}
        followed = {configuration.status_field, configuration.stage_field} & names
        if followed:
            written = router.db_for_write(type(obj), instance=obj)
            obj.refresh_from_db(using=written, fields=sorted(followed))
    # Automatic clean-up may have deleted it by now.
    return after or attachment
