"""Writing and verifying the history.

Rows of one flow form a chain: each digest covers its row and the digest before it, and the flow
keeps the length and the last digest. So a row that was changed, removed, put in or cut off shows.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from approval_workflow.choices import EventKind
from approval_workflow.models import ApprovalEvent, ApprovalFlow
from approval_workflow.signals import BY_EVENT_KIND
from approval_workflow.statements import Insert

_insert = Insert(ApprovalEvent)


class EventRecorder:
    """Collects the events of one action on a locked flow and writes them in one statement."""

    def __init__(self, flow: ApprovalFlow) -> None:
        self.flow = flow
        self._new: list[ApprovalEvent] = []

    @property
    def pending(self) -> bool:
        """Whether there are events that are not written yet."""
        return bool(self._new)

    def add(
        self,
        kind: EventKind,
        *,
        instance: Any = None,
        actor: Any = None,
        on_behalf_of: Any = None,
        comment: str = "",
        from_status: str = "",
        to_status: str = "",
        idempotency_key: str | None = None,
        **data: Any,
    ) -> ApprovalEvent:
        """Note an event; it is numbered later, by `chain`."""
        event = ApprovalEvent(
            flow=self.flow,
            kind=kind,
            instance=instance,
            actor=actor,
            on_behalf_of=on_behalf_of,
            comment=comment,
            from_status=from_status,
            to_status=to_status,
            data=data,
            idempotency_key=idempotency_key,
            created_at=timezone.now(),
        )
        self._new.append(event)
        return event

    def chain(self) -> None:
        """Number the events and put the new end of the chain on the flow (which is not saved)."""
        for event in self._new:
            self.flow.history_length += 1
            event.sequence = self.flow.history_length
            # The row an event is about may have been inserted after the event was noted.
            event.instance_id = event.instance.pk if event.instance else None
            event.digest = digest_of(event, self.flow.history_digest)
            self.flow.history_digest = event.digest

    def write(self, using: str) -> None:
        """Write the events, which are chained; signals follow when the transaction commits."""
        written = _insert(using, self._new)
        self._new = []
        transaction.on_commit(partial(_send_signals, written), using=using)


def digest_of(event: ApprovalEvent, previous: str) -> str:
    """Return the SHA-256 digest (hex) of the row and of the digest before it."""
    row = [
        previous,
        event.flow_id,
        event.sequence,
        str(event.kind),
        event.instance_id,
        _key(event.actor_id),
        _key(event.on_behalf_of_id),
        event.comment,
        str(event.from_status),
        str(event.to_status),
        event.data,
        event.idempotency_key,
        event.created_at.astimezone(UTC).isoformat(),
    ]
    text = json.dumps(_canonical(row), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class BrokenHistory:
    """The first row of a flow's history that is not as it was written."""

    flow_id: int
    sequence: int
    problem: str

    def __str__(self) -> str:
        return f"flow {self.flow_id}, event {self.sequence}: {self.problem}"


def verify_flow(flow: ApprovalFlow, events: Iterable[ApprovalEvent]) -> BrokenHistory | None:
    """Return the first bad row among the flow's events (in order), or None when all is well."""
    digest = ""
    length = 0
    for event in events:
        length += 1
        if event.sequence != length:
            return BrokenHistory(flow.pk, length, "the row is missing")
        if event.digest != digest_of(event, digest):
            return BrokenHistory(flow.pk, length, "the row was altered")
        digest = event.digest
    if length < flow.history_length:
        return BrokenHistory(flow.pk, length + 1, "the row is missing")
    if length > flow.history_length or digest != flow.history_digest:
        return BrokenHistory(flow.pk, length, "the row does not belong to the flow")
    return None


def _send_signals(events: Iterable[ApprovalEvent]) -> None:
    for event in events:
        BY_EVENT_KIND[event.kind].send_robust(
            sender=ApprovalFlow, flow=event.flow, instance=event.instance, event=event
        )


def _key(value: Any) -> str | None:
    # User keys may be integers, UUIDs or text.
    return None if value is None else str(value)


def _canonical(value: Any) -> Any:
    """The value as every database gives it back.

    1.0 and 1 are one number in JSON, and PostgreSQL writes 1.5e+21 out with zeros, where the float
    is not quite that number.
    """
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    if isinstance(value, dict):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value
