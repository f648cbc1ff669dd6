"""What follows when a step is satisfied: wait, open the next number, ask for more, or complete."""

from typing import Any

from django.db.models import Min, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus, EventKind
from approval_workflow.exceptions import InvalidInput
from approval_workflow.forms import is_json
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._adding import add_steps, add_tracks
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._dropping import drop_open
from approval_workflow.services._ending import complete_flow, reject_without_decision
from approval_workflow.services._holding import put_on_hold
from approval_workflow.services._locking import FlowWork
from approval_workflow.services._opening import open_steps
from approval_workflow.statements import Select
from approval_workflow.types import Continuation


def advance(work: FlowWork, row: ApprovalInstance) -> ApprovalInstance | None:
    """Move the flow on after the step of `row` was satisfied; return what is current, or None."""
    track = _asked(work, "next_in_track", row) if row.parallel_group else Continuation()
    if track.joins:
        drop_open(work)
    if track.goes_on or track.ends_rejected:
        # A track that waits is none of the business of those that are open.
        return _follow_in_track(work, track, row) or _first_open(work, track)
    note(work, track)
    unfinished = _current_and_next(work, row)
    waiting_for = [step for step in unfinished if _holds_back(step, row)]
    if waiting_for:
        return waiting_for[0]
    following = [step for step in unfinished if step.status == ApprovalStatus.PENDING]
    if following:
        return open_steps(work, following)[0]
    return follow(work, _asked(work, "next_steps", row), row, after=_if_last(row))


def follow(
    work: FlowWork,
    answer: Continuation,
    row: ApprovalInstance | None,
    *,
    after: ApprovalInstance | None = None,
) -> ApprovalInstance | None:
    """Do what the answer says, in a flow that asks for nothing else; return what is current.

    `row` was decided last, None where nobody has decided. `after` has the last number of the round;
    it is looked for where it is not given.
    """
    note(work, answer)
    current = None
    if answer.steps:
        current = add_steps(work, answer.steps, after or _last_row(work))[0]
    elif not answer.stays_open:
        end = reject_without_decision if answer.ends_rejected else complete_flow
        end(work, row)
    return held(work, answer, current)


def follow_beside(
    work: FlowWork, answer: Continuation, row: ApprovalInstance
) -> ApprovalInstance | None:
    """Do what the answer says beside other tracks of the row's number; return what it opened."""
    note(work, answer)
    current = add_tracks(work, answer.steps, row)[0] if answer.steps else None
    return held(work, answer, current)


def note(work: FlowWork, answer: Continuation) -> None:
    """Tell in the history what the handler wants to be told."""
    for told in answer.notes:
        data = {key: value for key, value in told.items() if key not in ("actor", "comment")}
        if not is_json(data):
            raise InvalidInput(_("notes: expected values that JSON knows."))
        event = work.events.add(
            EventKind.NOTED,
            actor=checked_person("actor", told.get("actor")),
            comment=checked_text("comment", told.get("comment")),
        )
        event.data = data


def held(
    work: FlowWork, answer: Continuation, current: ApprovalInstance | None
) -> ApprovalInstance | None:
    """Put the flow on hold where the answer says so, which leaves nothing current."""
    if not answer.hold:
        return current
    put_on_hold(work, reason=checked_text("hold", answer.hold))
    return None


def _follow_in_track(
    work: FlowWork, answer: Continuation, row: ApprovalInstance
) -> ApprovalInstance | None:
    if answer.joins or answer.ends_rejected:
        return follow(work, answer, row)
    return follow_beside(work, answer, row)


def _first_open(work: FlowWork, answer: Continuation) -> ApprovalInstance | None:
    """The first open row of the flow, if the answer has left one."""
    if answer.hold:
        return None
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow).current()
    row = rows.select_related("assigned_to").in_order().first()
    return _with_flow(row, work) if row is not None else None


def _if_last(row: ApprovalInstance) -> ApprovalInstance | None:
    """The row, where its number must be the last of the round when nothing is left of that.

    Later numbers may have come and gone while a track was open that nobody waited for.
    """
    is_track = row.parallel_group or not row.parallel_required
    return None if is_track else row


def _last_row(work: FlowWork) -> ApprovalInstance | None:
    """The row with the last number of the flow's present round."""
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow)
    row = rows.order_by("-round", "-step_number", "-pk").first()
    return _with_flow(row, work) if row is not None else None


def _current_and_next(work: FlowWork, row: ApprovalInstance) -> list[ApprovalInstance]:
    """The open rows of the row's step number and later ones, and those to come of the next."""
    known = _known(work, row)
    if known is not None:
        return known
    found = _here_and_there(
        work.using, flow=work.flow.pk, round_number=row.round, number=row.step_number
    )
    return [_with_flow(step, work) for step in found]


def _open_and_next(flow: Any, round_number: Any, number: Any) -> "QuerySet[ApprovalInstance]":
    rows = ApprovalInstance.objects.filter(flow=flow, round=round_number)
    first = rows.pending().order_by().values("flow").annotate(first=Min("step_number"))
    is_open = Q(status=ApprovalStatus.CURRENT, step_number__gte=number)
    is_next = Q(status=ApprovalStatus.PENDING, step_number=Subquery(first.values("first")))
    return rows.filter(is_open | is_next).order_by("step_number", "parallel_group", "pk")


_here_and_there = Select(_open_and_next, "assigned_to")


def _known(work: FlowWork, row: ApprovalInstance) -> list[ApprovalInstance] | None:
    """The same from what was read with the row, where the act cannot have changed other rows."""
    if work.unfinished is None or row.has_strategy or row.parallel_group:
        return None
    if not work.steps_left_alone:
        return None
    others = [step for step in work.unfinished if step.pk != row.pk]
    return [
        step
        for step in others
        if step.status == ApprovalStatus.PENDING or step.step_number >= row.step_number
    ]


def _with_flow(step: ApprovalInstance, work: FlowWork) -> ApprovalInstance:
    step.flow = work.flow
    return step


def _holds_back(step: ApprovalInstance, row: ApprovalInstance) -> bool:
    """Whether the next number cannot open yet.

    A later number may be open already: the row was on an optional track that the flow did not
    wait for.
    """
    if step.status != ApprovalStatus.CURRENT:
        return False
    return step.parallel_required or step.step_number > row.step_number


def _asked(work: FlowWork, hook: str, row: Any) -> Continuation:
    """The answer of the first handler that has one."""
    for handler in work.handlers:
        answer = Continuation.of(getattr(handler, hook)(row))
        if answer:
            return answer
    return Continuation()
