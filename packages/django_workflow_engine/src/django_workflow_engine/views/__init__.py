"""The REST API, and what a project's own view sets can have of the engine.

`WorkflowMixin` needs Django REST framework alone. The end points need the extra `[api]`; that is
why they are loaded when they are asked for.
"""

from typing import Any

from django.utils.module_loading import import_string

from django_workflow_engine.views.mixin import WORKFLOW_ACTIONS, WorkflowMixin, workflow_status

# The end points, by the module that they are in.
END_POINTS = {
    "ExecutionViewSet": "executions",
    "WorkFlowViewSet": "workflows",
    "WorkflowAttachmentViewSet": "attachments",
}

__all__ = ["WORKFLOW_ACTIONS", "WorkflowMixin", "workflow_status"]


def __getattr__(name: str) -> Any:
    if name in END_POINTS:
        return import_string(f"{__name__}.{END_POINTS[name]}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
