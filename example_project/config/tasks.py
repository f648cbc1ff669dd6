"""Scheduled tasks of the example project."""

from celery import shared_task
from django.core.management import call_command

RETENTION_DAYS = 30


@shared_task
def clean_up_old_workflows() -> None:
    """Delete workflows that ended more than 30 days ago."""
    call_command("cleanup_workflows", days=RETENTION_DAYS)
