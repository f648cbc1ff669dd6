"""The e-mails that come with the engine, as functions for actions.

Their parameters: `recipients` (see `resolve_recipients`; by default those of the default actions),
`cc` (the same words and addresses), `template` (name of the e-mail) and `subject`.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.utils.functional import lazy, lazystr

from django_workflow_engine.actions.defaults import default_recipients
from django_workflow_engine.choices import ActionType
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.notifications import send_bulk_workflow_emails
from django_workflow_engine.recipient_resolver import resolve_recipients

logger = logging.getLogger(__name__)


def send_approval_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell of an approval."""
    event = ActionType.AFTER_APPROVE
    return _notify("workflow_approved", event, workflow_attachment, action_parameters, context)


def send_rejection_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell of a rejection."""
    event = ActionType.AFTER_REJECT
    return _notify("workflow_rejected", event, workflow_attachment, action_parameters, context)


def send_resubmission_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell that the object was sent back."""
    event = ActionType.AFTER_RESUBMISSION
    return _notify("workflow_resubmission", event, workflow_attachment, action_parameters, context)


def send_delegation_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell that somebody else was asked to decide."""
    event = ActionType.AFTER_DELEGATE
    return _notify("workflow_delegated", event, workflow_attachment, action_parameters, context)


def send_stage_move_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell that the object has come to another stage."""
    event = ActionType.AFTER_MOVE_STAGE
    return _notify("workflow_stage_moved", event, workflow_attachment, action_parameters, context)


def email_context(
    attachment: WorkflowAttachment, parameters: Mapping[str, Any], context: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the e-mail templates show. Names are in the language of whoever reads them."""
    stage = _name(context.get("stage"))
    target = attachment.target
    return {
        "workflow_name": _name(attachment.workflow.cloned_from or attachment.workflow),
        "stage_name": stage,
        "current_stage": stage,
        "previous_stage_name": _name(context.get("previous_stage")),
        "resubmission_stage_name": _name(context.get("resubmission_stage")),
        "pipeline_name": _name(context.get("pipeline")),
        "user": context.get("user"),
        "user_name": _person(context.get("user")),
        "delegated_to": context.get("delegated_to"),
        "delegated_to_name": _person(context.get("delegated_to")),
        "object": target,
        "object_name": lazystr(target) if target is not None else "",
        "reason": context.get("reason") or "",
        "stage_complete": context.get("stage_complete"),
        "attachment": attachment,
        "parameters": dict(parameters),
    }


def _notify(
    name: str,
    event: ActionType,
    attachment: WorkflowAttachment,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
) -> bool:
    """Send the e-mail. False when nothing went out though somebody should have got it.

    Where only some messages failed, trying again would send the others twice: that is logged.
    """
    words = parameters.get("recipients") or default_recipients(event)
    recipients = resolve_recipients(words, attachment, **context)
    if not recipients:
        logger.info("Nobody to send %s to for workflow attachment %s", name, attachment.pk)
        return True
    counts = send_bulk_workflow_emails(
        name=parameters.get("template") or name,
        recipients=recipients,
        context=email_context(attachment, parameters, context),
        subject=parameters.get("subject"),
        cc=resolve_recipients(parameters.get("cc"), attachment, **context),
    )
    return counts["sent"] > 0 or counts["failed"] == 0


def _name(part: Any) -> Any:
    """The name of a workflow, pipeline or stage, read when it is shown."""
    return lazy(lambda: part.name, str)() if part is not None else ""


def _person(user: Any) -> str:
    if user is None:
        return ""
    full_name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    return str(full_name or user.get_username())
