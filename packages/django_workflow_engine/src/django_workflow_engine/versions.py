"""Snapshots: the immutable copies of templates that objects run on.

The snapshot of a template is taken when an object is attached after a change, and shared by all
that are attached until the next change. Rows of snapshots are written here alone, past the guard in
`querysets` that refuses it everywhere else.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from django.db import connections, models, router, transaction
from django.db.models import Exists, F, Max, OuterRef, Q
from django.utils.translation import gettext as _

from approval_workflow.statements import Select
from django_workflow_engine.created_permissions import keep_permissions
from django_workflow_engine.exceptions import UnknownVersion
from django_workflow_engine.models import (
    ActionExecution,
    Pipeline,
    Stage,
    StageRun,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)

M = TypeVar("M", bound=models.Model)

# From an execution to the workflow of its action.
ACTION_LEVELS = (
    "action__workflow_id",
    "action__pipeline__workflow_id",
    "action__stage__pipeline__workflow_id",
)

# Added to the names of a snapshot.
COPY_EN = " (Copy)"
COPY_AR = " (نسخة)"

# What a copy does not take over, by field; everything else is copied.
LEFT_OUT: Mapping[type[models.Model], Collection[str]] = {
    WorkFlow: {
        "id",
        "slug",
        "cloned_from",
        "is_hidden",
        "version",
        "key",
        "created_at",
        "updated_at",
    },
    Pipeline: {"id", "workflow", "cloned_from"},
    Stage: {"id", "pipeline", "cloned_from"},
    WorkflowAction: {"id", "workflow", "pipeline", "stage"},
}


def current_snapshot(
    template: WorkFlow, *, using: str | None = None, author: Any = None
) -> WorkFlow:
    """Return the snapshot of the template as it is stored now; take it if there is none yet.

    One statement where there is one. What `template` holds in memory does not count; a snapshot
    stands for its template. A new one names who changed the template last, or `author` where that
    is not known. Raises `WorkFlow.DoesNotExist` when the template is gone.
    """
    using = using or router.db_for_write(WorkFlow)
    template_id = template.cloned_from_id or template.pk
    snapshot = _find(template_id, using)
    if snapshot is not None:
        return snapshot
    with transaction.atomic(using=using):
        locked = _locked(WorkFlow, using).get(pk=template_id)
        # Somebody else may have taken it while we waited for the lock.
        return _find(template_id, using) or _take(locked, using, author)


def hold_version(version: WorkFlow, using: str) -> None:
    """Keep a version from being deleted until the transaction ends.

    Raises `UnknownVersion` when it has been deleted.
    """
    if _locked(WorkFlow, using).filter(pk=version.pk).values_list("pk").first() is None:
        raise UnknownVersion(_("The version has been deleted."))


def unused_snapshots(
    using: str, *, apart_from: "models.QuerySet[WorkflowAttachment] | None" = None
) -> "models.QuerySet[WorkFlow]":
    """Return the snapshots that nothing uses and that a newer one has taken the place of.

    A snapshot is used by the attachments that run on it, by the visits of those that were moved
    from it to another version, and by their actions that have not finished. Attachments in
    `apart_from` do not count as users.
    """
    users = [
        WorkflowAttachment.objects.using(using).filter(workflow_id=OuterRef("pk")),
        StageRun.objects.using(using).filter(pipeline__workflow_id=OuterRef("pk")),
        *(
            ActionExecution.objects.using(using).unfinished().filter(**{level: OuterRef("pk")})
            for level in ACTION_LEVELS
        ),
    ]
    if apart_from is not None:
        apart = apart_from.order_by().values("pk")
        users = [
            rows.exclude(
                **{"pk__in" if rows.model is WorkflowAttachment else "attachment__in": apart}
            )
            for rows in users
        ]
    newer = _rows(WorkFlow, using).filter(
        cloned_from_id=OuterRef("cloned_from_id"), revision__gt=OuterRef("revision")
    )
    snapshots = _rows(WorkFlow, using).filter(is_hidden=True)
    return snapshots.filter(Exists(newer), *(~Exists(rows) for rows in users))


def delete_unused_snapshots(
    using: str | None = None, *, template_id: Any = None, batch_size: int = 100
) -> int:
    """Delete unused snapshots with all their rows, each batch in its transaction; return how many.

    `template_id`: only snapshots of this template. Should an object be attached at this moment, in
    a transaction that began before the template changed, then either the snapshot stays or, where
    references are checked at commit (PostgreSQL), attaching fails as a whole and can be repeated.
    """
    using = using or router.db_for_write(WorkFlow)
    unused = unused_snapshots(using).order_by("pk")
    if template_id is not None:
        unused = unused.filter(cloned_from_id=template_id)
    keys = list(unused.values_list("pk", flat=True))
    return sum(
        _delete_batch(keys[start : start + batch_size], using)
        for start in range(0, len(keys), batch_size)
    )


def _find(template_id: Any, using: str) -> WorkFlow | None:
    return _present.first(using, template=template_id)


@Select
def _present(template: Any) -> "models.QuerySet[WorkFlow]":
    snapshots: models.QuerySet[WorkFlow] = models.QuerySet(WorkFlow)
    of_template = snapshots.filter(cloned_from=template, is_hidden=True).order_by()
    return of_template.filter(revision=F("cloned_from__revision"))


def _take(template: WorkFlow, using: str, author: Any = None) -> WorkFlow:
    """Copy a locked template; the lock also keeps the numbers of its versions apart."""
    if template.creates_permissions:
        keep_permissions(template, using)
    snapshot = _copy(
        template,
        cloned_from=template,
        is_hidden=True,
        version=_last_version(template, using) + 1,
        changed_by_id=template.changed_by_id or getattr(author, "pk", None),
        name_en=_with_suffix(template, "name_en", COPY_EN),
        name_ar=_with_suffix(template, "name_ar", COPY_AR) if template.name_ar else "",
    )
    _insert([snapshot], using)
    pipelines = _copy_pipelines(template, snapshot, using)
    stages = _copy_stages(pipelines, using)
    _copy_actions(template, snapshot, pipelines, stages, using)
    return snapshot


def _last_version(template: WorkFlow, using: str) -> int:
    """The number of the newest version, which is never deleted before its template; 0 if none."""
    versions = _rows(WorkFlow, using).filter(cloned_from_id=template.pk)
    return versions.aggregate(last=Max("version"))["last"] or 0


def _copy_pipelines(template: WorkFlow, snapshot: WorkFlow, using: str) -> dict[Any, Pipeline]:
    """Copy the pipelines; return the copies by the key of what they were copied from."""
    rows = _locked(Pipeline, using).filter(workflow_id=template.pk).order_by("pk")
    copies = {row.pk: _copy(row, workflow=snapshot, cloned_from=row) for row in rows}
    _insert(copies.values(), using)
    return copies


def _copy_stages(pipelines: Mapping[Any, Pipeline], using: str) -> dict[Any, Stage]:
    """Copy the stages; return the copies by the key of what they were copied from."""
    rows = _locked(Stage, using).filter(pipeline_id__in=pipelines).order_by("pk")
    copies = {
        row.pk: _copy(row, pipeline=pipelines[row.pipeline_id], cloned_from=row) for row in rows
    }
    _insert(copies.values(), using)
    return copies


def _copy_actions(
    template: WorkFlow,
    snapshot: WorkFlow,
    pipelines: Mapping[Any, Pipeline],
    stages: Mapping[Any, Stage],
    using: str,
) -> None:
    """Copy the actions of all three levels onto the copies of their levels."""
    rows = _locked(WorkflowAction, using).filter(
        Q(workflow_id=template.pk) | Q(pipeline_id__in=pipelines) | Q(stage_id__in=stages)
    )
    _insert(
        [
            _copy(
                row,
                workflow=snapshot if row.workflow_id is not None else None,
                pipeline=pipelines.get(row.pipeline_id),
                stage=stages.get(row.stage_id),
            )
            for row in rows.order_by("pk")
        ],
        using,
    )


def _delete_batch(keys: list[Any], using: str) -> int:
    with transaction.atomic(using=using):
        locked = _rows(WorkFlow, using).filter(pk__in=keys)
        skip = connections[using].features.has_select_for_update_skip_locked
        free = {row.pk for row in locked.select_for_update(skip_locked=skip).only("pk")}
        # Asked again under the lock: an object may have been attached in between.
        free &= set(unused_snapshots(using).filter(pk__in=free).values_list("pk", flat=True))
        _rows(WorkFlow, using).filter(pk__in=free).delete()
        return len(free)


def _rows(model: type[M], using: str) -> "models.QuerySet[M]":
    """The rows of a table without the guard that keeps snapshots from change."""
    return models.QuerySet(model, using=using)


def _locked(model: type[M], using: str) -> "models.QuerySet[M]":
    """Rows that are read as they are now, and kept from change until the transaction ends.

    Rows that only point at them can still be written where the database can tell that apart.
    """
    no_key = connections[using].features.has_select_for_no_key_update
    return _rows(model, using).select_for_update(no_key=no_key)


def _insert(copies: Iterable[M], using: str) -> None:
    rows = list(copies)
    if rows:
        _rows(type(rows[0]), using).bulk_create(rows)


def _copy(row: M, **values: Any) -> M:
    """Return an unsaved copy of the row, with other values in some fields."""
    copied = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in LEFT_OUT[type(row)]
    }
    return type(row)(**{**copied, **values})


def template_name(workflow: WorkFlow, field: str) -> str:
    """Return the name of a template, or that which the template of a version had."""
    suffix = COPY_EN if field == "name_en" else COPY_AR
    name = str(getattr(workflow, field))
    return name.removesuffix(suffix) if workflow.is_hidden else name


def _with_suffix(template: WorkFlow, field: str, suffix: str) -> str:
    """The name with the suffix, cut so that the column holds both."""
    column: Any = WorkFlow._meta.get_field(field)
    name = getattr(template, field)[: column.max_length - len(suffix)]
    return f"{name.rstrip()}{suffix}"
