"""What is different between a template and its versions, in words."""

from django_workflow_engine.differences.change import Change, ChangeKind
from django_workflow_engine.differences.comparing import difference

__all__ = ["Change", "ChangeKind", "difference"]
