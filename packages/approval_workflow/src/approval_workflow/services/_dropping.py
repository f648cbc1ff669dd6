"""Steps that are not needed any more: their open rows are cancelled, their votes do not count."""

from collections.abc import Collection, Sequence

from approval_workflow.choices import EventKind
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services._closing import cancel_rows
from approval_workflow.services._locking import FlowWork
from approval_workflow.services._matching import StoredStep, group_steps


def rows_of_round(work: FlowWork) -> list[ApprovalInstance]:
    """Return the rows of the present round in order; none where nobody has been asked yet."""
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow)
    last = rows.order_by("-round").values("round")[:1]
    found = list(rows.filter(round=last).select_related("assigned_to").in_order())
    for row in found:
        row.flow = work.flow
    return found


def drop_open(work: FlowWork) -> None:
    """Drop the steps that are open."""
    _drop(work, [step for step in group_steps(rows_of_round(work)) if step.is_open])


def drop_unfinished(work: FlowWork) -> None:
    """Drop the steps that are open or to come."""
    _drop(work, [step for step in group_steps(rows_of_round(work)) if step.unfinished])


def drop_steps(work: FlowWork, keys: Collection[int]) -> None:
    """Drop the steps that the rows with these keys are of, as far as they are not decided."""
    steps = group_steps(rows_of_round(work))
    _drop(work, [step for step in steps if any(row.pk in keys for row in step.unfinished)])


def without_dropped(work: FlowWork, steps: Sequence[StoredStep]) -> list[StoredStep]:
    """Return the steps without those that were dropped: single votes do not make an approval."""
    dropped = _dropped_rows(work)
    return [step for step in steps if step.first.pk not in dropped]


def _drop(work: FlowWork, steps: Sequence[StoredStep]) -> None:
    if not steps:
        return
    cancel_rows(work, [row for step in steps for row in step.unfinished])
    keys = [row.pk for step in steps for row in step.rows]
    work.events.add(EventKind.STEPS_DROPPED, cancelled=keys)


def _dropped_rows(work: FlowWork) -> set[int]:
    """The keys of all rows of dropped steps; what was dropped by an undone decision is back."""
    told = ApprovalEvent.objects.using(work.using).filter(
        flow=work.flow,
        kind__in=(EventKind.STEPS_REPLACED, EventKind.STEPS_DROPPED, EventKind.DECISION_UNDONE),
    )
    dropped: list[tuple[int, list[int]]] = []
    for kind, sequence, data in told.in_order().values_list("kind", "sequence", "data"):
        if kind == EventKind.DECISION_UNDONE:
            dropped = [(number, keys) for number, keys in dropped if number < data["decision"]]
        else:
            dropped.append((sequence, data["cancelled"]))
    return {key for _number, keys in dropped for key in keys}
