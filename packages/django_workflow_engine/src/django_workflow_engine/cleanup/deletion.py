"""Deleting in batches, each in a transaction of its own. Lock order: flow, attachment, template.

What somebody else has locked is passed over and left for the next time, so that a clean-up waits
for nobody. Nobody waits for it either: the rows that it locks are of workflows that have ended.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from django.db import connections, router, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalFlow
from approval_workflow.removal import delete_rows
from approval_workflow.services import purge_flows
from django_workflow_engine.cleanup.archive import Archive
from django_workflow_engine.cleanup.records import records_of
from django_workflow_engine.cleanup.selection import (
    RETENTION_DAYS,
    deletable,
    ended_before,
    without_dead_actions,
)
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.versions import delete_unused_snapshots, unused_snapshots

if TYPE_CHECKING:
    from os import PathLike

    from django.db.models import QuerySet

# What a clean-up counts.
COUNTS = (
    "attachments_deleted",
    "stage_runs_deleted",
    "executions_deleted",
    "flows_deleted",
    "instances_deleted",
    "events_deleted",
    "snapshots_deleted",
)


def cleanup_completed_workflow_attachments(
    older_than_days: int = RETENTION_DAYS,
    statuses: Iterable[str] | None = None,
    dry_run: bool = False,
    batch_size: int = 1000,
    archive: "Archive | str | PathLike[str] | None" = None,
) -> dict[str, int]:
    """Delete workflows that ended at least so many days ago; return how many rows went.

    Deleted are the attachments with their stage visits and actions that were due, the approval
    flows with their steps and history, and snapshots that nothing uses any more and that are not
    the newest of their template. Objects and templates stay. `statuses` (completed, rejected,
    cancelled) narrows it down. Workflows with an action that has not finished are left alone, and
    so are those that somebody else is working on at this moment.

    `archive`: a directory. The workflows are written to a new file in it first, and a batch that
    cannot be written is not deleted. To know the file, give an `Archive` (entered).

    A dry run does the same and takes each batch back, so that its numbers are exact; it archives
    nothing. Every batch is one transaction.

    Keys: `attachments_deleted`, `stage_runs_deleted`, `executions_deleted`, `flows_deleted`,
    `instances_deleted`, `events_deleted`, `snapshots_deleted`. Raises `InvalidInput`, and `OSError`
    where the archive cannot be written.
    """
    if batch_size < 1:
        raise InvalidInput(_("batch_size: expected 1 or more."))
    using = router.db_for_write(WorkflowAttachment)
    rows = deletable(using, statuses=statuses, until=ended_before(older_than_days))
    tally = Counter(dict.fromkeys(COUNTS, 0))
    last = 0
    with _opened(None if dry_run else archive) as opened:
        while True:
            flow_ids = _flow_ids(rows.filter(pk__gt=last).order_by("pk")[:batch_size])
            tally.update(_delete_batch(rows, flow_ids, using, dry_run=dry_run, archive=opened))
            if len(flow_ids) < batch_size:
                break
            last = max(flow_ids)
    if dry_run:
        tally["snapshots_deleted"] = unused_snapshots(using, apart_from=rows).count()
    else:
        tally["snapshots_deleted"] = delete_unused_snapshots(using)
    return dict(tally)


def delete_if_ended(
    attachment_id: Any, using: str, *, archive: "str | PathLike[str] | None" = None
) -> bool:
    """Delete one workflow that has ended, unless something waits for it; return whether it went.

    It stays where an action has failed for good, which a person may want to run again. `archive` as
    in `cleanup_completed_workflow_attachments`; raises `OSError`.
    """
    rows = without_dead_actions(deletable(using), using).filter(pk=attachment_id)
    template_id = rows.values_list("workflow__cloned_from_id", flat=True).first()
    flow_ids = _flow_ids(WorkflowAttachment.objects.using(using).filter(pk=attachment_id))
    with _opened(archive) as opened:
        # Waits for locks: whoever has one may be about to leave this to us.
        counts = _delete_batch(rows, flow_ids, using, archive=opened, wait=True)
    deleted = bool(counts["attachments_deleted"])
    if deleted and template_id is not None:
        delete_unused_snapshots(using, template_id=template_id)
    return deleted


def _opened(
    archive: "Archive | str | PathLike[str] | None",
) -> "AbstractContextManager[Archive | None]":
    """The archive for the length of a `with` block; one that was given stays open."""
    if archive is None or isinstance(archive, Archive):
        return nullcontext(archive)
    return Archive(archive)


def _flow_ids(rows: "QuerySet[WorkflowAttachment]") -> dict[Any, Any]:
    """The keys of the attachments, each with that of its flow."""
    return dict(rows.values_list("pk", "flow_id"))


def _delete_batch(
    rows: "QuerySet[WorkflowAttachment]",
    flow_ids: Mapping[Any, Any],
    using: str,
    *,
    dry_run: bool = False,
    archive: Archive | None = None,
    wait: bool = False,
) -> dict[str, int]:
    skip = not wait and connections[using].features.has_select_for_update_skip_locked
    taken_back = archive.batch() if archive is not None else nullcontext()
    with taken_back, transaction.atomic(using=using):
        flows = _locked_flows(flow_ids.values(), using, skip=skip)
        # Asked again under the lock: an action may have been made due again in between.
        locked = rows.filter(Q(flow=None) | Q(flow__in=flows), pk__in=flow_ids)
        found = _flow_ids(locked.select_for_update(skip_locked=skip).order_by("pk"))
        if archive is not None:
            archive.write(records_of(found, using))
        deleted = _delete_attachments(found, using)
        ended = ApprovalFlow.objects.using(using).filter(pk__in=set(found.values()))
        purged = purge_flows(ended)
        deleted.update({f"{name}_deleted": number for name, number in purged.items()})
        transaction.set_rollback(dry_run, using=using)
    return deleted


def _locked_flows(keys: Iterable[Any], using: str, *, skip: bool) -> list[Any]:
    """Lock the flows that there are; return their keys."""
    named = [key for key in keys if key is not None]
    flows = ApprovalFlow.objects.using(using).filter(pk__in=named).order_by("pk")
    return list(flows.select_for_update(skip_locked=skip).values_list("pk", flat=True))


def _delete_attachments(keys: Iterable[Any], using: str) -> dict[str, int]:
    """Delete the attachments with their visits and actions."""
    keys = list(keys)
    actions = ActionExecution.objects.using(using).filter(attachment__in=keys)
    visits = StageRun.objects.using(using).filter(attachment__in=keys)
    rows = WorkflowAttachment.objects.using(using).filter(pk__in=keys)
    return {
        "executions_deleted": delete_rows(actions),
        "stage_runs_deleted": delete_rows(visits, gone=(ActionExecution,)),
        "attachments_deleted": delete_rows(rows, gone=(ActionExecution, StageRun)),
    }
