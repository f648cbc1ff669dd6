"""Deleting in batches, each in a transaction of its own. Lock order: flow, attachment, template."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import router, transaction
from django.utils.translation import gettext as _

from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import purge_flows
from django_workflow_engine.cleanup.selection import RETENTION_DAYS, deletable, ended_before
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.versions import delete_unused_snapshots, unused_snapshots

if TYPE_CHECKING:
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
) -> dict[str, int]:
    """Delete workflows that ended at least so many days ago; return how many rows went.

    Deleted are the attachments with their stage visits and actions that were due, the approval
    flows with their steps and history, and snapshots that nothing uses any more and that are not
    the newest of their template. Objects and templates stay. `statuses` (completed, rejected,
    cancelled) narrows it down. Workflows with an action that has not finished are left alone.

    A dry run does the same and takes each batch back, so that its numbers are exact. Every batch is
    one transaction. Keys: `attachments_deleted`, `stage_runs_deleted`, `executions_deleted`,
    `flows_deleted`, `instances_deleted`, `events_deleted`, `snapshots_deleted`. Raises
    `InvalidInput`.
    """
    if batch_size < 1:
        raise InvalidInput(_("batch_size: expected 1 or more."))
    using = router.db_for_write(WorkflowAttachment)
    rows = deletable(using, statuses=statuses, until=ended_before(older_than_days))
    tally = Counter(dict.fromkeys(COUNTS, 0))
    last = 0
    while True:
        batch = rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
        keys = list(batch[:batch_size])
        tally.update(_delete_batch(rows, keys, using, dry_run=dry_run))
        if len(keys) < batch_size:
            break
        last = keys[-1]
    if dry_run:
        tally["snapshots_deleted"] = unused_snapshots(using, apart_from=rows).count()
    else:
        tally["snapshots_deleted"] = delete_unused_snapshots(using)
    return dict(tally)


def delete_if_ended(attachment_id: Any, using: str) -> bool:
    """Delete one workflow that has ended, unless something waits for it; return whether it went."""
    rows = deletable(using).filter(pk=attachment_id)
    template_id = rows.values_list("workflow__cloned_from_id", flat=True).first()
    deleted = _delete_batch(rows, [attachment_id], using)["attachments_deleted"]
    if deleted and template_id is not None:
        delete_unused_snapshots(using, template_id=template_id)
    return bool(deleted)


def _delete_batch(
    rows: "QuerySet[WorkflowAttachment]",
    keys: Sequence[Any],
    using: str,
    *,
    dry_run: bool = False,
) -> dict[str, int]:
    with transaction.atomic(using=using):
        flows = _locked_flows(keys, using)
        # Asked again under the lock: an action may have been made due again in between.
        locked = rows.filter(pk__in=keys).select_for_update()
        found = dict(locked.values_list("pk", "flow_id"))
        deleted = {
            "executions_deleted": _delete(ActionExecution, using, attachment__in=found),
            "stage_runs_deleted": _delete(StageRun, using, attachment__in=found),
            "attachments_deleted": _delete(WorkflowAttachment, using, pk__in=found),
        }
        purged = purge_flows(flows.filter(pk__in=set(found.values())))
        deleted.update({f"{name}_deleted": number for name, number in purged.items()})
        transaction.set_rollback(dry_run, using=using)
    return deleted


def _locked_flows(keys: Sequence[Any], using: str) -> "QuerySet[ApprovalFlow]":
    flow_ids = WorkflowAttachment.objects.using(using).filter(pk__in=keys)
    named = [key for key in flow_ids.values_list("flow_id", flat=True) if key is not None]
    flows = ApprovalFlow.objects.using(using).filter(pk__in=named)
    list(flows.order_by("pk").select_for_update().values_list("pk"))
    return flows


def _delete(model: Any, using: str, **condition: Any) -> int:
    deleted = model.objects.using(using).filter(**condition).delete()[1]
    return int(deleted.get(model._meta.label, 0))
