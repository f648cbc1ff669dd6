"""Adding steps to a flow, to open at once or in their turn."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus, EventKind
from approval_workflow.exceptions import InvalidSteps
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._builder import build_instance, insert
from approval_workflow.services._locking import FlowWork
from approval_workflow.services._opening import insert_steps
from approval_workflow.services._steps import parse_steps

Steps = Sequence[Mapping[str, Any]]


def add_steps(work: FlowWork, steps: Steps, row: ApprovalInstance | None) -> list[ApprovalInstance]:
    """Add the steps after that of `row`, the last of its round, and open the first of them.

    Without a row they are the first that the flow asks for. Returns the rows that are current.
    """
    round_number, last = (row.round, row.step_number) if row is not None else (1, 0)
    rows = _built(work, steps, round_number, after=last)
    work.events.add(EventKind.STEPS_ADDED, steps=_numbers(rows))
    return insert_steps(work, rows)


def add_tracks(work: FlowWork, steps: Steps, row: ApprovalInstance) -> list[ApprovalInstance]:
    """Add the steps as tracks of the row's number, and open them; return the rows that are current.

    Raises `InvalidSteps` for a track that the number has, or had and was decided on.
    """
    number = row.step_number
    numbered = [{**step, "step": number} for step in steps]
    rows = _built(work, numbered, row.round, after=number - 1)
    tracks = [added.parallel_group for added in rows]
    taken = ApprovalInstance.objects.using(work.using).filter(
        flow=work.flow, round=row.round, step_number=number, parallel_group__in=tracks
    )
    used = taken.exclude(status=ApprovalStatus.CANCELLED).values_list("parallel_group", flat=True)
    errors = {
        f"steps[{tracks.index(track)}].parallel_group": _(
            "Expected a track that step %(step)s does not have yet, not '%(track)s'."
        )
        % {"step": number, "track": track}
        for track in used
    }
    if errors:
        raise InvalidSteps(errors)
    work.events.add(EventKind.STEPS_ADDED, steps=_numbers(rows), tracks=tracks)
    return insert_steps(work, rows)


def append_steps(
    work: FlowWork, steps: Steps, user: Any = None, reason: str = ""
) -> list[ApprovalInstance]:
    """Add the steps after all those of the flow's present round; return the pending rows."""
    places = (
        ApprovalInstance.objects.using(work.using)
        .filter(flow=work.flow)
        .order_by("-round")
        .values_list("round")
    )
    # A flow that has only waited so far has no rows.
    round_number, last = places.annotate(last=Max("step_number")).first() or (1, 0)
    rows = insert(work.using, _built(work, steps, round_number, after=last))
    work.events.add(EventKind.STEPS_ADDED, actor=user, comment=reason, steps=_numbers(rows))
    return list(rows)


def _built(
    work: FlowWork, steps: Steps, round_number: int, *, after: int
) -> list[ApprovalInstance]:
    specs = parse_steps(steps, after=after)
    return [build_instance(work.flow, spec, round_number=round_number) for spec in specs]


def _numbers(rows: Sequence[ApprovalInstance]) -> list[int]:
    return [row.step_number for row in rows]
