"""What may happen when two people act at the same moment: one collision a function.

Each makes a new flow, lets the crowd collide on it, and checks what came of it. They are run
hundreds of times on databases with row locks, and on SQLite.
"""

from collections import Counter
from typing import Any

from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    CannotUndo,
    Conflict,
    FlowAlreadyOpen,
    FlowEnded,
    FlowOnHold,
    StepAlreadyProcessed,
    StepNotOpen,
    VersionConflict,
)
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    continue_flow,
    extend_flow,
    hold_flow,
    resume_flow,
    start_flow,
    undo_decision,
)
from approval_workflow.types import Continuation
from tests.approval_workflow.crowd import Crowd
from tests.approval_workflow.flows import (
    by,
    current,
    kinds,
    make_document,
    make_flow,
    statuses,
    the_current,
    verified,
)
from tests.factories import UserFactory, make_role

# How many act at once, at most.
CROWD = 3


class People:
    """Two who are named, a role of two, and a larger one."""

    def __init__(self) -> None:
        self.ann, self.bob = UserFactory.create(), UserFactory.create()
        self.pair, self.team = make_role(2), make_role(CROWD)


def split(results: list[Any], error: type[Exception]) -> Any:
    """Return the one result, the others having failed with this error."""
    won = [result for result in results if not isinstance(result, Exception)]
    lost = [result for result in results if isinstance(result, Exception)]
    assert len(won) == 1, results
    assert all(type(loss) is error for loss in lost), results
    return won[0]


def stored(flow: ApprovalFlow) -> ApprovalFlow:
    return ApprovalFlow.objects.get(pk=flow.pk)


def same_step_approved_twice(crowd: Crowd, people: People) -> None:
    """One wins, the other gets the clear error, one next step."""
    flow = make_flow(people.ann, people.bob)
    first, second = the_current(flow), the_current(flow)
    result = split(
        crowd.at_once(
            lambda: advance_flow(instance=first, action="approved", user=people.ann),
            lambda: advance_flow(instance=second, action="approved", user=people.ann),
        ),
        StepAlreadyProcessed,
    )
    assert result.step_number == 2
    assert statuses(flow) == [(1, "approved"), (2, "current")]
    assert Counter(kinds(flow))["approved"] == 1
    assert verified(flow)


def step_of_anyone_approved_by_two(crowd: Crowd, people: People) -> None:
    flow = make_flow(by(people.pair), people.bob)
    rows = current(flow)
    acts = [lambda row=row: advance_flow(row, "approved", row.assigned_to) for row in rows]
    result = split(crowd.at_once(*acts), StepAlreadyProcessed)
    assert result.step_number == 2
    assert Counter(kinds(flow))["step_opened"] == 2
    assert verified(flow)


def last_two_votes_at_once(crowd: Crowd, people: People) -> None:
    """Both count, and the flow moves once."""
    flow = make_flow(by(people.pair, "consensus"), people.bob)
    first, second = (row.assigned_to for row in current(flow))
    results = crowd.at_once(
        lambda: advance_flow(flow.target, "approved", first),
        lambda: advance_flow(flow.target, "approved", second),
    )
    assert sorted(result.step_number for result in results) == [1, 2], results
    assert [row.assigned_to for row in current(flow)] == [people.bob]
    assert Counter(kinds(flow))["approved"] == 2
    assert Counter(kinds(flow))["step_opened"] == 2
    assert verified(flow)


def approval_against_cancellation(crowd: Crowd, people: People) -> None:
    """The last step: the flow is completed or cancelled, and whoever came second is told."""
    flow = make_flow(people.ann)
    step = the_current(flow)
    approved, cancelled = crowd.at_once(
        lambda: advance_flow(instance=step, action="approved", user=people.ann),
        lambda: cancel_flow(flow.target, people.bob),
    )
    ended = stored(flow)
    if ended.status == "completed":
        assert approved is None
        assert isinstance(cancelled, Conflict), cancelled
    else:
        assert ended.status == "cancelled"
        assert isinstance(approved, StepAlreadyProcessed), approved
    assert current(flow) == []
    assert verified(flow)


def approval_against_rejection(crowd: Crowd, people: People) -> None:
    flow = make_flow(people.ann, people.bob)
    first, second = the_current(flow), the_current(flow)
    split(
        crowd.at_once(
            lambda: advance_flow(instance=first, action="approved", user=people.ann) or "done",
            lambda: advance_flow(instance=second, action="rejected", user=people.ann) or "done",
        ),
        StepAlreadyProcessed,
    )
    assert statuses(flow) in (
        [(1, "approved"), (2, "current")],
        [(1, "rejected"), (2, "cancelled")],
    )
    assert verified(flow)


def approval_against_delegation(crowd: Crowd, people: People) -> None:
    flow = make_flow(people.ann)
    first, second = the_current(flow), the_current(flow)
    split(
        crowd.at_once(
            lambda: advance_flow(first, "approved", people.ann) or "done",
            lambda: advance_flow(second, "delegated", people.ann, delegate_to=people.bob),
        ),
        StepAlreadyProcessed,
    )
    assert statuses(flow) in ([(1, "approved")], [(1, "delegated"), (1, "current")])
    assert verified(flow)


def approval_against_extension(crowd: Crowd, people: People) -> None:
    """The flow is completed and refuses the steps, or goes on with them; it is never stuck."""
    flow = make_flow(people.ann)
    approved, extended = crowd.at_once(
        lambda: advance_flow(flow.target, "approved", people.ann),
        lambda: extend_flow(stored(flow), [{"assigned_to": people.bob}]),
    )
    if stored(flow).status == "completed":
        assert approved is None
        assert isinstance(extended, FlowEnded), extended
    else:
        assert approved.assigned_to == people.bob
        assert statuses(flow) == [(1, "approved"), (2, "current")]
    assert verified(flow)


def two_start_flows_on_one_object(crowd: Crowd, people: People) -> None:
    document = make_document()
    steps = [{"assigned_to": people.ann}]
    flow = split(
        crowd.at_once(lambda: start_flow(document, steps), lambda: start_flow(document, steps)),
        FlowAlreadyOpen,
    )
    assert list(ApprovalFlow.objects.for_object(document)) == [flow]
    assert ApprovalInstance.objects.filter(flow__object_id=str(document.pk)).count() == 1


def turns_taken_at_once(crowd: Crowd, people: People) -> None:
    """As many flows as holders start at once: everybody gets one turn."""
    documents = [make_document() for _holder in range(CROWD)]
    steps = [by(people.team, "round_robin")]
    flows = crowd.at_once(
        *[lambda document=document: start_flow(document, steps) for document in documents]
    )
    assert all(isinstance(flow, ApprovalFlow) for flow in flows), flows
    asked = {the_current(flow).assigned_to for flow in flows}
    assert len(asked) == CROWD


def same_key_twice_at_once(crowd: Crowd, people: People) -> None:
    """A request sent again before the first was answered: one act, the same answer."""
    flow = make_flow(people.ann, people.bob)

    def send() -> Any:
        return advance_flow(flow.target, "approved", people.ann, idempotency_key="k-1")

    first, second = crowd.at_once(send, send)
    assert first == second == the_current(flow), (first, second)
    assert Counter(kinds(flow))["approved"] == 1
    assert verified(flow)


def same_object_approved_twice(crowd: Crowd, people: People) -> None:
    """The second click does not approve the next step, which is somebody else's."""
    flow = make_flow(people.ann, people.bob)

    def click() -> Any:
        return advance_flow(flow.target, "approved", people.ann)

    result = split(crowd.at_once(click, click), ApprovalPermissionDenied)
    assert result.assigned_to == people.bob
    assert statuses(flow) == [(1, "approved"), (2, "current")]


def required_tracks_done_at_once(crowd: Crowd, people: People) -> None:
    """Neither sees the other as open: the next number opens once."""
    flow = make_flow(
        {"step": 1, "assigned_to": people.ann, "parallel_group": "a"},
        {"step": 1, "assigned_to": people.bob, "parallel_group": "b"},
        {"step": 2, "assigned_to": people.ann},
    )
    results = crowd.at_once(
        lambda: advance_flow(flow.target, "approved", people.ann),
        lambda: advance_flow(flow.target, "approved", people.bob),
    )
    assert sorted(result.step_number for result in results) == [1, 2], results
    assert statuses(flow) == [(1, "approved"), (1, "approved"), (2, "current")]
    assert verified(flow)


def decision_undone_twice(crowd: Crowd, people: People) -> None:
    flow = make_flow(people.ann, people.bob)
    advance_flow(flow.target, "approved", people.ann)

    def click() -> Any:
        return undo_decision(flow.target, people.ann)

    split(crowd.at_once(click, click), CannotUndo)
    assert statuses(flow) == [(1, "current"), (2, "pending")]
    assert Counter(kinds(flow))["decision_undone"] == 1
    assert verified(flow)


def undoing_against_the_next_approval(crowd: Crowd, people: People) -> None:
    """The next person decides, or is not asked any more; who came second is told."""
    flow = make_flow(people.ann, people.bob)
    advance_flow(flow.target, "approved", people.ann)
    step = the_current(flow)
    undone, approved = crowd.at_once(
        lambda: undo_decision(flow.target, people.ann),
        lambda: advance_flow(step, "approved", people.bob),
    )
    if stored(flow).is_open:
        assert undone.status == "current"
        assert isinstance(approved, StepNotOpen), approved
        assert statuses(flow) == [(1, "current"), (2, "pending")]
    else:
        assert approved is None
        assert isinstance(undone, ApprovalPermissionDenied), undone
        assert statuses(flow) == [(1, "approved"), (2, "approved")]
    assert verified(flow)


def undoing_against_a_new_flow(crowd: Crowd, people: People) -> None:
    """The flow that ended opens again, or the object has its next one."""
    flow = make_flow(people.ann)
    advance_flow(flow.target, "approved", people.ann)
    undone, started = crowd.at_once(
        lambda: undo_decision(flow, people.ann),
        lambda: start_flow(flow.target, [{"assigned_to": people.bob}]),
    )
    if isinstance(undone, Exception):
        assert isinstance(undone, CannotUndo), undone
        assert stored(started).is_open
    else:
        assert isinstance(started, FlowAlreadyOpen), started
        assert stored(flow).is_open
    assert ApprovalFlow.objects.for_object(flow.target).open().count() == 1
    assert verified(flow)


def approval_against_hold(crowd: Crowd, people: People) -> None:
    """Whichever comes first, the flow is on hold then, and nobody is open in it."""
    flow = make_flow(people.ann, people.bob)
    approved, held = crowd.at_once(
        lambda: advance_flow(flow.target, "approved", people.ann),
        lambda: hold_flow(stored(flow)),
    )
    assert isinstance(held, ApprovalFlow), held
    if isinstance(approved, Exception):
        assert isinstance(approved, FlowOnHold), approved
        assert statuses(flow) == [(1, "on_hold"), (2, "pending")]
    else:
        assert statuses(flow) == [(1, "approved"), (2, "on_hold")]
    assert verified(flow)


def resumed_twice(crowd: Crowd, people: People) -> None:
    flow = make_flow(people.ann)
    hold_flow(flow)
    split(
        crowd.at_once(lambda: resume_flow(flow.target), lambda: resume_flow(flow.target)), Conflict
    )
    assert statuses(flow) == [(1, "current")]
    assert verified(flow)


def what_it_waited_for_came_twice(crowd: Crowd, people: People) -> None:
    """A job that was delivered twice: the version that it was started for lets it go on once."""
    flow = make_flow(people.ann)
    continue_flow(flow, Continuation(waits=True), afresh=True)
    version = flow.version

    def deliver() -> Any:
        steps = [{"assigned_to": people.bob}]
        return continue_flow(stored(flow), steps, expected_version=version)

    split(crowd.at_once(deliver, deliver), VersionConflict)
    assert statuses(flow) == [(1, "cancelled"), (2, "current")]
    assert verified(flow)


# The first six are run more often: they are what databases get wrong first.
MAIN = (
    same_step_approved_twice,
    last_two_votes_at_once,
    approval_against_cancellation,
    two_start_flows_on_one_object,
    turns_taken_at_once,
    same_key_twice_at_once,
)
FURTHER = (
    step_of_anyone_approved_by_two,
    approval_against_rejection,
    approval_against_delegation,
    approval_against_extension,
    same_object_approved_twice,
    required_tracks_done_at_once,
    decision_undone_twice,
    undoing_against_the_next_approval,
    undoing_against_a_new_flow,
    approval_against_hold,
    resumed_twice,
    what_it_waited_for_came_twice,
)
