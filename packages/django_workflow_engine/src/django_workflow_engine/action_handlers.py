"""The functions for actions that come with the engine, under the paths that actions name.

Parameters of the e-mails: `recipients` (see `resolve_recipients`; by default those of the default
actions), `cc` (the same words and addresses), `template` (name of the e-mail) and `subject`.
Parameters with other names are handed to the template.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.functional import lazy, lazystr
from django.utils.translation import gettext as _

from django_workflow_engine.action_parameters import action_parameters
from django_workflow_engine.actions.builtin import call_function, set_field
from django_workflow_engine.actions.defaults import default_recipients
from django_workflow_engine.actions.webhook import call_webhook
from django_workflow_engine.choices import ActionType
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.notifications import (
    GENERIC,
    has_template,
    send_bulk_workflow_emails,
)
from django_workflow_engine.recipient_resolver import is_recipient, resolve_recipients

__all__ = [
    "call_function",
    "call_webhook",
    "send_approval_notification",
    "send_delegation_notification",
    "send_email",
    "send_rejection_notification",
    "send_resubmission_notification",
    "send_stage_move_notification",
    "set_field",
]

logger = logging.getLogger(__name__)

PEOPLE = {"type": ["array", "string", "integer"]}
EMAIL_SCHEMA = {
    "type": "object",
    "properties": {
        "recipients": PEOPLE,
        "cc": PEOPLE,
        "template": {"type": "string", "pattern": r"^[\w-]*$"},
        "subject": {"type": "string"},
    },
}


def check_email(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the parameters of an e-mail, by path."""
    errors = {
        path: _("Expected a word for people, an e-mail address or the key of a user.")
        for name in ("recipients", "cc")
        for path, person in _listed(name, parameters.get(name))
        if not is_recipient(person)
    }
    template = parameters.get("template")
    if template and not has_template(template):
        errors["template"] = _("There is no template '%(name)s'.") % {"name": template}
    return errors


@action_parameters(
    {
        **EMAIL_SCHEMA,
        "properties": {
            **EMAIL_SCHEMA["properties"],  # type: ignore[dict-item]
            "recipients": {**PEOPLE, "minItems": 1, "minLength": 1},
        },
        "required": ["recipients"],
    },
    check_email,
)
def send_email(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Send an e-mail to `recipients`, after any event."""
    return _notify(GENERIC, workflow_attachment, action_parameters, context)


@action_parameters(EMAIL_SCHEMA, check_email)
def send_approval_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell of an approval."""
    return _notify_of(
        ActionType.AFTER_APPROVE,
        "workflow_approved",
        workflow_attachment,
        action_parameters,
        context,
    )


@action_parameters(EMAIL_SCHEMA, check_email)
def send_rejection_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell of a rejection."""
    return _notify_of(
        ActionType.AFTER_REJECT,
        "workflow_rejected",
        workflow_attachment,
        action_parameters,
        context,
    )


@action_parameters(EMAIL_SCHEMA, check_email)
def send_resubmission_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell that the object was sent back."""
    return _notify_of(
        ActionType.AFTER_RESUBMISSION,
        "workflow_resubmission",
        workflow_attachment,
        action_parameters,
        context,
    )


@action_parameters(EMAIL_SCHEMA, check_email)
def send_delegation_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell that somebody else was asked to decide."""
    return _notify_of(
        ActionType.AFTER_DELEGATE,
        "workflow_delegated",
        workflow_attachment,
        action_parameters,
        context,
    )


@action_parameters(EMAIL_SCHEMA, check_email)
def send_stage_move_notification(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> bool:
    """Tell that the object has come to another stage."""
    return _notify_of(
        ActionType.AFTER_MOVE_STAGE,
        "workflow_stage_moved",
        workflow_attachment,
        action_parameters,
        context,
    )


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


def _notify_of(
    event: ActionType,
    name: str,
    attachment: WorkflowAttachment,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
) -> bool:
    """Send the e-mail of an event, to those who get it by default where nobody is named."""
    words = parameters.get("recipients") or default_recipients(event)
    return _notify(name, attachment, {**parameters, "recipients": words}, context)


def _notify(
    name: str,
    attachment: WorkflowAttachment,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
) -> bool:
    """Send the e-mail. False when nothing went out though somebody should have got it.

    Where only some messages failed, trying again would send the others twice: that is logged.
    """
    recipients = resolve_recipients(parameters["recipients"], attachment, **context)
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


def _listed(name: str, people: Any) -> Iterator[tuple[str, Any]]:
    """The people named by a parameter, each with its path."""
    if isinstance(people, list):
        yield from ((f"{name}.{position}", person) for position, person in enumerate(people))
    elif people not in (None, ""):
        yield name, people


def _name(part: Any) -> Any:
    """The name of a workflow, pipeline or stage, read when it is shown."""
    return lazy(lambda: part.name, str)() if part is not None else ""


def _person(user: Any) -> str:
    if user is None:
        return ""
    full_name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    return str(full_name or user.get_username())
