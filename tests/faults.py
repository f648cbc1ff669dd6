"""Raising between two writes, and looking whether everything is as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection

WRITES = ("INSERT", "UPDATE", "DELETE")
APPS = ("approval_workflow", "django_workflow_engine", "purchasing", "testapp")


class Fault(Exception):
    """What the test raises; nothing catches it."""


@contextmanager
def failing_at_write(number: int) -> Iterator[None]:
    """Raise `Fault` instead of running the n-th statement that writes, counted from 1."""
    seen = 0

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        if sql.lstrip().upper().startswith(WRITES):
            seen += 1
            if seen == number:
                raise Fault(f"write {number}: {sql[:80]}")
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield


def count_writes(action: Callable[[], Any]) -> int:
    """Run the action and return how many statements it wrote."""
    seen = 0

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        seen += sql.lstrip().upper().startswith(WRITES)
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        action()
    return seen


def dump() -> dict[str, list[dict[str, Any]]]:
    """Return every row of the packages and of the objects that they work on."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for label in APPS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    }
