"""Rows of the engine as they are compared."""

from typing import Any

from benchmarks.operations.rows import stored
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

ATTACHMENT = WorkflowAttachment._meta.db_table
VISIT = StageRun._meta.db_table
EXECUTION = ActionExecution._meta.db_table

_ATTACHMENT_FIELDS = (
    *("workflow_id", "snapshot_key", "content_type_id", "status", "is_open", "started_by_id"),
    *("current_stage_id", "current_pipeline_id", "next_stage_id", "metadata", "passed_places"),
)
_VISIT_FIELDS = ("stage_id", "pipeline_id", "round", "outcome")
_EXECUTION_FIELDS = (
    *("action_id", "action_type", "function_path", "execution", "failure_policy"),
    *("position", "status", "attempts", "result"),
)
_MAY_BE_EMPTY = (
    *("started_at", "completed_at", "left_at", "finished_at"),
    *("entered_by_step", "left_by_step"),
)


def stored_run(attachment: WorkflowAttachment) -> list[Any]:
    """What a run has left in the database, that of its flow too, without keys and times."""
    attachment.refresh_from_db()
    rows = [(attachment, _ATTACHMENT_FIELDS)]
    rows += [(visit, _VISIT_FIELDS) for visit in attachment.stage_runs.order_by("pk")]
    executions = list(attachment.executions.order_by("pk"))
    rows += [(row, _EXECUTION_FIELDS) for row in executions]
    found = [(*(getattr(row, name) for name in fields), _filled(row)) for row, fields in rows]
    logs = [[(sorted(entry), entry["outcome"]) for entry in row.log] for row in executions]
    contexts = [sorted(row.context) for row in executions]
    transitions = len({row.transition for row in executions})
    return [*found, logs, contexts, transitions, *stored(attachment.flow_id)]


def _filled(row: Any) -> list[str]:
    """Which of the columns that are empty at first are not."""
    return [name for name in _MAY_BE_EMPTY if getattr(row, name, None) is not None]
