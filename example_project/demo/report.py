"""What the demo prints once the cases have been played, as lines of text."""

from io import StringIO
from typing import Any

from django.core.management import call_command

from demo.mailbox import Notification
from demo.played import PlayedCase
from demo.tables import table
from django_workflow_engine.services import get_workflow_statistics
from purchasing.history import history_of


def timeline_lines(case: PlayedCase) -> list[str]:
    """Return the history of a case: when, who, what, comment."""
    entries = history_of(case.obj)
    if not entries:
        return ["No workflow runs on it, so there is no history."]
    rows = [
        (f"{entry.when:%Y-%m-%d %H:%M:%S}", entry.who or "-", entry.what, entry.comment)
        for entry in entries
    ]
    return table(["When", "Who", "What", "Comment"], rows)


def notification_lines(notifications: list[Notification]) -> list[str]:
    """Return the notifications in the order in which they were sent."""
    return table(["To", "Subject"], [(sent.to, sent.subject) for sent in notifications])


def template_lines() -> list[str]:
    """Return the numbers about the templates."""
    overview = get_workflow_statistics()["overview"]
    rows = [(name.replace("_", " "), str(value)) for name, value in overview.items()]
    return table(["What", "Number"], rows)


def attachment_lines() -> list[str]:
    """Return the numbers about what has run on the templates."""
    return _printed("cleanup_workflows", stats=True)


def clean_up_lines() -> list[str]:
    """Return what a clean-up of everything that has ended would delete; nothing is deleted."""
    return _printed("cleanup_workflows", days=0, dry_run=True)


def _printed(command: str, **options: Any) -> list[str]:
    out = StringIO()
    call_command(command, stdout=out, **options)
    return out.getvalue().splitlines()
