"""What workflows, pipelines, stages and actions have in common."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, models, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

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
