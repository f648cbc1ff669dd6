"""What an action gets to see: the things as they were fixed when its event happened."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial
from itertools import zip_longest
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet
from django.utils.functional import SimpleLazyObject

from approval_workflow.statements import Select, reads_all_rows
from django_workflow_engine.choices import ActionType, TaskKind
from django_workflow_engine.models import ActionExecution, Pipeline, Stage, WorkflowAttachment

# Names under which functions get an object whose key is stored as "<name>_id".
STAGES = ("stage", "previous_stage", "resubmission_stage")
PIPELINES = ("pipeline", "previous_pipeline", "resubmission_pipeline")
USERS = ("user", "delegated_to")


def load_attachment(row: ActionExecution, using: str) -> WorkflowAttachment:
    """Return the attachment of a due action, a copy of its own in memory."""
    found = _attachments.first(using, key=row.attachment_id)
    if found is None:
        raise WorkflowAttachment.DoesNotExist
    return found


def _by_key(key: Any) -> QuerySet[WorkflowAttachment]:
    return WorkflowAttachment.objects.filter(pk=key)


_attachments = Select(_by_key, "workflow", "workflow__cloned_from")


def build_context(
    row: ActionExecution, attachment: WorkflowAttachment, using: str
) -> dict[str, Any]:
    """Return the context of a due action, and let the attachment stand where the event was.

    Besides what was stored with the action: `attachment`, `workflow`, `event` and `action_type`
    (both the `ActionType`), `user`, `delegated_to`, `stage`, `previous_stage`,
    `resubmission_stage`, `pipeline`, `previous_pipeline`, `resubmission_pipeline` (None where it
    does not apply), `reason`, `stage_complete`, and `idempotency_key`, which stays the same when
    the action is tried again. Stages and pipelines are read when they are looked at.

    `attachment.current_stage` and `attachment.current_pipeline` are those of the event, in memory
    only: to change other fields, save with `update_fields`.
    """
    stored = row.context
    stages = _Named(STAGES, stored, partial(_stages, using))
    pipelines = _Named(PIPELINES, stored, partial(_pipelines, using, stages))
    context = {
        "reason": "",
        "stage_complete": None,
        **stored,
        "attachment": attachment,
        "workflow": attachment.workflow,
        "event": _event(row),
        "action_type": _event(row),
        "idempotency_key": f"{row.transition}:{row.position}",
        **_Named(USERS, stored, partial(_people, using)).objects(),
        **stages.objects_to_be(),
        **pipelines.objects_to_be(),
    }
    if "stage_id" in stored:
        for name in ("stage", "pipeline"):
            setattr(attachment, f"current_{name}_id", stored.get(f"{name}_id"))
            field: Any = WorkflowAttachment._meta.get_field(f"current_{name}")
            field.set_cached_value(attachment, context[name])
    return context


class _Named:
    """The objects that stored keys name, read together."""

    def __init__(
        self,
        names: Sequence[str],
        stored: Mapping[str, Any],
        fetch: Callable[[Collection[Any]], Iterable[Model]],
    ) -> None:
        self._keys = {name: stored.get(f"{name}_id") for name in names}
        self._fetch = fetch

    def objects(self) -> dict[str, Any]:
        """Return the objects by name; None where no key is stored, and for one that is gone."""
        return {name: self._one(key) for name, key in self._keys.items()}

    def objects_to_be(self) -> dict[str, Any]:
        """The same, read when they are looked at: for what is not deleted while a run needs it."""
        return {
            name: None if key is None else SimpleLazyObject(partial(self._one, key))
            for name, key in self._keys.items()
        }

    @cached_property
    def found(self) -> Mapping[str, Model]:
        """The objects that are there, by the text of their key."""
        wanted = {key for key in self._keys.values() if key is not None}
        return {str(obj.pk): obj for obj in self._fetch(wanted)} if wanted else {}

    def _one(self, key: Any) -> Model | None:
        return self.found.get(str(key))


def _stages(using: str, keys: Collection[Any]) -> Iterable[Stage]:
    return _three_stages(using, **dict(zip_longest(("a", "b", "c"), keys)))


def _stages_with_keys(a: Any, b: Any, c: Any) -> QuerySet[Stage]:
    stages: QuerySet[Stage] = Stage._base_manager.filter(Q(pk=a) | Q(pk=b) | Q(pk=c))
    return stages.order_by()


_three_stages = Select(_stages_with_keys, "pipeline")


def _pipelines(using: str, stages: _Named, keys: Collection[Any]) -> Iterable[Model]:
    """Those of the stages, which are read with them, and where there are others, these."""
    found = [stage.pipeline for stage in cast("Iterable[Stage]", stages.found.values())]
    known = {str(pipeline.pk) for pipeline in found}
    others = [key for key in keys if str(key) not in known]
    if others:
        found += Pipeline._base_manager.using(using).filter(pk__in=others)
    return found


def _people(using: str, keys: Collection[Any]) -> Iterable[Model]:
    users = get_user_model()._base_manager
    if len(keys) == 1 and reads_all_rows(users):
        return _person(using, key=next(iter(keys)))
    return users.using(using).filter(pk__in=keys)


@Select
def _person(key: Any) -> QuerySet[Any]:
    return get_user_model()._base_manager.filter(pk=key).order_by()


def _event(row: ActionExecution) -> ActionType | TaskKind:
    is_task = row.action_type in TaskKind.values
    return TaskKind(row.action_type) if is_task else ActionType(row.action_type)
