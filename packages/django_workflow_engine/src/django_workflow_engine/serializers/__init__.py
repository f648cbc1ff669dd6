"""Serializers of the engine: templates as trees, decisions on objects, statuses of theirs.

All of them can be saved without a call of `is_valid()`: saving validates and raises the same
`ValidationError`.
"""

from django_workflow_engine.serializers.action import WorkflowActionSerializer
from django_workflow_engine.serializers.approval import WorkflowApprovalSerializer
from django_workflow_engine.serializers.pipeline import PipelineSerializer
from django_workflow_engine.serializers.stage import StageSerializer
from django_workflow_engine.serializers.status import WorkflowStatusSerializer
from django_workflow_engine.serializers.workflow import WorkFlowSerializer

__all__ = [
    "PipelineSerializer",
    "StageSerializer",
    "WorkFlowSerializer",
    "WorkflowActionSerializer",
    "WorkflowApprovalSerializer",
    "WorkflowStatusSerializer",
]
