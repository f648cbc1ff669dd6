"""Approve the first step of a flow."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, start_flow
from benchmarks.driver import Driver
from benchmarks.measuring import Operation
from benchmarks.operations.people import approver, new_object
from benchmarks.operations.rows import DIGEST, FLOW, STEP, stored, tell
from purchasing.models import PurchaseRequest


@dataclass(frozen=True)
class Started:
    """A flow, and its first two steps: who writes by hand knows them already."""

    obj: PurchaseRequest
    flow: Any
    first: ApprovalInstance
    second: ApprovalInstance


def operations() -> Iterator[Operation]:
    for steps in (3, 50):
        yield Operation(
            name=f"approve a step in a flow of {steps}",
            subject=lambda steps=steps: started(steps),
            api=lambda subject: advance_flow(subject.obj, "approved", approver()),
            orm=_by_orm,
            sql=_by_hand,
            left=lambda subject, _answer: stored(subject.flow),
        )


def started(steps: int) -> Started:
    """A flow of so many steps, each for one person."""
    obj = new_object()
    flow = start_flow(obj, [{"assigned_to": approver()}] * steps)
    first, second = flow.instances.order_by("step_number")[:2]
    return Started(obj, flow.pk, first, second)


def _by_orm(subject: Started) -> None:
    now, person = timezone.now(), approver()
    with transaction.atomic():
        flow = ApprovalFlow.objects.select_for_update().get(pk=subject.flow)
        first, second = subject.first, subject.second
        first.status, first.action_user, first.acted_at = "approved", person, now
        first.closed_in_version = flow.version
        first.save(
            update_fields=["status", "action_user", "acted_at", "closed_in_version", "updated_at"]
        )
        second.status, second.started_at = "current", now
        second.save(update_fields=["status", "started_at", "updated_at"])
        length = flow.history_length
        ApprovalEvent.objects.bulk_create(
            [
                ApprovalEvent(
                    flow=flow,
                    sequence=length + 1,
                    kind="approved",
                    instance=first,
                    actor=person,
                    from_status="current",
                    to_status="approved",
                    data={"action": "approved", "step": 1, "outcome": "approved", "result": 1},
                    created_at=now,
                    digest=DIGEST,
                ),
                ApprovalEvent(
                    flow=flow,
                    sequence=length + 2,
                    kind="step_opened",
                    instance=second,
                    from_status="pending",
                    to_status="current",
                    data={"step": 2, "asked": [str(person.pk)]},
                    created_at=now,
                    digest=DIGEST,
                ),
            ]
        )
        flow.version += 1
        flow.history_length, flow.history_digest = length + 2, DIGEST
        flow.save(update_fields=["version", "history_length", "history_digest"])


def _by_hand(subject: Started, driver: Driver) -> None:
    now, person = timezone.now(), approver().pk
    with driver.transaction():
        version, length = driver.run(
            f"SELECT version, history_length FROM {FLOW} WHERE id = %s FOR UPDATE", subject.flow
        ).row()
        driver.run(
            f"UPDATE {STEP} SET status = 'approved', action_user_id = %s, acted_at = %s,"
            " closed_in_version = %s, updated_at = %s WHERE id = %s AND status = 'current'",
            person,
            now,
            version,
            now,
            subject.first.pk,
        )
        driver.run(
            f"UPDATE {STEP} SET status = 'current', started_at = %s, updated_at = %s"
            " WHERE id = %s AND status = 'pending'",
            now,
            now,
            subject.second.pk,
        )
        told = {"flow_id": subject.flow, "created_at": now}
        approved = {"action": "approved", "step": 1, "outcome": "approved", "result": 1}
        tell(
            driver,
            {
                **told,
                "sequence": length + 1,
                "kind": "approved",
                "instance_id": subject.first.pk,
                "actor_id": person,
                "from_status": "current",
                "to_status": "approved",
                "data": approved,
            },
            {
                **told,
                "sequence": length + 2,
                "kind": "step_opened",
                "instance_id": subject.second.pk,
                "from_status": "pending",
                "to_status": "current",
                "data": {"step": 2, "asked": [str(person)]},
            },
        )
        driver.run(
            f"UPDATE {FLOW} SET version = %s, history_length = %s, history_digest = %s"
            " WHERE id = %s",
            version + 1,
            length + 2,
            DIGEST,
            subject.flow,
        )
