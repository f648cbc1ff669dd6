"""What is done in the background."""

import os
from pathlib import Path
from typing import Any

from django.utils import timezone

from django_workflow_engine.models import WorkflowAttachment


def send_hello(
    workflow_attachment: WorkflowAttachment, _parameters: dict[str, Any], **_context: Any
) -> dict[str, int]:
    """Send the greeting to the world; sending it again does no harm."""
    request = workflow_attachment.target
    Path(os.devnull).write_text(request.text, "utf-8")
    request.sent_at = timezone.now()
    request.save(update_fields=["sent_at"])
    return {"characters": len(request.text)}
