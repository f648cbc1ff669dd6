"""The one screen on which a whole workflow is built.

A workflow's form holds formsets of pipelines and actions, a pipeline's of stages and actions, a
stage's of approvals and actions, an action's of parameters: each level is a form whose children are
formsets (`nesting`). All of it is checked and saved together.
"""

from django_workflow_engine.admin.builder.actions import ActionForm
from django_workflow_engine.admin.builder.outline import outline_of
from django_workflow_engine.admin.builder.packing import unpack
from django_workflow_engine.admin.builder.vocabulary import Vocabulary
from django_workflow_engine.admin.builder.workflow import WorkFlowForm

__all__ = ["ActionForm", "Vocabulary", "WorkFlowForm", "outline_of", "unpack"]
