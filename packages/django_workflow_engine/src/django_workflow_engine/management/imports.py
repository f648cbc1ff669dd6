"""What the commands that import workflows have in common."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from django_workflow_engine.files import ImportedWorkflow


def what_was_done(imported: Iterable[ImportedWorkflow]) -> Iterator[str]:
    """Yield lines that tell what an import did with each workflow."""
    for workflow in imported:
        if workflow.created:
            yield f"{workflow.slug}: new"
            continue
        yield f"{workflow.slug}: {'changed' if workflow.changes else 'unchanged'}"
        yield from (f"  {change}" for change in workflow.changes)


def user_named(username: str | None) -> Any:
    """Return who is to be noted for the changes; raise `CommandError` for a name of nobody."""
    if username is None:
        return None
    try:
        return get_user_model()._default_manager.get_by_natural_key(username)
    except get_user_model().DoesNotExist as error:
        raise CommandError(f"There is no user {username!r}.") from error
