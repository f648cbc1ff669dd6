"""Signatures of webhooks: made by the engine, checked by whoever receives them.

A webhook is a POST with a JSON body and these headers:

- `X-Workflow-Timestamp`: when it was sent, in seconds since 1970;
- `X-Workflow-Signature`: `sha256=` and the HMAC-SHA256 of timestamp, a dot and the body;
- `X-Workflow-Delivery`: the same as `delivery` in the body; a repeated attempt has the same.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from django.utils.translation import gettext as _

from django_workflow_engine.exceptions import WebhookNotVerified

TIMESTAMP_HEADER = "X-Workflow-Timestamp"
SIGNATURE_HEADER = "X-Workflow-Signature"
DELIVERY_HEADER = "X-Workflow-Delivery"
SCHEME = "sha256="
# How old a webhook may be, in seconds, and how far ahead the clock of its sender.
TOLERANCE = 300


def sign_webhook(body: bytes, secret: str, timestamp: int) -> str:
    """Return the signature of a body that is sent at this moment."""
    signed = str(timestamp).encode() + b"." + body
    return SCHEME + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def verify_webhook(
    body: bytes, headers: Mapping[str, str], secret: str, tolerance: int = TOLERANCE
) -> str:
    """Return the id of a delivery that the holder of the secret has sent just now.

    `body`: the bytes as they came. `headers`: in any case, as `request.headers` of Django.
    `tolerance`: seconds that the time stamp may be away from now. The id is read from the signed
    body. Within the tolerance a copy of a webhook passes too: act on each id once.
    Raises `WebhookNotVerified`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    timestamp = given.get(TIMESTAMP_HEADER.lower(), "")
    if not (timestamp.isascii() and timestamp.isdecimal()):
        raise WebhookNotVerified(_("The webhook has no time stamp."))
    expected = sign_webhook(body, secret, int(timestamp))
    signature = given.get(SIGNATURE_HEADER.lower(), "")
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise WebhookNotVerified(_("The signature of the webhook is wrong."))
    if abs(time.time() - int(timestamp)) > tolerance:
        raise WebhookNotVerified(_("The webhook is too old, or from the future."))
    return _delivery(body)


def _delivery(body: bytes) -> str:
    try:
        delivery = json.loads(body)["delivery"]
    except (ValueError, KeyError, TypeError):
        delivery = None
    if not isinstance(delivery, str):
        raise WebhookNotVerified(_("The body of the webhook names no delivery."))
    return delivery
