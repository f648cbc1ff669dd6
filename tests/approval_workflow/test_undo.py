"""Taking the last decision back."""

from datetime import UTC, datetime, timedelta

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import (
    ApprovalMisconfigured,
    ApprovalPermissionDenied,
    CannotUndo,
    FlowOnHold,
    InvalidInput,
    NoCurrentStep,
    VersionConflict,
)
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    continue_flow,
    extend_flow,
    hold_flow,
    process_deadlines,
    reassign,
    remind,
    replace_steps,
    resume_flow,
    start_flow,
    undo_decision,
)
from approval_workflow.testing import frozen_time
from approval_workflow.types import Continuation
from approval_workflow.utils import get_approval_summary, waiting_for
from tests.approval_workflow.flows import (
    by,
    current,
    kinds,
    last_event,
    make_flow,
    row_of,
    statuses,
    the_current,
    verified,
)
from tests.factories import DynamicFormFactory, UserFactory, make_role
from tests.faults import dump
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def track(name, user, **keys):
    return {"step": 1, "assigned_to": user, "parallel_group": name, **keys}


def standing(flow):
    """What a decision and its undoing must leave as it was."""
    rows = ApprovalInstance.objects.filter(flow=flow).order_by("pk")
    return (
        ApprovalFlow.objects.values_list("status", "is_open", "completed_at").get(pk=flow.pk),
        list(
            rows.values_list(
                "step_number",
                "round",
                "parallel_group",
                "status",
                "assigned_to",
                "voice",
                "action_user",
                "comment",
                "form_data",
                "started_at",
                "acted_at",
                "due_at",
                "claimed_at",
                "checked_in_at",
            )
        ),
    )


def undone(flow, user, action="approved", **arguments):
    """Let the person decide and take it back; return where it stood before and stands now."""
    before = standing(flow)
    advance_flow(flow.target, action, user, **arguments)
    assert standing(flow) != before
    row = undo_decision(flow, user)
    assert (row.status, row.action_user) == ("current", None)
    assert verified(flow)
    return before, standing(flow)


# What comes back


def test_approval_of_a_middle_step(ann, bob, cid):
    flow = make_flow(ann, bob, cid)
    advance_flow(flow.target, "approved", ann)
    before, after = undone(flow, bob, comment="Fine")
    assert after == before
    assert statuses(flow) == [(1, "approved"), (2, "current"), (3, "pending")]


def test_approval_of_the_last_step_opens_the_flow_again(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    before, after = undone(flow, bob)
    assert after == before
    assert [step.assigned_to for step in waiting_for(bob)] == [bob]


def test_optional_track_that_the_end_had_cancelled_is_open_again(ann, bob, cid):
    flow = make_flow(
        track("law", ann),
        track("advice", bob, parallel_required=False),
        {"step": 2, "assigned_to": cid},
    )
    advance_flow(flow.target, "approved", ann)
    before, after = undone(flow, cid)
    assert after == before
    assert row_of(flow, bob).status == "current"


@pytest.mark.parametrize("strategy", ["anyone", "round_robin"])
def test_approval_in_a_step_that_one_person_decides(ann, strategy):
    flow = make_flow(by(make_role(3), strategy), ann)
    before, after = undone(flow, current(flow)[-1].assigned_to)
    assert after == before


@pytest.mark.parametrize(
    "step",
    [{"role_selection_strategy": "consensus"}, {"quorum_count": 2}],
    ids=["consensus", "quorum"],
)
def test_last_vote_of_a_step(ann, step):
    """The rows that the outcome had made needless are open again, the votes cast before stay."""
    role = make_role(3)
    strategy = {"role_selection_strategy": "quorum", **step}
    flow = make_flow({"assigned_role": role, **strategy}, ann)
    people = [row.assigned_to for row in current(flow)]
    needed = step.get("quorum_count", 3)
    for person in people[: needed - 1]:
        advance_flow(flow.target, "approved", person)
    before, after = undone(flow, people[needed - 1])
    assert after == before
    assert len(current(flow)) == 3 - needed + 1


def test_vote_in_a_step_that_goes_on(ann):
    flow = make_flow(by(make_role(3), "consensus"), ann)
    before, after = undone(flow, current(flow)[0].assigned_to)
    assert after == before


def test_vote_can_be_cast_again_and_counts_once(ann):
    flow = make_flow(by(make_role(2), "consensus"), ann)
    first, second = (row.assigned_to for row in current(flow))
    advance_flow(flow.target, "approved", first)
    undo_decision(flow, first)
    assert advance_flow(flow.target, "approved", second).assigned_to == first
    assert advance_flow(flow.target, "approved", first).assigned_to == ann


def test_negative_vote_that_ended_nothing(ann):
    flow = make_flow(by(make_role(3), "majority", rejection_policy="out_of_reach"), ann)
    before, after = undone(flow, current(flow)[0].assigned_to, "rejected")
    assert after == before


@pytest.mark.parametrize("strategy", ["anyone", "consensus"])
def test_step_of_a_role_that_was_opened_is_to_come_again(ann, strategy):
    role = make_role(3)
    flow = make_flow(ann, by(role, strategy, sla_duration=DAY))
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow, ann)
    second = flow.instances.pending().get()
    assert (second.assigned_to, second.started_at, second.due_at) == (None, None, None)
    advance_flow(flow.target, "approved", ann)
    assert {row.assigned_to for row in current(flow)} == set(role.users.all())


def test_rejection_brings_back_what_was_open_and_what_was_to_come(ann, bob, cid):
    flow = make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": cid})
    before, after = undone(flow, ann, "rejected", comment="No")
    assert after == before
    assert statuses(flow) == [(1, "current"), (1, "current"), (2, "pending")]


def test_resubmission_brings_back_the_round_before(ann, bob, cid):
    flow = make_flow(ann, bob)
    steps = [{"assigned_to": cid}, {"assigned_to": bob}]
    advance_flow(flow.target, "resubmission", ann, resubmission_steps=steps)
    assert undo_decision(flow, ann).round == 1
    assert statuses(flow) == [
        (1, "current"),
        (2, "pending"),
        (1, "cancelled"),
        (2, "cancelled"),
    ]
    assert the_current(flow).round == 1
    assert advance_flow(flow.target, "approved", ann).assigned_to == bob


def test_resubmission_to_the_same_person_in_the_same_place(ann):
    """The rows of both rounds have the same number and person; one at a time is current."""
    flow = make_flow(ann)
    advance_flow(flow.target, "resubmission", ann, resubmission_steps=[{"assigned_to": ann}])
    undo_decision(flow, ann)
    assert the_current(flow).round == 1


def test_what_was_cancelled_before_stays_cancelled(ann, bob, cid):
    """At the same moment even: rows belong to the act that closed them, not to its time."""
    with frozen_time(MONDAY):
        flow = make_flow(ann, bob)
        replace_steps(flow, [{"assigned_to": cid}, {"assigned_to": bob}])
        before, after = undone(flow, cid, "rejected")
    assert after == before
    assert row_of(flow, ann).status == "cancelled"


def test_part_that_was_taken_over(ann, bob, cid):
    flow = make_flow(ann, cid)
    advance_flow(flow.target, "delegated", ann, delegate_to=bob)
    before, after = undone(flow, bob)
    assert after == before


def test_claim_is_kept(ann):
    role = make_role(2)
    flow = make_flow(by(role), ann)
    holder = role.users.first()
    advance_flow(flow.target, "claimed", holder)
    before, after = undone(flow, holder)
    assert after == before


def test_check_in_is_kept(ann, bob):
    flow = make_flow({"assigned_to": ann, "approval_type": "check_in_verify"}, bob)
    advance_flow(flow.target, "approved", ann)
    before, after = undone(flow, ann)
    assert after == before


def test_form_is_filled_in_anew_and_the_history_keeps_what_it_said(ann, bob):
    flow = make_flow({"assigned_to": ann, "form": DynamicFormFactory.create()}, bob)
    advance_flow(flow.target, "approved", ann, form_data={"note": "x"})
    undo_decision(flow, ann)
    assert the_current(flow).form_data is None
    assert last_event(flow).data["form_data"] == {"note": "x"}


def test_decision_of_a_flow_by_its_object(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    assert undo_decision(flow.target, ann).assigned_to == ann


def test_ended_flow_by_its_object(ann):
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow.target, ann)
    assert get_approval_summary(flow.target)["flow_status"] == FlowStatus.IN_PROGRESS


def test_flow_passed_in_is_brought_up_to_date(ann):
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow, ann)
    stored = ApprovalFlow.objects.get(pk=flow.pk)
    assert (flow.status, flow.is_open, flow.version) == ("in_progress", True, stored.version)


def test_other_decision_may_be_made_afterwards(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow, ann)
    assert advance_flow(flow.target, "rejected", ann) is None
    assert statuses(flow) == [(1, "rejected"), (2, "cancelled")]


def test_decision_made_again_can_be_undone_again(ann, bob):
    flow = make_flow(ann, bob)
    for _time in range(2):
        before, after = undone(flow, ann)
        assert after == before


def test_somebody_who_acted_for_another_undoes_it_themselves(ann):
    senior = UserFactory.create(role=make_role(0))
    junior = UserFactory.create(role=type(senior.role).objects.create(parent=senior.role))
    flow = make_flow(junior, ann)
    advance_flow(flow.target, "approved", senior)
    with pytest.raises(ApprovalPermissionDenied):
        undo_decision(flow, junior)
    assert undo_decision(flow, senior).assigned_to == junior


def test_who_has_decided_may_act_in_a_step_kept_from_deciders_once_it_is_undone(ann, bob):
    flow = make_flow(by(make_role(2)), {"assigned_to": ann, "exclude_deciders": True})
    holder = current(flow)[0].assigned_to
    advance_flow(flow.target, "approved", holder)
    undo_decision(flow, holder)
    reassign(current(flow)[0], bob, assign_to=ann, reason="x")
    other = current(flow)[0].assigned_to
    assert advance_flow(flow.target, "approved", other).assigned_to == ann


# What handlers had added


def answering(**answers):
    """Register a handler that answers these hooks; return what it was asked and told."""
    heard = []

    def hook(name):
        def call(self, argument):
            heard.append(name)
            return answers[name](argument) if callable(answers[name]) else answers[name]

        return call

    register_handler(Document)(
        type("Answering", (BaseApprovalHandler,), {name: hook(name) for name in answers})
    )
    return heard


def test_step_that_a_handler_added_is_cancelled_and_asked_for_again(ann, bob, cid):
    answers = iter([[{"assigned_to": bob}], [{"assigned_to": cid}]])
    answering(next_steps=lambda instance: next(answers))
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow, ann)
    assert statuses(flow) == [(1, "current"), (2, "cancelled")]
    assert advance_flow(flow.target, "approved", ann).assigned_to == cid
    assert statuses(flow) == [(1, "approved"), (2, "cancelled"), (2, "current")]


def test_steps_of_a_role_that_a_handler_added_are_cancelled(ann):
    steps = [by(make_role(3), "consensus"), {"assigned_to": ann}]
    answering(next_steps=lambda instance: steps if instance.step_number == 1 else ())
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow, ann)
    assert [status for _number, status in statuses(flow)] == ["current", *["cancelled"] * 4]


def test_steps_asked_for_again_can_be_replaced(ann, bob, cid):
    """The cancelled row of the same place says nothing about whom the step asks."""
    answers = iter([[{"assigned_to": bob}, {"assigned_to": ann}], [{"assigned_to": cid}]])
    answering(next_steps=lambda instance: next(answers))
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow, ann)
    advance_flow(flow.target, "approved", ann)
    result = replace_steps(flow, [{"assigned_to": cid}, {"assigned_to": bob}], since=2)
    assert (result.kept, result.added, result.cancelled) == (1, 1, 0)


def test_step_sent_back_can_be_replaced(ann, bob):
    role = make_role(2)
    flow = make_flow(ann, by(role, "consensus"))
    undone(flow, ann)
    result = replace_steps(flow, [{"assigned_to": ann}, by(role, "majority"), {"assigned_to": bob}])
    assert (result.kept, result.added, result.cancelled) == (2, 1, 0)
    advance_flow(flow.target, "approved", ann)
    assert len(current(flow)) == 2


def test_step_that_a_track_went_on_with_is_cancelled(ann, bob, cid):
    answering(
        next_in_track=lambda instance: (
            [{"assigned_to": cid, "parallel_group": "law 2"}]
            if instance.parallel_group == "law"
            else ()
        )
    )
    flow = make_flow(track("law", ann), track("money", bob))
    for _time in range(2):
        advance_flow(flow.target, "approved", ann)
        assert [row.assigned_to for row in current(flow)] == [cid, bob]
        undo_decision(flow, ann)
        assert [row.assigned_to for row in current(flow)] == [ann, bob]


def test_tracks_that_were_joined_go_on_and_count_again(ann, bob):
    role = make_role(2)
    answering(
        next_in_track=lambda instance: Continuation(joins=instance.parallel_group == "law"),
        next_steps=lambda instance: [{"assigned_to": bob}],
    )
    flow = make_flow(track("law", ann), by(role, "consensus", step=1, parallel_group="money"))
    first, second = role.users.order_by("pk")
    advance_flow(flow.target, "approved", first)
    advance_flow(flow.target, "approved", ann)
    assert [row.assigned_to for row in current(flow)] == [bob]
    undo_decision(flow, ann)
    assert {row.assigned_to for row in current(flow)} == {ann, second}
    advance_flow(flow.target, "approved", second)
    steps = [track("law", ann), by(role, "consensus", step=1, parallel_group="money")]
    assert replace_steps(flow, steps).counted == 1


def test_rejection_that_a_handler_answered_goes_with_the_decision(ann):
    answering(next_steps=Continuation(rejects=True))
    flow = make_flow(ann)
    before, after = undone(flow, ann)
    assert after == before


def test_handlers_hear_of_it_from_who_undoes_it(ann, bob):
    seen = []
    answering(on_undo=lambda row: seen.append((row.status, row.action_user, row.assigned_to)))
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow, ann)
    assert seen == [("current", ann, ann)]


def test_wait_that_a_decision_began_is_over_when_it_is_undone(ann):
    answering(next_steps=Continuation(waits=True))
    flow = make_flow(ann)
    before, after = undone(flow, ann)
    assert after == before


# History


def test_undoing_is_told_with_person_reason_and_decision(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    approved = last_event(flow, "approved")
    undo_decision(flow, ann, reason="Wrong request")
    event = last_event(flow)
    assert (event.kind, event.actor, event.comment) == ("decision_undone", ann, "Wrong request")
    assert (event.from_status, event.to_status) == ("approved", "current")
    assert event.instance == approved.instance
    assert event.data == {"step": 1, "decision": approved.sequence, "form_data": None}


# Refused


def refused(flow, user, error=CannotUndo, match=None):
    before = dump()
    with pytest.raises(error, match=match) as caught:
        undo_decision(flow, user)
    assert dump() == before
    return caught.value


def test_only_who_decided_may_undo_it(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    error = refused(flow, bob, ApprovalPermissionDenied)
    assert error.details["reason"] == "not_your_decision"


@pytest.mark.parametrize("who", [None, "ann", 5])
def test_nobody_may_not(ann, bob, who):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    refused(flow, who, ApprovalPermissionDenied)


def test_who_is_inactive_by_now_may_not(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    type(ann).objects.filter(pk=ann.pk).update(is_active=False)
    refused(flow, ann, ApprovalPermissionDenied)


def test_decision_is_undone_until_the_end_of_the_period(ann, bob, settings):
    settings.APPROVAL_UNDO_PERIOD = DAY
    with frozen_time(MONDAY) as clock:
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        clock.move_by(DAY)
        assert undo_decision(flow, ann).status == "current"


def test_later_it_is_not(ann, bob, settings):
    settings.APPROVAL_UNDO_PERIOD = DAY
    with frozen_time(MONDAY) as clock:
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        clock.move_by(DAY + timedelta(seconds=1))
        assert refused(flow, ann, match="has passed").code == "cannot_undo"


def test_nothing_is_undone_unless_the_project_allows_it(ann, bob, settings):
    settings.APPROVAL_UNDO_PERIOD = None
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    refused(flow, ann, match="cannot be undone here")


def test_period_must_be_a_duration(ann, bob, settings):
    settings.APPROVAL_UNDO_PERIOD = 600
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    refused(flow, ann, ApprovalMisconfigured, match="APPROVAL_UNDO_PERIOD = 600")


def test_decision_is_undone_after_reminders(ann):
    role = make_role(2)
    flow = make_flow(ann, by(role, "consensus"))
    advance_flow(flow.target, "approved", ann)
    for row in current(flow):
        remind(row)
    undo_decision(flow, ann)
    assert statuses(flow) == [(1, "current"), (2, "pending"), (2, "cancelled")]
    assert flow.instances.pending().get().reminded_at is None


def delegated(flow, ann, bob, holder):
    advance_flow(flow.target, "delegated", holder, delegate_to=ann)


def approved(flow, ann, bob, holder):
    advance_flow(flow.target, "approved", holder)


def claimed(flow, ann, bob, holder):
    advance_flow(flow.target, "claimed", holder)


def released(flow, ann, bob, holder):
    advance_flow(flow.target, "claimed", holder)
    advance_flow(flow.target, "released", holder)


def reassigned(flow, ann, bob, holder):
    reassign(current(flow)[0], bob, assign_to=ann, reason="x")


def extended(flow, ann, bob, holder):
    extend_flow(flow, [{"assigned_to": bob}])


def replaced(flow, ann, bob, holder):
    replace_steps(flow, [{"assigned_to": ann}, {"assigned_to": bob}])


def continued(flow, ann, bob, holder):
    continue_flow(flow, [{"assigned_to": bob, "parallel_group": "b"}])


def held_and_resumed(flow, ann, bob, holder):
    hold_flow(flow)
    resume_flow(flow)


def cancelled(flow, ann, bob, holder):
    cancel_flow(flow)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (delegated, "Delegated"),
        (claimed, "Claimed"),
        (released, "Released"),
        (reassigned, "Reassigned"),
        (extended, "Steps added"),
        (replaced, "Step opened"),
        (continued, "Step opened"),
        (held_and_resumed, "Flow resumed"),
        (cancelled, "Flow cancelled"),
    ],
)
def test_decision_stands_once_something_has_happened_after_it(ann, bob, act, told):
    role = make_role(2)
    flow = make_flow(ann, by(role))
    advance_flow(flow.target, "approved", ann)
    act(flow, ann, bob, role.users.first())
    assert told in refused(flow, ann).message


def test_decision_stands_once_the_next_person_has_decided(ann, bob, cid):
    flow = make_flow(ann, bob, cid)
    advance_flow(flow.target, "approved", ann)
    advance_flow(flow.target, "approved", bob)
    refused(flow, ann, ApprovalPermissionDenied)


def test_own_earlier_decision_does_not_come_into_reach(ann, bob):
    """Undoing goes back one decision."""
    flow = make_flow(ann, ann, bob)
    advance_flow(flow.target, "approved", ann)
    advance_flow(flow.target, "approved", ann)
    undo_decision(flow, ann)
    refused(flow, ann, match="Decision undone")


def test_flow_on_hold_is_resumed_first(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    hold_flow(flow)
    assert refused(flow, ann, FlowOnHold).code == "flow_on_hold"


def test_flow_in_which_nobody_has_decided(ann):
    refused(make_flow(ann), ann)


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_what_a_deadline_decided_is_nobodys_to_undo(ann, bob, action):
    with frozen_time(MONDAY) as clock:
        flow = make_flow({"assigned_to": ann, "sla_duration": DAY, "timeout_action": action}, bob)
        clock.move_by(DAY)
        process_deadlines()
        refused(flow, ann)


def test_object_that_has_a_new_flow(ann):
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    start_flow(flow.target, [{"assigned_to": ann}])
    refused(flow, ann, match="new approval flow")


def test_object_whose_new_flow_a_handler_started(ann):
    started = answering(
        on_final_approve=lambda row: start_flow(row.flow.target, [{"assigned_to": ann}])
    )
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    refused(flow, ann, match="new approval flow")
    assert started == ["on_final_approve"]


def test_object_without_a_flow(document, ann):
    refused(document, ann, NoCurrentStep)


def test_flow_that_changed_since_it_was_read(ann, bob):
    flow = make_flow(ann, bob)
    version = flow.version
    advance_flow(flow.target, "approved", ann)
    before = dump()
    with pytest.raises(VersionConflict):
        undo_decision(flow, ann, expected_version=version)
    assert dump() == before


@pytest.mark.parametrize("reason", [5, "a\x00b"])
def test_reason_must_be_text(ann, bob, reason):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann)
    with pytest.raises(InvalidInput, match="reason"):
        undo_decision(flow, ann, reason=reason)


def test_same_key_again_returns_the_first_outcome_though_it_was_undone(ann, bob):
    flow = make_flow(ann, bob)
    first = advance_flow(flow.target, "approved", ann, idempotency_key="k")
    undo_decision(flow, ann)
    assert advance_flow(flow.target, "approved", ann, idempotency_key="k") == first
    assert the_current(flow).assigned_to == ann
    assert kinds(flow).count("approved") == 1
