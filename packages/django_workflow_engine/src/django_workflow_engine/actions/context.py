"""What an action gets to see: the things as they were fixed when its event happened."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model

from django_workflow_engine.choices import ActionType, TaskKind
from django_workflow_engine.models import ActionExecution, Pipeline, Stage, WorkflowAttachment

# Names under which functions get an object whose key is stored as "<name>_id".
STAGES = ("stage", "previous_stage", "resubmission_stage")
PIPELINES = ("pipeline", "previous_pipeline", "resubmission_pipeline")
USERS = ("user", "delegated_to")


def load_attachment(row: ActionExecution, using: str) -> WorkflowAttachment:
    """Return the attachment of a due action, a copy of its own in memory."""
    return (
        WorkflowAttachment.objects.using(using)
        .select_related("workflow__cloned_from", "started_by", "flow")
        .get(pk=row.attachment_id)
    )


def build_context(
    row: ActionExecution, attachment: WorkflowAttachment, using: str
) -> dict[str, Any]:
    """Return the context of a due action, and let the attachment stand where the event was.

    Besides what was stored with the action: `attachment`, `workflow`, `event` and `action_type`
    (both the `ActionType`), `user`, `delegated_to`, `stage`, `previous_stage`,
    `resubmission_stage`, `pipeline`, `previous_pipeline`, `resubmission_pipeline` (None where it
    does not apply), `reason`, `stage_complete`, and `idempotency_key`, which stays the same when
    the action is tried again.

    `attachment.current_stage` and `attachment.current_pipeline` are those of the event, in memory
    only: to change other fields, save with `update_fields`.
    """
    stored = row.context
    context = {
        "reason": "",
        "stage_complete": None,
        **stored,
        "attachment": attachment,
        "workflow": attachment.workflow,
        "event": _event(row),
        "action_type": _event(row),
        "idempotency_key": f"{row.transition}:{row.position}",
        **_objects(get_user_model(), USERS, stored, using),
        **_objects(Stage, STAGES, stored, using, "pipeline"),
        **_objects(Pipeline, PIPELINES, stored, using),
    }
    if "stage_id" in stored:
        attachment.current_stage = context["stage"]
        attachment.current_pipeline = context["pipeline"]
    return context


def _objects(
    model: type[Model],
    names: Iterable[str],
    stored: Mapping[str, Any],
    using: str,
    *related: str,
) -> dict[str, Any]:
    """Fetch the objects named by stored keys, in one statement; None for what is not there."""
    keys = {name: stored.get(f"{name}_id") for name in names}
    wanted = {key for key in keys.values() if key is not None}
    objects = model._base_manager.using(using)
    if related:
        objects = objects.select_related(*related)
    found = {str(obj.pk): obj for obj in objects.filter(pk__in=wanted)} if wanted else {}
    return {name: found.get(str(key)) for name, key in keys.items()}


def _event(row: ActionExecution) -> ActionType | TaskKind:
    is_task = row.action_type in TaskKind.values
    return TaskKind(row.action_type) if is_task else ActionType(row.action_type)
