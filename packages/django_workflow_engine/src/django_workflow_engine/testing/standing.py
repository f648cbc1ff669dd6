"""Where an object stands in its workflow, read anew each time."""

from typing import Any

from django.db.models import Model

from approval_workflow.testing import standing
from django_workflow_engine.models import StageRun, WorkflowAttachment
from django_workflow_engine.services import get_workflow_attachment


def attachment_of(obj: Model) -> WorkflowAttachment:
    """Return the open attachment, else the one that ended last.

    Raises `AssertionError` when there is none.
    """
    attachment = get_workflow_attachment(obj)
    if attachment is None:
        raise AssertionError(f"No workflow was attached to {obj!r}.")
    return attachment


def open_visit(attachment: WorkflowAttachment) -> StageRun | None:
    """Return the visit that has not ended: of a stage, a pipeline or the workflow."""
    return attachment.stage_runs.filter(left_at__isnull=True).last()


def names_of(part: Any) -> set[str]:
    """Return the names that a stage or pipeline is known by; nothing for None."""
    return {name for name in (part.name_en, part.name_ar) if name} if part is not None else set()


def is_same(part: Any, expected: Any) -> bool:
    """Return whether a stage or pipeline of a snapshot is the one expected.

    That is a name in English or Arabic, or the row of the template or the snapshot, or None.
    """
    if part is None or expected is None:
        return part is None and expected is None
    if isinstance(expected, str):
        return expected in names_of(part)
    return expected.pk in (part.pk, part.cloned_from_id)


def told(obj: Model) -> str:
    """Tell in words where the workflow stands, for messages of failed assertions."""
    attachment = attachment_of(obj)
    places = [attachment.current_pipeline, attachment.current_stage]
    place = " / ".join(str(part.name_en) for part in places if part is not None)
    lines = [f"The workflow of {obj!r} is {attachment.status}{f', at {place}' if place else ''}."]
    if attachment.flow is not None:
        lines.append(standing.told(attachment.flow))
    return "\n".join(lines)
