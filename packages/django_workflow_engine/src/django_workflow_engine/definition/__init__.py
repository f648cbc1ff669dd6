"""A workflow compiled to frozen values: order of places, approvals, effective actions.

A snapshot cannot change, so it is compiled once in a process and moving on reads no row of it.
"""

from django_workflow_engine.definition.compiling import (
    FIELD_OF_KEY,
    INFO_OF,
    NO_PIPELINES_WANTED,
    NO_STAGES_WANTED,
    NOT_ASKED_FOR,
    compile_definition,
    definition_of,
)
from django_workflow_engine.definition.completeness import completeness_errors, is_complete
from django_workflow_engine.definition.parts import (
    DEFAULT_LEVEL,
    NO_APPROVALS,
    PERMISSION_KEY,
    WORKFLOW_LEVEL,
    ActionDefinition,
    ApprovalDefinition,
    GroupDefinition,
    JobDefinition,
    Level,
    PipelineDefinition,
    PlaceDefinition,
    RouteDefinition,
    StatusDefinition,
    TimerDefinition,
)
from django_workflow_engine.definition.workflow import WorkflowDefinition

__all__ = [
    "DEFAULT_LEVEL",
    "FIELD_OF_KEY",
    "INFO_OF",
    "NOT_ASKED_FOR",
    "NO_APPROVALS",
    "NO_PIPELINES_WANTED",
    "NO_STAGES_WANTED",
    "PERMISSION_KEY",
    "WORKFLOW_LEVEL",
    "ActionDefinition",
    "ApprovalDefinition",
    "GroupDefinition",
    "JobDefinition",
    "Level",
    "PipelineDefinition",
    "PlaceDefinition",
    "RouteDefinition",
    "StatusDefinition",
    "TimerDefinition",
    "WorkflowDefinition",
    "compile_definition",
    "completeness_errors",
    "definition_of",
    "is_complete",
]
