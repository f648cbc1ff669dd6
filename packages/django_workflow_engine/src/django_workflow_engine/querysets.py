"""The vocabulary of look-ups, and the guard that keeps templates and snapshots apart.

Templates are what people edit; a snapshot is the copy that objects run on. Every change of a
template made through the ORM raises its revision, so that the next attachment takes a new snapshot;
a change of a snapshot is refused.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar

from django.apps import apps
from django.db import models, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from approval_workflow.querysets import columns_naming
from approval_workflow.visibility import visible_flows
from django_workflow_engine.authorship import current_author_id
from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus, PermissionVerb
from django_workflow_engine.exceptions import SnapshotIsImmutable
from django_workflow_engine.signals import templates_created

M = TypeVar("M", bound=models.Model)

# What tells templates and versions apart, and one version from another: written here and in
# `versions` alone.
BOOKKEEPING = frozenset({"is_hidden", "key", "revision", "version"})
# References that become NULL, in snapshots too, when what they point at is deleted.
LOOSE_REFERENCES = frozenset({"changed_by", "cloned_from", "company", "department_content_type"})


def refuse_snapshot() -> SnapshotIsImmutable:
    return SnapshotIsImmutable(
        _("This belongs to a version that objects run on; change the template instead.")
    )


def touch_templates(workflow_ids: Iterable[Any], using: str, *, refuse: bool = True) -> None:
    """Raise the revision of these templates; raise `SnapshotIsImmutable` if one is a snapshot.

    The revision is raised before the change itself is written, which also locks the template. The
    key is new each time: a revision that was rolled back comes again with other content. Who makes
    the change is what `authorship` knows. With `refuse=False` snapshots are passed over.
    """
    keys = sorted({key for key in workflow_ids if key is not None})
    if not keys:
        return
    workflows: models.QuerySet[Any] = models.QuerySet(
        apps.get_model("django_workflow_engine", "WorkFlow"), using=using
    ).filter(pk__in=keys)
    templates = workflows.filter(is_hidden=False).update(
        revision=F("revision") + 1, key=uuid.uuid4(), changed_by=current_author_id()
    )
    if refuse and templates != len(keys) and workflows.filter(is_hidden=True).exists():
        raise refuse_snapshot()


class TemplatePartQuerySet(models.QuerySet[M]):
    """Rows that make up a template: writing them in bulk raises the template's revision."""

    # Look-up from the row to its workflow's key; action rows have one per level.
    workflow_paths: Sequence[str] = ()

    def update(self, **kwargs: Any) -> int:
        with transaction.atomic(using=self.db):
            refuse = not all(
                value is None and name in LOOSE_REFERENCES for name, value in kwargs.items()
            )
            touch_templates(self.workflow_ids(), self.db, refuse=refuse)
            touch_templates(self._templates_of_parents(kwargs), self.db)
            return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic(using=self.db):
            touch_templates(self.workflow_ids(), self.db)
            return super().delete()

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        objs = list(objs)
        with transaction.atomic(using=self.db):
            self._touch_objects(objs)
            return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(
        self, objs: Iterable[M], fields: Iterable[str], *args: Any, **kwargs: Any
    ) -> int:
        objs = list(objs)
        with transaction.atomic(using=self.db):
            self._touch_objects(objs)
            return super().bulk_update(objs, fields, *args, **kwargs)

    def workflow_ids(self) -> set[Any]:
        """Return the keys of the workflows that these rows are part of."""
        found = self.order_by().values_list(*self.workflow_paths)
        return {key for keys in found for key in keys}

    def _touch_objects(self, objs: Iterable[Any]) -> None:
        """Touch the templates that the objects go to and those that they are taken from."""
        rows: Any = self.model._base_manager.using(self.db)
        stored = rows.filter(pk__in=[obj.pk for obj in objs if obj.pk is not None])
        goals = {obj.template_id() for obj in objs}
        touch_templates(goals | stored.workflow_ids(), self.db)

    def _templates_of_parents(self, changes: dict[str, Any]) -> set[Any]:
        """The templates of the rows that an update moves its rows to."""
        keys: set[Any] = set()
        for name, value in changes.items():
            parent: Any = self.model._meta.get_field(name).related_model
            if value is not None and hasattr(parent, "template_id"):
                rows = parent._base_manager.using(self.db).filter(pk=getattr(value, "pk", value))
                keys |= rows.workflow_ids()
        return keys


class PipelineQuerySet(TemplatePartQuerySet[M]):
    workflow_paths = ("workflow_id",)


class StageQuerySet(TemplatePartQuerySet[M]):
    workflow_paths = ("pipeline__workflow_id",)


class WorkflowActionQuerySet(TemplatePartQuerySet[M]):
    workflow_paths = ("workflow_id", "pipeline__workflow_id", "stage__pipeline__workflow_id")

    def active(self) -> Self:
        return self.filter(is_active=True)


class WorkFlowQuerySet(TemplatePartQuerySet[M]):
    """Workflows: templates that people edit, and the snapshots that objects run on."""

    workflow_paths = ("pk",)

    def templates(self) -> Self:
        return self.filter(is_hidden=False)

    def snapshots(self) -> Self:
        return self.filter(is_hidden=True)

    def visible_to(self, user: Any) -> Self:
        """What a person may see.

        All with the view permission; else those of their company, and those for which they have
        the permission that the template has made.
        """
        if not _is_somebody(user):
            return self.none()
        if user.has_perm("django_workflow_engine.view_workflow"):
            return self
        return self.filter(models.Q(company_id=user.pk) | _of_template(_viewable_by(user)))

    def attachable(self) -> Self:
        """Templates that are offered to objects."""
        return self.templates().filter(is_active=True, status="active")

    def update(self, **kwargs: Any) -> int:
        if kwargs == {"changed_by": None}:
            # The account is being deleted; what the workflow is stays the same.
            return models.QuerySet.update(self, **kwargs)
        if not BOOKKEEPING.isdisjoint(kwargs):
            raise refuse_snapshot()
        return super().update(**kwargs)

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Create templates; `templates_created` is sent, since Django sends no `post_save`."""
        objs = list(objs)
        for workflow in objs:
            workflow.note_author()  # type: ignore[attr-defined]
        with transaction.atomic(using=self.db):
            made: list[Any] = super().bulk_create(objs, *args, **kwargs)
            # Which of them are new is known by the key where conflicts are passed over.
            stored = self.model._base_manager.using(self.db)
            new = list(stored.filter(key__in=[workflow.key for workflow in made]))
            templates_created.send(sender=self.model, workflows=new, using=self.db)
            return made


class WorkflowAttachmentQuerySet(models.QuerySet[M]):
    def for_object(self, obj: models.Model) -> Self:
        return self.filter(**columns_naming(obj))

    def open(self) -> Self:
        return self.filter(is_open=True)

    def ended(self) -> Self:
        return self.filter(status__in=AttachmentStatus.final())

    def newest_first(self) -> Self:
        """The open attachment, if there is one, before those that have ended."""
        return self.order_by(models.F("is_open").desc(nulls_last=True), "-pk")

    def visible_to(self, user: Any) -> Self:
        """What a person may see.

        All with the view permission; else what they started or attached, what runs on a workflow of
        their company or on one that they have its own permission to view, and what has a flow that
        they may see (`approval_workflow.visibility`).
        """
        if not _is_somebody(user):
            return self.none()
        if user.has_perm("django_workflow_engine.view_workflowattachment"):
            return self
        return self.filter(pk__in=self._keys_concerning(user))

    def _keys_concerning(self, user: Any) -> "models.QuerySet[Any, Any]":
        """A union, so that each part has its index."""
        rows = self.model._base_manager.using(self.db).order_by()
        parts = (
            rows.filter(started_by=user),
            rows.filter(workflow__company=user),
            rows.filter(_of_template(_viewable_by(user), "workflow__")),
            rows.filter(flow__in=visible_flows(user).order_by().values("pk")),
        )
        started, *others = (part.values("pk") for part in parts)
        return started.union(*others)


class ActionExecutionQuerySet(models.QuerySet[M]):
    def unfinished(self) -> Self:
        return self.filter(status__in=ExecutionStatus.unfinished())

    def in_order(self) -> Self:
        return self.order_by("transition", "position")

    def visible_to(self, user: Any) -> Self:
        """All with the permission to view or to change executions; without, none."""
        allowed = _is_somebody(user) and any(
            user.has_perm(f"django_workflow_engine.{verb}_actionexecution")
            for verb in ("view", "change")
        )
        return self.all() if allowed else self.none()


class WorkflowPermissionQuerySet(models.QuerySet[M]):
    """Permissions that templates have made."""

    def granted_to(self, user: Any, verb: PermissionVerb) -> Self:
        """Those that a person has been given, or a group of theirs."""
        rows = self.filter(verb=verb)
        if not hasattr(user, "user_permissions"):
            return rows.none()
        return rows.filter(models.Q(user=user.pk) | models.Q(group__user=user.pk))


def _viewable_by(user: Any) -> "models.QuerySet[Any, Any]":
    """Keys of the templates that a person has the template's own permission to view."""
    permissions = apps.get_model("django_workflow_engine", "WorkflowPermission").objects
    granted = permissions.granted_to(user, PermissionVerb.VIEW)
    rows: models.QuerySet[Any, Any] = granted.order_by().values("workflow")
    return rows


def _of_template(keys: "models.QuerySet[Any, Any]", path: str = "") -> models.Q:
    """Templates with these keys, and their versions."""
    template, version = f"{path}pk__in", f"{path}cloned_from__in"
    return models.Q(**{template: keys}) | models.Q(**{version: keys})


def _is_somebody(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False) and user.is_active)
