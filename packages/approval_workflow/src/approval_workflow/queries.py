"""Reads across models. Nothing here writes, and nothing here decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Count, F, Min, Model, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from approval_workflow.choices import ApprovalStatus, FlowStatus
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance, Substitution
from approval_workflow.roles import RoleRef, holders
from approval_workflow.types import Votes

# A row in one of these states is a vote.
CAST = (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)
# A step in one of these states counts when progress is measured.
_LIVE = (*ApprovalStatus.unfinished(), ApprovalStatus.APPROVED)


def get_approval_flow(obj: Model) -> ApprovalFlow | None:
    """Return the object's open flow, else the one that ended last, else None."""
    return ApprovalFlow.objects.for_object(obj).newest_first().first()


def get_current_approval(obj: Model) -> ApprovalInstance | None:
    """Return the step of the object that awaits a decision now, or None."""
    return (
        ApprovalInstance.objects.for_object(obj)
        .filter(flow__is_open=True)
        .current()
        .select_related("flow", "assigned_to")
        .in_order()
        .first()
    )


def get_next_approval(obj: Model) -> ApprovalInstance | None:
    """Return the first step of the object whose turn is still to come, or None."""
    return (
        ApprovalInstance.objects.for_object(obj)
        .filter(flow__is_open=True)
        .pending()
        .select_related("flow", "assigned_to")
        .in_order()
        .first()
    )


def get_full_approvals(obj: Model) -> list[ApprovalInstance]:
    """Return all steps that the object ever had, oldest first; an empty list when it had none."""
    return list(
        ApprovalInstance.objects.for_object(obj)
        .select_related("flow", "assigned_to", "action_user")
        .order_by("flow_id", "round", "step_number", "parallel_group", "pk")
    )


def timeline(flow: ApprovalFlow) -> QuerySet[ApprovalEvent]:
    """Return the flow's history in order, with the people and steps it names."""
    return (
        ApprovalEvent.objects.filter(flow=flow)
        .in_order()
        .select_related("actor", "on_behalf_of", "instance", "instance__assigned_to")
    )


@dataclass(frozen=True, slots=True)
class StepTally:
    """The votes of a step, whether a given person has voted, and which row is claimed."""

    votes: Votes
    cast_by_user: bool
    claimed_row: int | None = None


def step_tally(step: ApprovalInstance, user: Any, *, role: RoleRef | None) -> StepTally:
    """Count the votes of the step that `step` belongs to, in one statement.

    With a `role`, open votes count while their person is active and still holds it, or has taken
    the vote over from somebody (delegates need not hold the role). Without one, all count.
    People with one voice between them count once. The claim of somebody who does not count lapses.
    All is read in the database that `step` was read from: under a lock, that is not a replica.
    """
    counts_still = Q()
    if role is not None:
        may_vote = Q(assigned_to__in=holders(role).order_by().values("pk"))
        counts_still = may_vote | Q(delegated_from__isnull=False)
    awaited = Q(status=ApprovalStatus.CURRENT) & counts_still
    cast = Q(status__in=CAST)
    rows = ApprovalInstance.objects.using(step._state.db).same_step(step)
    counts = rows.aggregate(
        approved=Count("pk", filter=Q(status=ApprovalStatus.APPROVED)),
        rejected=Count("pk", filter=Q(status=ApprovalStatus.REJECTED)),
        open=Count(
            # Voices are made negative to keep them apart from keys.
            Coalesce(-F("voice"), F("pk"), output_field=BigIntegerField()),
            filter=awaited,
            distinct=True,
        ),
        by_user=Count("pk", filter=cast & Q(action_user=user)),
        claimed=Min("pk", filter=Q(claimed_at__isnull=False) & awaited),
    )
    votes = Votes(counts["approved"], counts["rejected"], counts["open"])
    return StepTally(votes, bool(counts["by_user"]), counts["claimed"])


def deciders(flow: ApprovalFlow) -> set[Any]:
    """Return the keys of all who have approved or rejected in the flow."""
    rows = ApprovalInstance.objects.using(flow._state.db).filter(flow=flow, status__in=CAST)
    return set(rows.exclude(action_user=None).values_list("action_user_id", flat=True))


def substituted_by(user: Any, content_type_id: Any) -> set[Any]:
    """Return the keys of the people for whom this user stands in now, for objects of a model."""
    substitutions = Substitution.objects.using(user._state.db)
    holding = substitutions.holding_at(timezone.now()).filter(substitute=user)
    return set(holding.for_model(content_type_id).values_list("person_id", flat=True))


def substitutes_of(people: Iterable[Any], content_type_id: Any) -> dict[Any, list[Any]]:
    """Return who stands in for these users now, for objects of a model: {user's key: people}."""
    holding = Substitution.objects.holding_at(timezone.now()).filter(person__in=people)
    found: dict[Any, list[Any]] = {}
    for substitution in holding.for_model(content_type_id).select_related("substitute"):
        found.setdefault(substitution.person_id, []).append(substitution.substitute)
    return found


def voters(step: ApprovalInstance) -> set[Any]:
    """Return the keys of all who have cast a vote in the step that `step` belongs to."""
    cast = ApprovalInstance.objects.same_step(step).filter(status__in=CAST)
    return set(cast.exclude(action_user=None).values_list("action_user_id", flat=True))


def progress(flow: ApprovalFlow, instances: list[ApprovalInstance]) -> dict[str, Any]:
    """Return how far a flow has come, counted in steps of the rounds that still stand."""
    statuses: dict[tuple[int, int], set[str]] = {}
    for instance in instances:
        if instance.status in _LIVE:
            step = (instance.round, instance.step_number)
            statuses.setdefault(step, set()).add(instance.status)
    total = len(statuses)
    done = sum(found == {ApprovalStatus.APPROVED} for found in statuses.values())
    return {
        "flow_status": flow.status,
        "total_steps": total,
        "completed_steps": done,
        "pending_steps": sum(ApprovalStatus.PENDING in found for found in statuses.values()),
        "progress_percentage": _percentage(flow, done, total),
    }


def _percentage(flow: ApprovalFlow, done: int, total: int) -> int:
    if flow.status == FlowStatus.COMPLETED:
        return 100
    return done * 100 // total if total else 0
