"""The root of a template, and of the snapshots taken from it."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.authorship import current_author_id
from django_workflow_engine.choices import WorkflowStatus, WorkflowStrategy
from django_workflow_engine.models.base import BilingualName, ConfiguredPart
from django_workflow_engine.querysets import WorkFlowQuerySet, refuse_snapshot
from django_workflow_engine.schemas import validate_approvals_info

# Columns that others write while this row is edited.
REREAD = ("revision", "key", "version")


class WorkFlow(BilingualName, ConfiguredPart):
    """A template that people edit; or a snapshot of one (`is_hidden`), which objects run on."""

    # Names a template in settings and files; snapshots have none (NULLs are distinct).
    slug = models.SlugField(
        _("slug"), max_length=200, unique=True, null=True, blank=True, allow_unicode=True
    )
    # The user that stands for the company whose template this is.
    company = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="workflow_company",
        verbose_name=_("company"),
    )
    status = models.CharField(
        _("status"),
        max_length=20,
        choices=WorkflowStatus.choices,
        default=WorkflowStatus.ACTIVE,
    )
    is_active = models.BooleanField(_("active"), default=True)
    strategy = models.CharField(
        _("where people are asked"),
        max_length=20,
        choices=WorkflowStrategy.choices,
        default=WorkflowStrategy.STAGE,
    )
    # {"approvals": [...]} where the workflow itself asks people; see `schemas`.
    workflow_info = models.JSONField(_("configuration"), default=dict, blank=True)
    # Whether starting, viewing and deciding here take permissions of their own, which then exist.
    creates_permissions = models.BooleanField(_("permissions of its own"), default=False)
    cloned_from = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="snapshots",
        db_index=False,  # the unique constraints below begin with it
        editable=False,
        verbose_name=_("cloned from"),
    )
    is_hidden = models.BooleanField(_("snapshot"), default=False, editable=False)
    # Of a template: grows with every change. Of a snapshot: the template's when it was taken.
    revision = models.PositiveIntegerField(_("revision"), default=1, editable=False)
    # Of a snapshot: 1 for the first that was taken of its template, and so on.
    version = models.PositiveIntegerField(_("version"), null=True, blank=True, editable=False)
    # Who changed the template last, NULL where that is not known; of a snapshot: before it was
    # taken.
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
        verbose_name=_("changed by"),
    )
    # Tells this row from one that gets the same key after a rollback.
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    configuration_fields = ("workflow_info",)
    # Whether it had permissions of its own before it was saved.
    had_permissions = False

    objects = WorkFlowQuerySet.as_manager()

    class Meta:
        verbose_name = _("workflow")
        verbose_name_plural = _("workflows")
        # Also what related managers write through.
        base_manager_name = "objects"
        ordering = ["name_en", "pk"]
        permissions = [
            ("start_workflow", _("Can start workflows")),
            ("approve_workflow", _("Can decide in workflows")),
        ]
        constraints = [
            # One snapshot of each revision; templates are cloned from nothing.
            models.UniqueConstraint(
                fields=["cloned_from", "revision"], name="workflow_one_snapshot_per_revision"
            ),
            models.UniqueConstraint(
                fields=["cloned_from", "version"], name="workflow_one_snapshot_per_version"
            ),
        ]

    def __getitem__(self, name: str) -> Any:
        """Return an attribute by name.

        The documented result of `WorkFlowSerializer.save()` is used both as an object and as
        `result["id"]`; this is all that the second needs.
        """
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def check_configuration(self) -> None:
        self.workflow_info = validate_approvals_info(self.workflow_info)

    def template_id(self) -> Any:
        return self.pk

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new template without a slug gets one from its English name."""
        if self.slug is None and not self.is_hidden:
            self.slug = self._free_slug()
        super().save(*args, **kwargs)

    def template_touched(self, using: str) -> None:
        self.note_author()
        # Written with the other columns: what is known here may be of an older revision.
        stored = type(self)._base_manager.using(using).filter(pk=self.pk)
        for creates_permissions, *values in stored.values_list("creates_permissions", *REREAD):
            self.had_permissions = creates_permissions
            self.__dict__.update(zip(REREAD, values, strict=True))

    def note_author(self) -> None:
        """Name who is writing this template; raise `SnapshotIsImmutable` for a snapshot."""
        if self.is_hidden:
            raise refuse_snapshot()
        self.changed_by_id = current_author_id()

    def _free_slug(self) -> str:
        base = slugify(self.name_en, allow_unicode=True)[:180] or "workflow"
        taken = set(
            type(self)
            ._base_manager.filter(slug__startswith=base)
            .exclude(pk=self.pk)
            .values_list("slug", flat=True)
        )
        candidates = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
        return next(slug for slug in candidates if slug not in taken)
