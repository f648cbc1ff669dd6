"""Remove ended flows with all their steps and history."""

from typing import TYPE_CHECKING

from django.db import transaction

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.removal import delete_rows
from approval_workflow.services._locking import write_database

if TYPE_CHECKING:
    from django.db.models import QuerySet


def purge_flows(flows: "QuerySet[ApprovalFlow]") -> dict[str, int]:
    """Delete the ended flows among `flows`; running ones are left alone.

    This is the only way in which history goes away. Returns how many rows went, with the keys
    `flows`, `instances` and `events`. For large numbers call it in batches.
    """
    using = write_database()
    with transaction.atomic(using=using):
        ended = flows.using(using).filter(is_open__isnull=True).select_for_update()
        keys = list(ended.order_by("pk").values_list("pk", flat=True))
        rows = ApprovalFlow.objects.using(using).filter(pk__in=keys)
        steps = ApprovalInstance.objects.using(using).filter(flow_id__in=keys)
        events = ApprovalEvent.objects.using(using).filter(flow_id__in=keys).purge()
        # Rows that took over from one another would keep each other from being deleted.
        steps.exclude(delegated_from=None).update(delegated_from=None)
        return {
            "events": events,
            "instances": delete_rows(steps, gone=(ApprovalEvent, ApprovalInstance)),
            "flows": delete_rows(rows, gone=(ApprovalEvent, ApprovalInstance)),
        }
