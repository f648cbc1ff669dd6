"""The action that tells another system of an event."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.exceptions import nearest
from django_workflow_engine.action_parameters import action_parameters
from django_workflow_engine.actions.posting import post, url_error
from django_workflow_engine.conf import settings
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.webhooks import (
    DELIVERY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    sign_webhook,
)

WEBHOOK_TIMEOUT = 10
# Shorter than the time after which a row whose runner is silent is taken by another one.
LONGEST_WEBHOOK_TIMEOUT = 30
# Headers that are the engine's own, in lower case.
OWN_HEADERS = frozenset(
    {
        *(name.lower() for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER, DELIVERY_HEADER)),
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
    }
)
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def check_webhook(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the parameters of a webhook, by path."""
    errors = {}
    wrong = url_error(parameters["url"])
    if wrong:
        errors["url"] = wrong
    secrets = settings.webhook_secrets
    if parameters["secret"] not in secrets:
        errors["secret"] = _("WEBHOOK_SECRETS has no secret of this name.") + nearest(
            parameters["secret"], secrets
        )
    for name, value in parameters.get("headers", {}).items():
        if name.lower() in OWN_HEADERS:
            errors[f"headers.{name}"] = _("This header is set by the engine.")
        elif not (HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value)):
            errors[f"headers.{name}"] = _("This is not a header that can be sent.")
    return errors


@action_parameters(
    {
        "type": "object",
        "properties": {
            "url": {"type": "string"},
            "secret": {"type": "string"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "timeout": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": LONGEST_WEBHOOK_TIMEOUT,
            },
        },
        "required": ["url", "secret"],
        "additionalProperties": False,
    },
    check_webhook,
)
def call_webhook(
    workflow_attachment: WorkflowAttachment, action_parameters: Mapping[str, Any], **context: Any
) -> dict[str, Any]:
    """Tell another system of the event by a signed POST (see `django_workflow_engine.webhooks`).

    Parameters: `url`; `secret`, the name of one in `WEBHOOK_SECRETS`; `headers`; `timeout` in
    seconds. Any answer but one of success (200 to 299) is a failure, and the action is tried again.
    """
    delivery = context["idempotency_key"]
    body = json.dumps(webhook_body(workflow_attachment, context)).encode()
    timestamp = int(time.time())
    headers = {
        "User-Agent": "django-workflow-engine",
        **action_parameters.get("headers", {}),
        "Content-Type": "application/json",
        DELIVERY_HEADER: delivery,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: sign_webhook(
            body, settings.webhook_secrets[action_parameters["secret"]], timestamp
        ),
    }
    timeout = action_parameters.get("timeout", WEBHOOK_TIMEOUT)
    return {"status": post(action_parameters["url"], body, headers, timeout)}


def webhook_body(attachment: WorkflowAttachment, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a webhook tells: keys and names, the same each time it is tried."""
    template = attachment.workflow.cloned_from or attachment.workflow
    return {
        "delivery": context["idempotency_key"],
        "event": str(context["event"]),
        "workflow": {**_names(template), "slug": template.slug},
        "attachment": str(attachment.pk),
        "object": {
            "model": ".".join(attachment.content_type.natural_key()),
            "pk": attachment.object_id,
        },
        "pipeline": _named(context.get("pipeline")),
        "stage": _named(context.get("stage")),
        "previous_stage": _named(context.get("previous_stage")),
        "user": _account(context.get("user")),
        "delegated_to": _account(context.get("delegated_to")),
        "reason": context.get("reason") or "",
    }


def _named(part: Any) -> dict[str, Any] | None:
    """A pipeline or stage as a webhook tells of it."""
    return None if part is None else _names(part)


def _names(part: Any) -> dict[str, Any]:
    return {"id": part.pk, "name_en": part.name_en, "name_ar": part.name_ar}


def _account(user: Any) -> dict[str, str] | None:
    return None if user is None else {"id": str(user.pk), "username": user.get_username()}
