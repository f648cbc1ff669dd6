"""What the outbox tells: a job or a timer is done, so that its visit is."""

from typing import Any

from django_workflow_engine.exceptions import NotAttached
from django_workflow_engine.services._going_on import visit_done


def on_task_done(execution: Any, **_kwargs: Any) -> None:
    """Move the object on, in the transaction in which the task is marked as done."""
    if execution.visit_id is None:
        return
    try:
        visit_done(execution.attachment_id, execution.visit_id)
    except NotAttached:
        return  # cancelled meanwhile
