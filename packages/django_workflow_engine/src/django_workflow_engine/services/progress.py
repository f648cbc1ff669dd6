"""Where an object stands."""

from typing import Any

from django.db import router
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from approval_workflow.querysets import columns_naming
from approval_workflow.statements import Select
from approval_workflow.targets import target_of
from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition, definition_of
from django_workflow_engine.exceptions import NotAttached
from django_workflow_engine.models import Stage, WorkFlow, WorkflowAttachment

# What is read with a run, so that it is known where its object stands.
PLACES = ("workflow", "flow", "current_stage", "current_pipeline", "next_stage", "started_by")


def get_workflow_attachment(obj: Model) -> WorkflowAttachment | None:
    """Return the object's open attachment, else the one that ended last, else None."""
    return _newest_of(obj, WorkflowAttachment.objects.db)


def attachment_to_change(obj: Model) -> WorkflowAttachment | None:
    """As `get_workflow_attachment`, read from the database that is written to."""
    return _newest_of(obj, router.db_for_write(WorkflowAttachment))


def attachment_with_places(key: Any) -> WorkflowAttachment | None:
    """Return a run as it is stored now, with what tells where its object stands."""
    return _by_key.first(router.db_for_write(WorkflowAttachment), key=key)


def _newest_of(obj: Model, using: str) -> WorkflowAttachment | None:
    if obj.pk is None:
        return None
    return _newest.first(using, **columns_naming(obj))


def _of_object(content_type: Any, object_id: Any) -> "QuerySet[WorkflowAttachment]":
    rows = WorkflowAttachment.objects.filter(content_type=content_type, object_id=object_id)
    return rows.newest_first()[:1]


def _with_key(key: Any) -> "QuerySet[WorkflowAttachment]":
    return WorkflowAttachment.objects.filter(pk=key)


_newest = Select(_of_object, *PLACES)
_by_key = Select(_with_key, *PLACES)


def open_attachment(obj: Model) -> WorkflowAttachment:
    """Return the object's open attachment; raise `NotAttached` when it has none."""
    attachment = attachment_to_change(obj)
    if attachment is None or not attachment.is_open:
        raise nothing_runs()
    return attachment


def nothing_runs() -> NotAttached:
    return NotAttached(_("No workflow runs on this object."))


def get_attached_object(attachment: WorkflowAttachment) -> Model:
    """Return the object of this run; raise `NotAttached` where it is gone."""
    obj = target_of(attachment)
    if obj is None:
        raise NotAttached(_("The object is not there any more."), status=attachment.status)
    return obj


def get_current_stage(obj: Model) -> Stage | None:
    """Return the stage that the object is at, or None."""
    attachment = get_workflow_attachment(obj)
    return attachment.current_stage if attachment is not None else None


def get_workflow_progress(workflow: WorkFlow, obj: Model) -> dict[str, Any]:
    """Return how far the object has come in this workflow (the template or the snapshot).

    Keys: `status` (an `AttachmentStatus` value, "not_started" without an attachment),
    `progress_percentage` (completed stages of all, 0 to 100), `completed_stages`, `total_stages`,
    `current_stage`, `current_pipeline` and `next_stage` (English names, or None). Where pipelines,
    or the workflow itself, ask people, what counts as a stage here is one of those.
    """
    attachment = get_workflow_attachment(obj)
    if attachment is None or workflow.pk not in (
        attachment.workflow_id,
        attachment.workflow.cloned_from_id,
    ):
        return _progress(AttachmentStatus.NOT_STARTED.value, 0, 0)
    return attachment_progress(attachment)


def attachment_progress(attachment: WorkflowAttachment) -> dict[str, Any]:
    """Return how far this run has come, be it the object's newest or not.

    Keys as in `get_workflow_progress`.
    """
    definition = definition_of(attachment)
    total = len(definition.places)
    current = definition.current(attachment)
    done = _passed(definition, current, attachment) if current is not None else 0
    if attachment.status == AttachmentStatus.COMPLETED:
        done = total
    return _progress(attachment.status, done, total, attachment)


def _passed(
    definition: WorkflowDefinition, current: PlaceDefinition, attachment: WorkflowAttachment
) -> int:
    """How many places come before this one, or come later and were passed in another version."""
    if current.group:
        return _passed_beside(definition, current.group, attachment)
    position, passed = definition.position(current.id), attachment.passed_places
    later = definition.places[position + 1 :] if passed else ()
    return position + sum(place.template_key in passed for place in later)


def _passed_beside(
    definition: WorkflowDefinition, group: str, attachment: WorkflowAttachment
) -> int:
    """How many places come before a group, or before where the object is in its branches."""
    visits = attachment.stage_runs.filter(left_at=None)
    at = set(visits.values_list(f"{definition.strategy}_id", flat=True))
    branches = definition.groups[group].branches.values()
    before = min(definition.position(place.id) for branch in branches for place in branch)
    return before + sum(
        next((number for number, place in enumerate(branch) if place.id in at), len(branch))
        for branch in branches
    )


def _progress(
    status: str, done: int, total: int, attachment: WorkflowAttachment | None = None
) -> dict[str, Any]:
    return {
        "status": str(status),
        "progress_percentage": done * 100 // total if total else 0,
        "completed_stages": done,
        "total_stages": total,
        "current_stage": _name(attachment and attachment.current_stage),
        "current_pipeline": _name(attachment and attachment.current_pipeline),
        "next_stage": _name(attachment and attachment.next_stage),
    }


def _name(place: Any) -> str | None:
    return str(place.name_en) if place is not None else None
