"""Keeping fields of the object in step with its workflow."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model

from django_workflow_engine.services.registration import configuration_of

logger = logging.getLogger("django_workflow_engine")


class TargetFields:
    """What one transition changes on the object: its stage field and its status field."""

    def __init__(self, content_type: ContentType, using: str) -> None:
        self._content_type = content_type
        self._configuration = configuration_of(content_type, using)
        self._stage: tuple[str, str] | None = None
        # When it happened, the field, and the value that it gets.
        self._status: tuple[str, str, str] | None = None

    def stage(self, name: str) -> None:
        """Note the name of the stage that the object is at now."""
        if self._configuration is not None and self._configuration.stage_field:
            self._stage = (self._configuration.stage_field, name)

    def started(self) -> None:
        self._note_status("start", "start_status_value")

    def completed(self) -> None:
        self._note_status("completion", "completion_status_value")

    def rejected(self) -> None:
        self._note_status("rejection", "rejection_status_value")

    @property
    def wanted(self) -> bool:
        """Whether there is something to write to the object."""
        return self._stage is not None or self._status is not None

    def apply(self, target: Model | None) -> None:
        """Write what was noted to the object, in one update of only these fields."""
        if target is None:
            return
        changed = self._apply_stage(target) + self._apply_status(target)
        if changed:
            target.save(update_fields=changed)

    def _note_status(self, when: str, attribute: str) -> None:
        configuration = self._configuration
        if configuration is None or not configuration.status_field:
            name = getattr(self._content_type.model_class(), "__name__", self._content_type.model)
            logger.debug("No status_field configured for %s, skipping status update", name)
        elif getattr(configuration, attribute):
            self._status = (when, configuration.status_field, getattr(configuration, attribute))

    def _apply_stage(self, target: Model) -> list[str]:
        if self._stage is None:
            return []
        field, name = self._stage
        if not _has_field(target, field):
            logger.warning(
                "Model %s does not have field '%s', cannot update stage",
                type(target).__name__,
                field,
            )
            return []
        setattr(target, field, name)
        return [field]

    def _apply_status(self, target: Model) -> list[str]:
        if self._status is None:
            return []
        when, field, value = self._status
        name = type(target).__name__
        if not _has_field(target, field):
            logger.warning(
                "Model %s does not have field '%s', cannot update status on %s", name, field, when
            )
            return []
        old = getattr(target, field)
        setattr(target, field, value)
        if old != value:
            logger.info(
                "Updated %s(%s).%s from '%s' to '%s' on workflow %s",
                name,
                target.pk,
                field,
                old,
                value,
                when,
            )
        # Written even where the object in memory has it: the stored one may not.
        return [field]


def _has_field(target: Model, name: str) -> bool:
    try:
        return bool(getattr(target._meta.get_field(name), "concrete", False))
    except FieldDoesNotExist:
        return False


@contextmanager
def as_before_on_error(obj: Model) -> Iterator[None]:
    """Give the caller's object its old values back when the transaction that changed it fails."""
    before = dict(obj.__dict__)
    try:
        yield
    except BaseException:
        obj.__dict__.clear()
        obj.__dict__.update(before)
        raise
