"""Celery tasks. This module is importable only where Celery is installed."""

import logging
from uuid import UUID

from celery import shared_task

from django_workflow_engine.actions import runner
from django_workflow_engine.cleanup import cleanup_completed_workflow_attachments
from django_workflow_engine.cleanup.selection import RETENTION_DAYS

logger = logging.getLogger(__name__)

# How the broker is tried: once more, so that a request does not wait for one that is down.
RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}


@shared_task(ignore_result=True)
def run_transition(transition: str, using: str) -> dict[str, int]:
    """Run what is due of one transition."""
    return runner.run_transition(UUID(transition), using)


@shared_task(ignore_result=True)
def run_workflow_actions(limit: int | None = None) -> dict[str, int]:
    """Run all due actions: those that failed or that a crash left over. Schedule it with beat."""
    return runner.run_due(limit)


@shared_task(ignore_result=True)
def cleanup_workflows(
    older_than_days: int = RETENTION_DAYS,
    status: str | list[str] | None = None,
    archive: str | None = None,
) -> dict[str, int]:
    """Delete workflows that ended so many days ago, as the command does. Schedule it with beat.

    `status`: only these (completed, rejected, cancelled). `archive`: a directory.
    """
    return cleanup_completed_workflow_attachments(older_than_days, status, archive=archive)


def send_transition(transition: UUID, using: str) -> None:
    """Have a worker run a transition. Without a broker it waits for `run_workflow_actions`."""
    try:
        run_transition.apply_async((str(transition), using), retry_policy=RETRY_POLICY)
    except run_transition.OperationalError:
        logger.warning(
            "No broker takes the actions of transition %s; run_workflow_actions will run them",
            transition,
            exc_info=True,
        )
