"""Functions for WORKFLOW_SEND_EMAIL_FUNCTION."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sent:
    name: str
    email: str
    subject: str
    context: dict[str, Any]
    user: Any


# What `send_email` was called with; the tests that look at it empty it.
sent: list[Sent] = []


def send_email(name, email, subject, context, user=None):
    """Remember the message; refuse or fail where the address says so."""
    if email.startswith("raise"):
        raise ConnectionError("no route to the mail service")
    if email.startswith("false"):
        return False
    sent.append(Sent(name, email, subject, context, user))
    return None
