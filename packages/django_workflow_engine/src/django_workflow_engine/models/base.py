"""What workflows, pipelines, stages and actions have in common."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, models, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.querysets import touch_templates


class TemplatePart(models.Model):
    """A row of a template or of a snapshot: saving it makes a new version, or is refused."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save as a new revision of the template; raise `SnapshotIsImmutable` in a snapshot."""
        using = kwargs.get("using") or self._state.db or DEFAULT_DB_ALIAS
        with transaction.atomic(using=using):
            touch_templates({self.template_id(), *self._stored_template_ids(using)}, using)
            self.template_touched(using)
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete, which is a new revision; raise `SnapshotIsImmutable` in a snapshot."""
        using = kwargs.get("using") or self._state.db or DEFAULT_DB_ALIAS
        with transaction.atomic(using=using):
            touch_templates(self._stored_template_ids(using), using)
            return super().delete(*args, **kwargs)

    def template_id(self) -> Any:
        """Return the key of the workflow that this row is part of."""
        raise NotImplementedError

    def template_touched(self, using: str) -> None:
        """Hook: the stored revision has been raised, and this row is about to be written."""

    def _stored_template_ids(self, using: str) -> set[Any]:
        """The workflow that the stored row belongs to, which may not be the one it moves to."""
        if self.pk is None:
            return set()
        rows: Any = type(self)._base_manager.using(using).filter(pk=self.pk)
        return set(rows.workflow_ids())


class ConfiguredPart(TemplatePart):
    """A template part with configuration in JSON, which is judged when it changes."""

    # The fields of the configuration; errors that name none of them are shown at the first.
    configuration_fields: ClassVar[tuple[str, ...]]

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; raise `InvalidConfiguration` for a new configuration that cannot be stored.

        One that is stored already is not judged again: a role that it names may be gone.
        """
        update_fields = kwargs.get("update_fields")
        if update_fields is None or set(self.configuration_fields) & set(update_fields):
            using = kwargs.get("using") or self._state.db or DEFAULT_DB_ALIAS
            configuration = self._configuration()
            is_empty = all(value == {} for value in configuration)
            if not is_empty and configuration != self._stored_configuration(using):
                self.check_configuration()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        try:
            self.check_configuration()
        except InvalidConfiguration as error:
            raise ValidationError(self._by_field(error)) from error

    def check_configuration(self) -> None:
        """Bring the configuration into the form in which it is stored.

        Raises `InvalidConfiguration` for one that cannot be stored.
        """
        raise NotImplementedError

    def _configuration(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.configuration_fields)

    def _stored_configuration(self, using: str) -> Any:
        if self.pk is None:
            return None
        rows = type(self)._base_manager.using(using).filter(pk=self.pk)
        return rows.values_list(*self.configuration_fields).first()

    def _by_field(self, error: InvalidConfiguration) -> dict[str, list[str]]:
        first, *_others = self.configuration_fields
        messages: dict[str, list[str]] = {}
        for path, message in error.errors.items():
            field = path.split(".")[0]
            if field not in self.configuration_fields:
                field = first
            messages.setdefault(field, []).append(f"{path}: {message}")
        return messages


class BilingualName(models.Model):
    """A name in English and in Arabic; the Arabic one may be left out."""

    name_en = models.CharField(_("name (English)"), max_length=200)
    name_ar = models.CharField(_("name (Arabic)"), max_length=200, blank=True, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name in the language that is active."""
        arabic = (get_language() or "").startswith("ar")
        return self.name_ar if arabic and self.name_ar else self.name_en
