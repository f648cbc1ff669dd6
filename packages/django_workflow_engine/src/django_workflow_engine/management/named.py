"""What the arguments of commands name."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from django_workflow_engine.models import WorkFlow


def template_named(slug: str) -> WorkFlow:
    """Return the template with this slug; raise `CommandError`."""
    template = WorkFlow.objects.templates().filter(slug=slug).first()
    if template is None:
        raise CommandError(f"There is no workflow {slug!r}.")
    return template


def user_named(username: str) -> Any:
    """Return the person with this user name; raise `CommandError`."""
    users = get_user_model()._default_manager
    try:
        return users.get_by_natural_key(username)
    except get_user_model().DoesNotExist as error:
        raise CommandError(f"There is no user {username!r}.") from error
