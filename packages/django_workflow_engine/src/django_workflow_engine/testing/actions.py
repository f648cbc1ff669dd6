"""Having actions run in tests, and looking at what they did."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.core import mail
from django.db import router
from django.db.models import Max, Model
from django.test import TestCase, override_settings

from django_workflow_engine.actions import outbox
from django_workflow_engine.choices import ActionExecutionMode, ExecutionStatus
from django_workflow_engine.conf import SETTING
from django_workflow_engine.models import ActionExecution
from django_workflow_engine.testing.standing import attachment_of

# What stands in for a worker: the same function that the Celery task calls.
AS_A_WORKER = {ActionExecutionMode.CELERY: "django_workflow_engine.actions.runner.run_transition"}


@dataclass
class RanActions:
    """What `actions_run` ran; empty until its block has ended."""

    # In the order in which they became due, with what became of them.
    rows: list[ActionExecution] = field(default_factory=list)
    # The messages in `mail.outbox` that were sent meanwhile.
    emails: list[Any] = field(default_factory=list)

    @property
    def functions(self) -> list[str]:
        """The names or paths of the functions that did what they were to do."""
        return [row.function_path for row in self.rows if row.status == ExecutionStatus.DONE]

    @property
    def failures(self) -> list[ActionExecution]:
        """The rows whose function failed, to be tried again or for good."""
        failed = (ExecutionStatus.FAILED, ExecutionStatus.DEAD)
        return [row for row in self.rows if row.status in failed]


@contextmanager
def actions_run(*, allow_failures: bool = False) -> Iterator[RanActions]:
    """Run the actions that become due in the block at its end, as if it had been committed.

    Whatever else waits for the commit (signals, `on_commit`) runs too. Actions for Celery run here,
    in the same order; no broker is asked. In a test that really commits, actions in the process
    run at their commit.

    Raises `AssertionError` when an action failed, unless `allow_failures`.
    """
    using = router.db_for_write(ActionExecution)
    rows = ActionExecution.objects.using(using)
    last = rows.aggregate(last=Max("pk"))["last"] or 0
    ran, sent = RanActions(), len(_outbox())
    with (
        patch.dict(outbox.RUNNERS, AS_A_WORKER),
        TestCase.captureOnCommitCallbacks(using=using, execute=True),
    ):
        yield ran
    ran.rows = list(rows.filter(pk__gt=last).order_by("pk"))
    ran.emails = _outbox()[sent:]
    if ran.failures and not allow_failures:
        raise AssertionError("\n".join(["Actions failed.", *map(told_of, ran.failures)]))


def engine_settings(**keys: Any) -> override_settings:
    """Change single keys of `DJANGO_WORKFLOW_ENGINE`: as a decorator or a context manager.

    The other keys stay as they are when this is called.
    """
    changed = {**(getattr(settings, SETTING, None) or {}), **keys}
    return override_settings(**{SETTING: changed})


def inline_actions() -> override_settings:
    """Run actions at once, inside the transaction: as a decorator or a context manager.

    Actions that say themselves where they run are not reached.
    """
    return engine_settings(ACTION_EXECUTION=ActionExecutionMode.INLINE.value)


def actions_of(obj: Model) -> list[ActionExecution]:
    """Return the actions of the object's workflow in the order in which they became due."""
    return list(attachment_of(obj).executions.order_by("pk"))


def told_of(row: ActionExecution) -> str:
    """Tell in words what became of an action, for messages of failed assertions."""
    error = row.error.partition("\n")[0]
    told = f"{row.action_type}: {row.function_path} is {row.status}"
    return f"{told} ({error})." if error else f"{told}."


def _outbox() -> list[Any]:
    return list(getattr(mail, "outbox", []))
