"""Flows that wait for something else than a decision, and tracks that go on by themselves."""

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import (
    FlowEnded,
    FlowOnHold,
    InvalidInput,
    InvalidSteps,
    NobodyEligible,
    NoCurrentStep,
    VersionConflict,
)
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    continue_flow,
    extend_flow,
    hold_flow,
    replace_steps,
    resume_flow,
    start_flow,
)
from approval_workflow.testing import FlowDriver
from approval_workflow.types import Continuation
from approval_workflow.utils import get_approval_summary, get_current_approval
from tests.approval_workflow.flows import (
    by,
    current,
    kinds,
    last_event,
    make_document,
    make_flow,
    row_of,
    statuses,
    the_current,
    verified,
)
from tests.factories import make_role
from tests.faults import dump
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

WAITS = Continuation(waits=True)


def stored(flow):
    return ApprovalFlow.objects.get(pk=flow.pk)


def track(name, user, **keys):
    return {"step": 1, "assigned_to": user, "parallel_group": name, **keys}


def beside(name, user, **keys):
    return {"assigned_to": user, "parallel_group": name, **keys}


def answering(**answers):
    """Register a handler with these answers, one each or a function of the instance."""

    def hook(answer):
        return lambda self, instance: answer(instance) if callable(answer) else answer

    hooks = {name: hook(answer) for name, answer in answers.items()}
    register_handler(Document)(type("Answering", (BaseApprovalHandler,), hooks))


def in_track(**answers):
    """Register a handler with an answer for some tracks, by their names."""
    answering(next_in_track=lambda instance: answers.get(instance.parallel_group, ()))


def waiting_flow():
    return start_flow(make_document(), WAITS)


# Waiting


def test_flow_can_start_with_nobody_asked():
    flow = waiting_flow()
    assert (flow.status, flow.is_open) == (FlowStatus.IN_PROGRESS, True)
    assert (statuses(flow), kinds(flow)) == ([], ["flow_started"])
    assert get_current_approval(flow.target) is None
    assert get_approval_summary(flow.target)["progress_percentage"] == 0
    assert verified(flow)


def test_nobody_can_act_in_a_flow_that_waits(ann):
    flow = waiting_flow()
    with pytest.raises(NoCurrentStep):
        advance_flow(flow.target, "approved", ann)


def test_driver_says_that_it_waits():
    with pytest.raises(AssertionError, match="Nobody is asked: it waits"):
        FlowDriver(waiting_flow().target).approve_all()


def test_flow_waits_after_a_decision(ann):
    answering(next_steps=WAITS)
    flow = make_flow(ann)
    assert advance_flow(flow.target, "approved", ann) is None
    assert stored(flow).status == FlowStatus.IN_PROGRESS
    assert statuses(flow) == [(1, "approved")]


def test_steps_and_waiting_at_once_are_steps(ann, bob):
    flow = start_flow(make_document(), Continuation(steps=[{"assigned_to": ann}], waits=True))
    assert the_current(flow).assigned_to == ann
    answering(next_steps=Continuation(steps=[{"assigned_to": bob}], waits=True))
    assert advance_flow(flow.target, "approved", ann).assigned_to == bob


@pytest.mark.parametrize("answer", [Continuation(), Continuation(joins=True), []])
def test_flow_does_not_start_with_nothing(answer):
    with pytest.raises(InvalidSteps):
        start_flow(make_document(), answer)


def test_first_handler_that_answers_is_followed(ann):
    answering(next_steps=Continuation())
    answering(next_steps=WAITS)
    answering(next_steps=[{"assigned_to": ann}])
    flow = make_flow(ann)
    assert advance_flow(flow.target, "approved", ann) is None
    assert statuses(flow) == [(1, "approved")]


def test_flow_that_waits_can_be_cancelled():
    flow = waiting_flow()
    assert cancel_flow(flow).status == FlowStatus.CANCELLED


def test_flow_that_waits_can_be_given_steps(ann, bob):
    flow = waiting_flow()
    result = replace_steps(flow, [{"assigned_to": ann}, {"assigned_to": bob}])
    assert result.added == 2
    assert statuses(flow) == [(1, "current"), (2, "pending")]


# Going on


def test_steps_open_when_what_it_waited_for_has_come(ann, bob):
    flow = waiting_flow()
    row = continue_flow(flow, [{"assigned_to": ann}, {"assigned_to": bob}])
    assert (row.assigned_to, row.step_number) == (ann, 1)
    assert statuses(flow) == [(1, "current"), (2, "pending")]
    assert kinds(flow) == ["flow_started", "steps_added", "step_opened"]


def test_steps_are_numbered_on_after_a_wait(ann, bob):
    answering(next_steps=WAITS)
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    assert continue_flow(flow, [{"assigned_to": bob}]).step_number == 2


def test_steps_belong_to_the_present_round(ann, bob):
    answering(next_steps=WAITS)
    flow = make_flow(ann)
    advance_flow(flow.target, "resubmission", ann, resubmission_steps=[{"assigned_to": ann}])
    advance_flow(flow.target, "approved", ann)
    row = continue_flow(flow, [{"assigned_to": bob}])
    assert (row.round, row.step_number) == (2, 2)


def test_flow_is_completed_when_nothing_follows(ann, told):
    answering(next_steps=WAITS)
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    told.clear()
    assert continue_flow(flow) is None
    assert flow.status == stored(flow).status == FlowStatus.COMPLETED
    ((hook, row),) = told
    assert (hook, row.assigned_to) == ("on_final_approve", ann)


def test_flow_that_only_waited_is_completed_without_a_row(told):
    flow = waiting_flow()
    continue_flow(flow)
    assert told == [("on_final_approve", None)]


def test_row_that_completed_a_flow_is_the_one_decided_last(ann, bob, told):
    """Not the one with the highest number, which is dropped."""
    flow = make_flow(track("a", ann), track("b", bob), {"step": 2, "assigned_to": ann})
    advance_flow(flow.target, "approved", bob)
    continue_flow(flow, afresh=True)
    assert told[-1][1].assigned_to == bob


def test_flow_may_go_on_waiting():
    flow = waiting_flow()
    before = dump()
    assert continue_flow(flow, WAITS) is None
    assert dump() == before


def test_steps_added_while_it_waited_open_first(ann, bob, cid):
    flow = waiting_flow()
    extend_flow(flow, [{"assigned_to": ann}, {"assigned_to": bob}])
    assert statuses(flow) == [(1, "pending"), (2, "pending")]
    assert continue_flow(flow, [{"assigned_to": cid}]).assigned_to == ann
    assert statuses(flow) == [(1, "current"), (2, "pending"), (3, "pending")]


def test_steps_added_while_it_waited_open_though_nothing_new_is_asked(ann, bob):
    flow = waiting_flow()
    extend_flow(flow, [beside("a", ann, step=1), beside("b", bob, step=1)])
    assert continue_flow(flow).assigned_to == ann
    assert statuses(flow) == [(1, "current"), (1, "current")]


def test_steps_added_while_it_waited_stay_so_while_it_goes_on_waiting(ann):
    flow = waiting_flow()
    extend_flow(flow, [{"assigned_to": ann}])
    assert continue_flow(flow, Continuation(waits=True, notes=[{"tries": 2}])) is None
    assert statuses(flow) == [(1, "pending")]
    assert last_event(flow).data == {"tries": 2}


def test_steps_added_while_it_waited_are_dropped_when_it_starts_afresh(ann, bob):
    flow = waiting_flow()
    extend_flow(flow, [{"assigned_to": ann}])
    assert continue_flow(flow, [{"assigned_to": bob}], afresh=True).step_number == 2
    assert statuses(flow) == [(1, "cancelled"), (2, "current")]


def test_flow_passed_in_is_brought_up_to_date(ann):
    flow = waiting_flow()
    continue_flow(flow, [{"assigned_to": ann}])
    assert (flow.version, flow.history_digest) == (
        stored(flow).version,
        stored(flow).history_digest,
    )


@pytest.mark.parametrize(
    ("prepare", "error"), [(cancel_flow, FlowEnded), (hold_flow, FlowOnHold)], ids=["ended", "held"]
)
def test_flow_that_does_not_run_does_not_go_on(prepare, error):
    flow = waiting_flow()
    prepare(flow)
    before = dump()
    with pytest.raises(error):
        continue_flow(flow)
    assert dump() == before


def test_flow_that_changed_meanwhile_does_not_go_on(ann):
    flow = waiting_flow()
    version = flow.version
    extend_flow(flow, [{"assigned_to": ann}])
    before = dump()
    with pytest.raises(VersionConflict):
        continue_flow(flow, expected_version=version)
    assert dump() == before


def test_step_that_cannot_open_leaves_the_flow_waiting():
    flow, role = waiting_flow(), make_role(0)
    before = dump()
    with pytest.raises(NobodyEligible):
        continue_flow(flow, [by(role)])
    assert dump() == before


# Beside what is open


def test_new_steps_open_beside_what_is_open(ann, bob, cid):
    flow = make_flow(ann, cid)
    assert continue_flow(flow, [beside("checks", bob)]).assigned_to == bob
    assert statuses(flow) == [(1, "current"), (1, "current"), (2, "pending")]
    advance_flow(flow.target, "approved", ann)
    assert row_of(flow, cid).status == "pending"
    assert advance_flow(flow.target, "approved", bob).assigned_to == cid


def test_they_open_beside_the_last_of_what_is_open(ann, bob, cid):
    """An optional track of an earlier number may still await its answer."""
    flow = make_flow(
        track("law", ann),
        track("advice", bob, parallel_required=False),
        {"step": 2, "assigned_to": cid},
    )
    advance_flow(flow.target, "approved", ann)
    assert continue_flow(flow, [beside("checks", ann)]).step_number == 2


def test_without_new_steps_nothing_happens_beside_what_is_open(ann, bob):
    flow = make_flow(ann, bob)
    before = dump()
    assert continue_flow(flow).assigned_to == ann
    assert continue_flow(flow, WAITS).assigned_to == ann
    assert dump() == before


def test_notes_are_told_beside_what_is_open(ann):
    flow = make_flow(ann)
    continue_flow(flow, Continuation(notes=[{"job": 7}]))
    assert (last_event(flow).kind, last_event(flow).data) == ("noted", {"job": 7})


@pytest.mark.parametrize("name", ["law", ""])
def test_track_that_the_number_has_is_refused(ann, bob, name):
    """Otherwise the votes of one would count for the other."""
    flow = make_flow(track("law", ann), track("", bob))
    before = dump()
    with pytest.raises(InvalidSteps) as caught:
        continue_flow(flow, [beside("new", ann), beside(name, bob)])
    assert list(caught.value.errors) == ["steps[1].parallel_group"]
    assert dump() == before


def test_track_that_was_decided_is_refused(ann, bob):
    flow = make_flow(track("law", ann), track("money", bob))
    advance_flow(flow.target, "approved", ann)
    with pytest.raises(InvalidSteps):
        continue_flow(flow, [beside("law", bob)])


def test_joining_drops_what_is_open_and_opens_what_is_to_come(ann, bob, cid):
    flow = make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": cid})
    assert continue_flow(flow, Continuation(joins=True)).assigned_to == cid
    assert statuses(flow) == [(1, "cancelled"), (1, "cancelled"), (2, "current")]
    rows = [row.pk for row in flow.instances.filter(step_number=1).order_by("pk")]
    assert last_event(flow, "steps_dropped").data == {"cancelled": rows}


def test_dropping_alone_is_told_and_kept(ann):
    """The version grows, so that nobody goes on from what they read before."""
    flow = make_flow(ann)
    version = flow.version
    continue_flow(flow, WAITS, afresh=True)
    assert statuses(flow) == [(1, "cancelled")]
    assert (flow.version, kinds(flow)[-1]) == (version + 1, "steps_dropped")
    assert get_current_approval(flow.target) is None


def test_starting_afresh_drops_what_is_open_and_to_come(ann, bob, cid):
    flow = make_flow(ann, bob)
    row = continue_flow(flow, [{"assigned_to": cid}], afresh=True)
    assert (row.assigned_to, row.step_number) == (cid, 3)
    assert statuses(flow) == [(1, "cancelled"), (2, "cancelled"), (3, "current")]


def test_votes_of_what_was_dropped_do_not_count_later(ann):
    role = make_role(2)
    flow = make_flow(by(role, "consensus"))
    advance_flow(flow.target, "approved", role.users.first())
    continue_flow(flow, [{"assigned_to": ann}], afresh=True)
    result = replace_steps(flow, [by(role, "consensus"), {"assigned_to": ann}])
    assert (result.counted, result.added) == (0, 1)


def test_some_of_what_is_open_is_dropped(ann, bob, cid):
    """All rows of their steps, and what is to come too."""
    role = make_role(2)
    flow = make_flow(
        track("law", ann),
        by(role, "consensus", step=1, parallel_group="money"),
        {"step": 2, "assigned_to": bob},
        {"step": 3, "assigned_to": cid},
    )
    voter = role.users.first()
    keys = {row_of(flow, voter).pk, row_of(flow, bob).pk}
    assert continue_flow(flow, drop=keys).assigned_to == ann
    assert statuses(flow) == [
        (1, "current"),
        (1, "cancelled"),
        (1, "cancelled"),
        (2, "cancelled"),
        (3, "pending"),
    ]
    assert advance_flow(flow.target, "approved", ann).assigned_to == cid


def test_what_is_decided_is_not_dropped(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    before = dump()
    assert continue_flow(flow, drop=[row_of(flow, ann).pk]).assigned_to == bob
    assert dump() == before


# Rejecting without a decision


def test_what_it_waited_for_may_reject_the_flow(ann, told):
    answering(next_steps=WAITS)
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    told.clear()
    assert continue_flow(flow, Continuation(rejects=True)) is None
    assert flow.status == stored(flow).status == FlowStatus.REJECTED
    assert [(hook, row.assigned_to) for hook, row in told] == [
        ("on_reject", ann),
        ("after_reject", ann),
    ]
    event = last_event(flow)
    assert (event.kind, event.actor, event.instance) == ("flow_rejected", None, None)
    assert verified(flow)


def test_rejection_cancels_what_is_open_and_to_come(ann, bob):
    flow = make_flow(ann, bob)
    continue_flow(flow, Continuation(rejects=True))
    assert statuses(flow) == [(1, "cancelled"), (2, "cancelled")]
    assert stored(flow).is_open is None


def test_handler_may_reject_after_the_last_approval(ann):
    answering(next_steps=Continuation(rejects=True, notes=[{"score": 3}]))
    flow = make_flow(ann)
    assert advance_flow(flow.target, "approved", ann) is None
    assert stored(flow).status == FlowStatus.REJECTED
    assert kinds(flow)[-2:] == ["noted", "flow_rejected"]


def test_track_may_reject_the_whole_flow(ann, bob, cid):
    in_track(law=Continuation(rejects=True))
    flow = make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": cid})
    assert advance_flow(flow.target, "approved", ann) is None
    assert statuses(flow) == [(1, "approved"), (1, "cancelled"), (2, "cancelled")]
    assert stored(flow).status == FlowStatus.REJECTED


@pytest.mark.parametrize("more", [{"waits": True}, {"hold": "x"}], ids=["waits", "hold"])
def test_flow_that_stays_open_is_not_rejected(ann, more):
    answering(next_steps=Continuation(rejects=True, **more))
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    assert stored(flow).is_open


# Tracks that go on by themselves


def test_track_goes_on_beside_the_others(ann, bob, cid):
    in_track(law=[beside("law 2", cid)])
    flow = make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": ann})
    assert advance_flow(flow.target, "approved", ann).assigned_to == cid
    assert {row.assigned_to for row in current(flow)} == {bob, cid}
    advance_flow(flow.target, "approved", bob)
    assert advance_flow(flow.target, "approved", cid).step_number == 2


def test_track_is_asked_only_where_there_are_tracks(ann, bob):
    asked = []
    answering(next_in_track=lambda instance: asked.append(instance.assigned_to) or ())
    flow = make_flow(ann, track("law", bob, step=2))
    advance_flow(flow.target, "approved", ann)
    advance_flow(flow.target, "approved", bob)
    assert asked == [bob]


def test_track_goes_on_once_its_step_is_satisfied(ann, bob):
    in_track(law=[beside("law 2", bob)])
    flow = make_flow(
        by(make_role(2), "consensus", step=1, parallel_group="law"), track("money", ann)
    )
    first, second = (row.assigned_to for row in current(flow)[:2])
    assert advance_flow(flow.target, "approved", first).assigned_to == second
    assert advance_flow(flow.target, "approved", second).assigned_to == bob


def test_track_that_ends_joins_the_others(ann, bob, cid):
    in_track(law=Continuation(joins=True))
    flow = make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": cid})
    assert advance_flow(flow.target, "approved", ann).assigned_to == cid
    assert statuses(flow) == [(1, "approved"), (1, "cancelled"), (2, "current")]


def test_track_that_joins_may_say_what_follows(ann, bob, cid):
    """After the steps that are to come, whose places are taken."""
    in_track(law=Continuation(joins=True, steps=[{"assigned_to": cid}]))
    flow = make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": bob})
    assert advance_flow(flow.target, "approved", ann).step_number == 3


def test_track_that_joins_and_waits_leaves_nobody_asked(ann, bob):
    in_track(law=Continuation(joins=True, waits=True))
    flow = make_flow(track("law", ann), track("money", bob))
    assert advance_flow(flow.target, "approved", ann) is None
    assert statuses(flow) == [(1, "approved"), (1, "cancelled")]
    assert stored(flow).is_open


def test_track_that_waits_leaves_the_others_open(ann, bob, cid):
    in_track(law=WAITS)
    flow = make_flow(track("law", ann), track("money", bob))
    assert advance_flow(flow.target, "approved", ann).assigned_to == bob
    assert continue_flow(flow, [beside("law 2", cid)]).assigned_to == cid
    assert {row.assigned_to for row in current(flow)} == {bob, cid}


def test_last_track_that_waits_opens_nothing(ann, bob, cid):
    in_track(law=WAITS)
    flow = make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": cid})
    advance_flow(flow.target, "approved", bob)
    assert advance_flow(flow.target, "approved", ann) is None
    assert statuses(flow) == [(1, "approved"), (1, "approved"), (2, "pending")]
    assert continue_flow(flow).assigned_to == cid


def test_optional_track_that_is_late_does_not_take_a_number_again(ann, bob, cid):
    """The flow waits after step 2 when the advice on step 1 comes in."""
    answers = iter([WAITS, [{"assigned_to": ann}]])
    answering(next_steps=lambda instance: next(answers))
    flow = make_flow(
        track("law", ann),
        track("advice", bob, parallel_required=False),
        {"step": 2, "assigned_to": cid},
    )
    advance_flow(flow.target, "approved", ann)
    advance_flow(flow.target, "approved", cid)
    assert advance_flow(flow.target, "approved", bob).step_number == 3


def test_step_beside_an_optional_track_that_is_late_does_not_take_a_number_again(ann, bob, cid):
    answers = iter([WAITS, [{"assigned_to": ann}]])
    answering(next_steps=lambda instance: next(answers))
    flow = make_flow(
        track("law", ann),
        track("advice", bob, parallel_required=False),
        {"step": 2, "assigned_to": cid},
    )
    advance_flow(flow.target, "approved", ann)
    advance_flow(flow.target, "approved", cid)
    assert continue_flow(flow, [beside("checks", cid)]).step_number == 1
    assert advance_flow(flow.target, "approved", cid).step_number == 3


def test_track_may_not_go_on_under_its_own_name(ann, bob):
    in_track(law=[beside("law", bob)])
    flow = make_flow(track("law", ann), track("money", bob))
    before = dump()
    with pytest.raises(InvalidSteps, match="track"):
        advance_flow(flow.target, "approved", ann)
    assert dump() == before


# Holds and notes


def test_answer_may_put_the_flow_on_hold(ann, bob):
    answering(next_steps=Continuation(steps=[{"assigned_to": bob}], hold="Budget is frozen"))
    flow = make_flow(ann)
    assert advance_flow(flow.target, "approved", ann) is None
    assert statuses(flow) == [(1, "approved"), (2, "on_hold")]
    event = last_event(flow)
    assert (event.kind, event.actor, event.comment) == ("flow_held", None, "Budget is frozen")
    resume_flow(flow)
    assert the_current(flow).assigned_to == bob


def test_hold_without_steps_waits_once_it_is_resumed(ann, bob):
    answering(next_steps=Continuation(hold="Nobody is named for this"))
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    resume_flow(flow)
    assert current(flow) == []
    assert continue_flow(flow, [{"assigned_to": bob}]).assigned_to == bob


def test_flow_may_start_on_hold(ann):
    document = make_document()
    flow = start_flow(document, Continuation(steps=[{"assigned_to": ann}], hold="Not yet"))
    assert flow.status == stored(flow).status == FlowStatus.ON_HOLD
    assert statuses(flow) == [(1, "on_hold")]
    assert kinds(flow) == ["flow_started", "step_opened", "flow_held"]


def test_flow_may_start_on_hold_with_nobody_asked():
    flow = start_flow(make_document(), Continuation(hold="Not yet"))
    assert (flow.status, statuses(flow)) == (FlowStatus.ON_HOLD, [])


def test_track_may_put_the_whole_flow_on_hold(ann, bob, cid):
    in_track(law=Continuation(hold="x"))
    flow = make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": cid})
    assert advance_flow(flow.target, "approved", ann) is None
    assert statuses(flow) == [(1, "approved"), (1, "on_hold"), (2, "pending")]
    resume_flow(flow)
    assert advance_flow(flow.target, "approved", bob).assigned_to == cid


def test_track_may_go_on_and_put_the_flow_on_hold(ann, bob, cid):
    in_track(law=Continuation(steps=[beside("law 2", cid)], hold="x"))
    flow = make_flow(track("law", ann), track("money", bob))
    assert advance_flow(flow.target, "approved", ann) is None
    assert statuses(flow) == [(1, "approved"), (1, "on_hold"), (1, "on_hold")]


def test_going_on_may_put_the_flow_on_hold(ann, bob):
    flow = make_flow(ann)
    assert continue_flow(flow, Continuation(hold="x")) is None
    assert statuses(flow) == [(1, "on_hold")]


def test_steps_added_while_it_waited_are_opened_and_held(ann, bob):
    flow = waiting_flow()
    extend_flow(flow, [{"assigned_to": ann}])
    answer = Continuation(steps=[{"assigned_to": bob}], hold="x")
    assert continue_flow(flow, answer) is None
    assert statuses(flow) == [(1, "on_hold"), (2, "pending")]


def test_notes_are_told_in_order_with_who_did_it(ann, bob):
    notes = [{"skipped": "Review", "actor": bob, "comment": "Small amount"}, {"skipped": "Law"}]
    answering(next_steps=Continuation(notes=notes))
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    told = flow.events.filter(kind="noted").in_order()
    assert [(event.data, event.actor, event.comment) for event in told] == [
        ({"skipped": "Review"}, bob, "Small amount"),
        ({"skipped": "Law"}, None, ""),
    ]
    assert stored(flow).status == FlowStatus.COMPLETED
    assert verified(flow)


def test_keys_of_notes_are_free(ann):
    """Also those that the history has columns for."""
    note = {"kind": "timer", "instance": 7, "from_status": "x"}
    flow = start_flow(make_document(), Continuation(waits=True, notes=[note]))
    event = last_event(flow)
    assert (event.kind, event.instance, event.from_status, event.data) == ("noted", None, "", note)


@pytest.mark.parametrize(
    "note", [{"at": object()}, {"actor": "ann"}, {"comment": 5}], ids=["json", "actor", "comment"]
)
def test_notes_that_the_history_cannot_keep(note):
    flow = waiting_flow()
    with pytest.raises(InvalidInput):
        continue_flow(flow, Continuation(waits=True, notes=[note]))
