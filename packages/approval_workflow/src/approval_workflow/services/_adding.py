"""Adding steps to a flow in which they are open at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from approval_workflow.choices import EventKind
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._builder import build_instance
from approval_workflow.services._locking import FlowWork
from approval_workflow.services._opening import insert_steps
from approval_workflow.services._steps import parse_steps


def add_steps(
    work: FlowWork,
    steps: Sequence[Mapping[str, Any]],
    row: ApprovalInstance | None,
    *,
    beside: bool = False,
) -> list[ApprovalInstance]:
    """Add the steps after that of `row`, the last of its round, and open the first of them.

    `beside`: they are tracks of the row's own number. Returns the rows that are current.
    """
    number = row.step_number if row is not None else 0
    if beside and row is not None:
        specs = parse_steps([{**step, "step": number} for step in steps], after=number - 1)
    else:
        specs = parse_steps(steps, after=number)
    round_number = row.round if row is not None else 1
    rows = [build_instance(work.flow, spec, round_number=round_number) for spec in specs]
    tracks = {"tracks": [added.parallel_group for added in rows]} if beside else {}
    work.events.add(EventKind.STEPS_ADDED, steps=[added.step_number for added in rows], **tracks)
    return insert_steps(work, rows)
