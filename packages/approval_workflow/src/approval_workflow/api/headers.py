"""The two headers that make acting over a network safe, and the ETag that goes with them."""

import re
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from approval_workflow.models import ApprovalFlow

# Visible ASCII. Short enough that bulk requests can make a key of it for each item.
IDEMPOTENCY_KEY_PATTERN = re.compile(r"^[!-~]{1,150}$")
# One ETag of a flow, as clients should send it; the quotes are sometimes lost on the way.
ETAG_PATTERN = r'^("[0-9]{1,19}"|[0-9]{1,19})$'
# What is taken besides: several, `*`, and the mark of weakness.
TAG = r'(?:(?:W/)?"[0-9]{1,19}"|[0-9]{1,19})'
IF_MATCH_PATTERN = re.compile(rf"\*|{TAG}(?:, ?{TAG})*")
VERSION = re.compile(r"[0-9]+")


def etag(flow: ApprovalFlow) -> str:
    """Return the flow's version as an ETag."""
    return f'"{flow.version}"'


def idempotency_key(request: Request) -> str | None:
    """Return what the header `Idempotency-Key` says, or None; 400 for what is no key."""
    return _header(
        request,
        "Idempotency-Key",
        IDEMPOTENCY_KEY_PATTERN,
        _("Expected 1 to 150 visible ASCII characters."),
    )


def expected_version(request: Request, flow: ApprovalFlow) -> int | None:
    """Return the version that `If-Match` asks for, or None; 400 for what is no ETag of a flow.

    Of several, the flow's own is taken. A mark of weakness is passed over: proxies that compress
    put it before ETags that they hand on.
    """
    given = _header(
        request,
        "If-Match",
        IF_MATCH_PATTERN,
        _('Expected the ETag of a flow, as "7", or *.'),
    )
    if given is None or given == "*":
        return None
    versions = [int(version) for version in VERSION.findall(given)]
    return flow.version if flow.version in versions else versions[0]


def _header(request: Request, name: str, pattern: "re.Pattern[str]", expected: Any) -> str | None:
    given: str | None = request.headers.get(name)
    if given is not None and not pattern.fullmatch(given):
        raise ValidationError({name: [expected]})
    return given
