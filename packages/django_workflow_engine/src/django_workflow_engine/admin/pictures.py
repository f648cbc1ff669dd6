"""Pictures of workflows on pages, and as files for other programs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.safestring import mark_safe

from django_workflow_engine.diagrams import bpmn, mermaid, svg
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import WorkFlow, WorkflowAttachment

Subject = WorkFlow | WorkflowAttachment


@dataclass(frozen=True)
class DiagramFile:
    """A format, and how it is told to browsers."""

    draw: Callable[[Subject], str]
    content_type: str
    ending: str


FILES: Mapping[str, DiagramFile] = {
    "svg": DiagramFile(svg, "image/svg+xml", "svg"),
    "bpmn": DiagramFile(bpmn, "application/xml", "bpmn"),
    "mermaid": DiagramFile(mermaid, "text/plain", "mmd"),
}


def picture_of(subject: Subject) -> dict[str, Any]:
    """Return the picture for a page, or what is wrong with the workflow."""
    try:
        drawn = svg(subject)
    except InvalidConfiguration as error:
        return {"picture": "", "problems": dict(error.errors)}
    return {"picture": mark_safe(drawn), "problems": {}}  # noqa: S308 - names are escaped in it


def diagram_file(workflow: WorkFlow, wanted: str) -> HttpResponse:
    """Return the picture as a file."""
    file = FILES[wanted]
    return HttpResponse(
        file.draw(workflow),
        content_type=f"{file.content_type}; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="workflow-{workflow.pk}.{file.ending}"'
        },
    )
