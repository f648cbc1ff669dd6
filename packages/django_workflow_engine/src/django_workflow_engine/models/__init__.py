"""The tables of the engine."""

from django_workflow_engine.models.action import WorkflowAction
from django_workflow_engine.models.attachment import StageRun, WorkflowAttachment
from django_workflow_engine.models.configuration import WorkflowConfiguration
from django_workflow_engine.models.execution import ActionExecution
from django_workflow_engine.models.permission import WorkflowPermission
from django_workflow_engine.models.pipeline import Pipeline
from django_workflow_engine.models.stage import Stage
from django_workflow_engine.models.workflow import WorkFlow

__all__ = [
    "ActionExecution",
    "Pipeline",
    "Stage",
    "StageRun",
    "WorkFlow",
    "WorkflowAction",
    "WorkflowAttachment",
    "WorkflowConfiguration",
    "WorkflowPermission",
]
