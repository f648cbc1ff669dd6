"""Actions: which functions may be called, when they are due, and how they are run."""

from django_workflow_engine.actions import outbox, runner
from django_workflow_engine.function_paths import check_function_path, workflow_action

__all__ = ["check_function_path", "outbox", "runner", "workflow_action"]
