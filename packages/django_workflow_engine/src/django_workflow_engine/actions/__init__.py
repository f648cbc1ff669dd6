"""Actions: which functions may be called, when they are due, and how they are run."""

from django_workflow_engine.action_parameters import action_parameters
from django_workflow_engine.actions import outbox, runner
from django_workflow_engine.function_paths import check_function_path, workflow_action

__all__ = ["action_parameters", "check_function_path", "outbox", "runner", "workflow_action"]
