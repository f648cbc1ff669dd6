"""Changing what a step that goes on asks for: form, deadline, numbers and so on."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils import timezone

from approval_workflow.choices import ApprovalStatus
from approval_workflow.deadlines import due_from
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._builder import SHARED_BY_STEP
from approval_workflow.services._locking import FlowWork
from approval_workflow.strategies import strategy_of

# What decides when a vote is over.
RULES = (
    "role_selection_strategy",
    "quorum_count",
    "percentage_required",
    "rejection_policy",
)
TERMS = tuple(name for name in SHARED_BY_STEP if name not in {"round", "due_at", "extra_fields"})
AT_DEADLINE = frozenset({"timeout_action", "timeout_delegate_to_id"})


def change_terms(
    work: FlowWork, rows: Iterable[ApprovalInstance], wanted: ApprovalInstance
) -> None:
    """Write to the unfinished rows of a step what `wanted` says; one statement for like changes."""
    groups: list[tuple[dict[str, Any], list[ApprovalInstance]]] = []
    for row in rows:
        changes = _changes(row, wanted)
        for name, value in changes.items():
            setattr(row, name, value)
        _grouped(groups, changes).append(row)
    for changes, alike in groups:
        if changes:
            stored = ApprovalInstance.objects.using(work.using).filter(
                pk__in=[row.pk for row in alike]
            )
            stored.update(**changes, updated_at=timezone.now())


def change_track(work: FlowWork, rows: Sequence[ApprovalInstance], track: str) -> None:
    """Put a whole step on another track; its votes are known by it, so decided rows go along."""
    if rows[0].parallel_group == track:
        return
    stored = ApprovalInstance.objects.using(work.using).filter(pk__in=[row.pk for row in rows])
    stored.update(parallel_group=track, updated_at=timezone.now())
    for row in rows:
        row.parallel_group = track


def _grouped(
    groups: list[tuple[dict[str, Any], list[ApprovalInstance]]], changes: dict[str, Any]
) -> list[ApprovalInstance]:
    for known, rows in groups:
        if known == changes:
            return rows
    groups.append((changes, []))
    return groups[-1][1]


def _changes(row: ApprovalInstance, wanted: ApprovalInstance) -> dict[str, Any]:
    changes = {
        name: getattr(wanted, name)
        for name in _names(row)
        if getattr(row, name) != getattr(wanted, name)
    }
    extra = {**row.extra_fields, **wanted.extra_fields}
    if extra != row.extra_fields:
        changes["extra_fields"] = extra
    if "role_selection_strategy" in changes and not strategy_of(wanted).admits_new_holders:
        # From now on everybody votes: nobody may keep the step for themselves.
        changes["claimed_at"] = None
    if "sla_duration" in changes and row.status == ApprovalStatus.CURRENT:
        # The new time counts from when the person was asked; its end has not been dealt with.
        due_at = due_from(row.started_at or timezone.now(), wanted.sla_duration)
        changes |= {"due_at": due_at, "reminded_at": None, "timed_out_at": None}
    return changes


def _names(row: ApprovalInstance) -> Sequence[str]:
    if row.is_taken_over and not row.timeout_action:
        # It was handed on at its deadline: there is nobody else to hand it to.
        return [name for name in TERMS if name not in AT_DEADLINE]
    return TERMS
