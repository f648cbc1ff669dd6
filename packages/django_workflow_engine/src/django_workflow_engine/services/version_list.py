"""The versions of a template, and what runs on each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q

from django_workflow_engine.models import WorkFlow


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a template."""

    # 1 for the first; numbers of versions that clean-up deleted are not given again.
    number: int
    # The row of the version, which objects run on.
    workflow: WorkFlow
    # When it was taken: by the first object that was attached to it, or by publish_version.
    created_at: datetime
    # Who made the last change before it, or None where that is not known.
    changed_by: Any
    # Whether the template has not changed since.
    is_current: bool
    # How many objects run on it (those that wait to be started included), and how many ever did.
    running: int
    attachments: int


def versions_of(template: WorkFlow) -> list[Version]:
    """Return the versions of a template, newest first: one statement.

    A version stands for its template. Versions that nothing uses any more are deleted by clean-up.
    """
    rows = (
        WorkFlow.objects.snapshots()
        .filter(cloned_from_id=template.cloned_from_id or template.pk)
        .select_related("changed_by")
        .annotate(
            current_revision=F("cloned_from__revision"),
            running=Count("attachments", filter=Q(attachments__is_open=True)),
            used=Count("attachments"),
        )
        .order_by("-version")
    )
    return [_version(row) for row in rows]


def _version(row: Any) -> Version:
    return Version(
        number=row.version,
        workflow=row,
        created_at=row.created_at,
        changed_by=row.changed_by,
        is_current=row.revision == row.current_revision,
        running=row.running,
        attachments=row.used,
    )
