"""Pictures of a workflow, and of where an object is in it.

    mermaid(workflow)       text that Markdown renderers draw
    svg(attachment)         a picture without JavaScript, the way of the object marked
    bpmn(workflow)          BPMN 2.0 XML with its layout, for modelling tools

Each takes a workflow (a template or a version), as it is stored, or an attachment.
"""

from django_workflow_engine.diagrams.bpmn import bpmn
from django_workflow_engine.diagrams.mermaid import mermaid
from django_workflow_engine.diagrams.svg import svg

__all__ = ["bpmn", "mermaid", "svg"]
