"""The engine's pages in the admin, one module a model."""

from django_workflow_engine.admin.attachment import WorkflowAttachmentAdmin
from django_workflow_engine.admin.configuration import WorkflowConfigurationAdmin
from django_workflow_engine.admin.execution import ActionExecutionAdmin
from django_workflow_engine.admin.parts import PipelineAdmin, StageAdmin
from django_workflow_engine.admin.workflow import WorkFlowAdmin
from django_workflow_engine.admin.workflow_action import WorkflowActionAdmin

__all__ = [
    "ActionExecutionAdmin",
    "PipelineAdmin",
    "StageAdmin",
    "WorkFlowAdmin",
    "WorkflowActionAdmin",
    "WorkflowAttachmentAdmin",
    "WorkflowConfigurationAdmin",
]
