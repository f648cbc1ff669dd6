"""Assertions about workflows. Each takes the object, and says where it stands."""

from typing import Any

from django.db.models import Model

from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus
from django_workflow_engine.testing.actions import actions_of, told_of
from django_workflow_engine.testing.standing import attachment_of, is_same, told


def assert_stage(obj: Model, stage: Any) -> None:
    """Fail unless the object is at this stage: a name in English or Arabic, a `Stage`, or None.

    A `Stage` may be the template's or the snapshot's.
    """
    if not is_same(attachment_of(obj).current_stage, stage):
        raise AssertionError(f"Expected the stage {stage}.\n{told(obj)}")


def assert_pipeline(obj: Model, pipeline: Any) -> None:
    """Fail unless the object is in this pipeline; as `assert_stage`."""
    if not is_same(attachment_of(obj).current_pipeline, pipeline):
        raise AssertionError(f"Expected the pipeline {pipeline}.\n{told(obj)}")


def assert_workflow_status(obj: Model, status: str) -> None:
    """Fail unless the workflow has this status (an `AttachmentStatus` or its value)."""
    if attachment_of(obj).status != status:
        raise AssertionError(f"Expected the workflow to be {status}.\n{told(obj)}")


def assert_completed(obj: Model) -> None:
    """Fail unless the workflow is completed."""
    assert_workflow_status(obj, AttachmentStatus.COMPLETED.value)


def assert_action_ran(
    obj: Model, function: str, *, event: str | None = None, times: int | None = None
) -> None:
    """Fail unless an action with this function did what it was to do, after `event` if given.

    `function` is the name or path that the action has. `times` is how often, exactly; without it,
    at least once. 0 is never.
    """
    rows = actions_of(obj)
    done = [
        row
        for row in rows
        if row.function_path == function
        and row.status == ExecutionStatus.DONE
        and event in (None, row.action_type)
    ]
    if len(done) != times if times is not None else not done:
        wanted = "at least once" if times is None else f"{times} times"
        after = f" after {event}" if event else ""
        raised = [f"Expected {function} to run {wanted}{after}; it ran {len(done)} times."]
        raise AssertionError("\n".join([*raised, *map(told_of, rows)]))
