"""Pictures of templates and of runs as answers."""

from collections.abc import Callable, Mapping

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from django_workflow_engine.diagrams import bpmn, mermaid, svg
from django_workflow_engine.models import WorkFlow, WorkflowAttachment

Subject = WorkFlow | WorkflowAttachment
# What can be asked for, with the type of the answer.
PICTURES: Mapping[str, str] = {
    "mermaid": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "bpmn": "application/xml",
}
DRAW: Mapping[str, Callable[[Subject], str]] = {"mermaid": mermaid, "svg": svg, "bpmn": bpmn}
# A picture that is opened by itself runs nothing and loads nothing.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def drawn(subject: Subject, request: Request) -> HttpResponse:
    """Answer with the picture that `?format=` asks for."""
    form = request.query_params.get("format", "mermaid")
    if form not in PICTURES:
        raise ValidationError({"format": [_("Expected 'mermaid', 'svg' or 'bpmn'.")]})
    return HttpResponse(DRAW[form](subject), content_type=PICTURES[form], headers=HEADERS)
