"""Celery tasks; this module needs the extra [celery]."""

from celery import shared_task

from approval_workflow.services import process_deadlines


@shared_task(name="approval_workflow.process_approval_deadlines", ignore_result=True)
def process_approval_deadlines(limit: int | None = None) -> dict[str, int]:
    """Do what the command of the same name does; several at a time are safe."""
    result = process_deadlines(limit=limit)
    return {
        "reminded": result.reminded,
        "timed_out": result.timed_out,
        "failed": result.failed,
    }
