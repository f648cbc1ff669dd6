"""Other steps in the place of those that are not decided: nobody is asked twice."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from approval_workflow.exceptions import (
    ApprovalError,
    Conflict,
    FlowEnded,
    InvalidInput,
    InvalidSteps,
    NobodyEligible,
    NothingLeftToAsk,
    StepAlreadyProcessed,
    VersionConflict,
)
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    claim,
    delegate,
    process_deadlines,
    reassign,
    replace_steps,
)
from approval_workflow.types import Replacement
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

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ask(*people, **keys):
    """Return a plain step for each person."""
    return [{"assigned_to": person, **keys} for person in people]


def people(flow, status):
    rows = ApprovalInstance.objects.filter(flow=flow, status=status).in_order()
    return [row.assigned_to for row in rows]


def counts(kept=0, counted=0, cancelled=0, added=0):
    return Replacement(kept=kept, counted=counted, cancelled=cancelled, added=added)


class TestWhoIsAsked:
    def test_other_people_take_the_place_of_those_not_decided(self, ann, bob, cid):
        flow = make_flow(ann, bob)
        assert replace_steps(flow, ask(cid)) == counts(cancelled=2, added=1)
        assert statuses(flow) == [(1, "cancelled"), (2, "cancelled"), (3, "current")]
        assert the_current(flow).assigned_to == cid

    def test_open_step_that_is_asked_for_again_stays_as_it_is(self, ann, bob, cid):
        flow = make_flow(ann, bob)
        row = the_current(flow)
        assert replace_steps(flow, ask(ann, cid)) == counts(kept=1, cancelled=1, added=1)
        assert the_current(flow) == row
        assert people(flow, "pending") == [cid]

    def test_who_has_approved_is_not_asked_again(self, ann, bob, cid):
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        assert replace_steps(flow, ask(ann, cid)) == counts(counted=1, cancelled=1, added=1)
        assert the_current(flow).assigned_to == cid
        assert advance_flow(flow.target, "approved", cid) is None

    def test_each_approval_counts_once(self, ann, bob):
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        assert replace_steps(flow, ask(ann, ann)) == counts(counted=1, cancelled=1, added=1)
        assert the_current(flow).assigned_to == ann

    def test_step_put_before_the_open_one_follows_it(self, ann, bob, cid):
        flow = make_flow(ann, bob)
        assert replace_steps(flow, ask(cid, ann, bob)) == counts(kept=2, added=1)
        assert the_current(flow).assigned_to == ann
        assert people(flow, "pending") == [cid, bob]

    def test_steps_to_come_in_the_order_of_before_keep_their_numbers(self, ann, bob, cid):
        flow = make_flow(ann, bob, cid)
        before = list(ApprovalInstance.objects.order_by("pk").values("pk", "step_number", "status"))
        assert replace_steps(flow, ask(ann, bob, cid)) == counts(kept=3)
        after = list(ApprovalInstance.objects.order_by("pk").values("pk", "step_number", "status"))
        assert after == before

    def test_steps_to_come_that_swap_places_get_new_numbers(self, ann, bob, cid):
        flow = make_flow(ann, bob, cid)
        replace_steps(flow, ask(ann, cid, bob))
        assert people(flow, "pending") == [cid, bob]
        assert statuses(flow) == [(1, "current"), (4, "pending"), (5, "pending")]

    def test_first_step_to_come_opens_where_nothing_stays_open(self, ann, bob, cid):
        flow = make_flow(ann, bob, cid)
        row = ApprovalInstance.objects.get(assigned_to=cid)
        assert replace_steps(flow, ask(cid, bob)) == counts(kept=2, cancelled=1)
        assert the_current(flow) == row
        assert people(flow, "pending") == [bob]

    def test_delegated_step_stays_with_the_delegate(self, ann, bob):
        flow = make_flow(ann)
        delegate(the_current(flow), ann, delegate_to=bob)
        assert replace_steps(flow, ask(ann)) == counts(kept=1)
        assert the_current(flow).assigned_to == bob

    def test_reassigned_step_is_known_by_whom_the_step_asked_first(self, ann, bob, cid):
        flow = make_flow(ann)
        reassign(the_current(flow), cid, assign_to=bob, reason="Away.")
        assert replace_steps(flow, ask(bob)) == counts(cancelled=1, added=1)
        assert the_current(flow).delegated_from is None

    def test_afresh_nothing_counts_and_nothing_stays(self, ann, bob):
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        assert replace_steps(flow, ask(ann, bob), afresh=True) == counts(cancelled=1, added=2)
        assert the_current(flow).assigned_to == ann
        assert people(flow, "pending") == [bob]

    def test_steps_before_the_number_are_left_alone_and_do_not_count(self, ann, bob):
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        assert replace_steps(flow, ask(bob, ann), since=2) == counts(kept=1, added=1)
        assert people(flow, "pending") == [ann]

    def test_what_the_project_tells_apart_asks_different_people(self, ann):
        flow = make_flow({"assigned_to": ann, "extra_fields": {"as": "buyer"}}, ann)
        as_seller = ask(ann, extra_fields={"as": "seller"})
        assert replace_steps(flow, as_seller, distinct_by=["as"]).added == 1
        assert replace_steps(flow, as_seller, distinct_by=["as"]).kept == 1
        assert replace_steps(flow, ask(ann), distinct_by=["as"]).kept == 1

    def test_only_the_present_round_counts(self, ann, bob):
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        steps = [*ask(bob), *ask(ann)]
        advance_flow(flow.target, "resubmission", bob, resubmission_steps=steps)
        assert replace_steps(flow, ask(ann)) == counts(kept=1, cancelled=1)
        assert {row.round for row in current(flow)} == {2}


class TestVotes:
    @pytest.fixture
    def board(self):
        return make_role(3)

    def test_votes_and_delegations_of_a_step_that_stays_are_kept(self, board, ann):
        flow = make_flow(by(board, "consensus"))
        one, two, three = board.users.order_by("pk")
        advance_flow(flow.target, "approved", one)
        advance_flow(flow.target, "delegated", two, delegate_to=ann)
        assert replace_steps(flow, [by(board, "consensus")]) == counts(kept=1)
        assert people(flow, "current") == [three, ann]
        advance_flow(flow.target, "approved", ann)
        assert advance_flow(flow.target, "approved", three) is None

    def test_claim_is_kept_for_as_long_as_anyone_may_decide(self, board):
        flow = make_flow(by(board))
        one, two, three = board.users.order_by("pk")
        claim(ApprovalInstance.objects.get(assigned_to=two), two)
        replace_steps(flow, [by(board, allow_higher_level=False)])
        assert ApprovalInstance.objects.get(assigned_to=two).claimed_at is not None
        replace_steps(flow, [by(board, "consensus")])
        for voter in (one, two, three):
            advance_flow(flow.target, "approved", voter)
        assert ApprovalFlow.objects.get(pk=flow.pk).status == "completed"

    @pytest.mark.parametrize(
        ("rule", "needed"),
        [
            (("majority", {}), 1),
            (("quorum", {"quorum_count": 3}), 2),
            (("percentage", {"percentage_required": 60}), 1),
        ],
    )
    def test_another_rule_for_the_same_voters_counts_their_votes(self, board, rule, needed):
        strategy, numbers = rule
        flow = make_flow(by(board, "consensus"))
        voters = list(board.users.order_by("pk"))
        advance_flow(flow.target, "approved", voters[0])
        assert replace_steps(flow, [by(board, strategy, **numbers)]) == counts(kept=1)
        for voter in voters[1:needed]:
            assert advance_flow(flow.target, "approved", voter) is not None
        assert advance_flow(flow.target, "approved", voters[needed]) is None

    def test_votes_that_are_enough_by_the_new_rule_satisfy_the_step(self, board, ann):
        flow = make_flow(by(board, "quorum", quorum_count=3))
        for voter in board.users.order_by("pk")[:2]:
            advance_flow(flow.target, "approved", voter)
        steps = [by(board, "quorum", quorum_count=2), *ask(ann)]
        assert replace_steps(flow, steps) == counts(counted=1, added=1)
        assert people(flow, "current") == [ann]
        assert replace_steps(flow, steps) == counts(kept=1, counted=1)

    def test_votes_that_would_reject_by_the_new_rule_are_a_conflict(self, board):
        flow = make_flow(by(board, "consensus", rejection_policy="out_of_reach"))
        flow = make_flow(by(board, "majority", rejection_policy="out_of_reach"))
        advance_flow(flow.target, "rejected", board.users.first())
        before = dump()
        with pytest.raises(Conflict) as caught:
            replace_steps(flow, [by(board, "consensus", rejection_policy="out_of_reach")])
        assert caught.value.code == "conflict"
        assert dump() == before

    def test_rule_that_the_voters_cannot_satisfy_is_refused(self, board):
        flow = make_flow(by(board, "consensus"))
        before = dump()
        with pytest.raises(NobodyEligible, match="4 approvals, of 3 people"):
            replace_steps(flow, [by(board, "quorum", quorum_count=4)])
        assert dump() == before

    def test_single_votes_of_a_step_that_was_dropped_make_no_approval(self, board, ann):
        flow = make_flow(by(board, "consensus"))
        advance_flow(flow.target, "approved", board.users.first())
        replace_steps(flow, ask(ann))
        assert replace_steps(flow, [by(board, "consensus")]) == counts(cancelled=1, added=1)
        assert len(current(flow)) == 3

    def test_another_role_or_another_way_to_pick_is_asked_anew(self, board):
        flow = make_flow(by(board, "anyone"))
        assert replace_steps(flow, [by(make_role(1))]) == counts(cancelled=1, added=1)
        assert len(current(flow)) == 1
        assert replace_steps(flow, [by(board, "seniority_based")]).added == 1

    def test_other_separation_of_duties_means_other_voters(self, board):
        flow = make_flow(by(board))
        assert replace_steps(flow, [by(board, exclude_deciders=True)]).added == 1


class TestTerms:
    def test_open_and_later_steps_get_the_new_ones(self, ann, bob):
        form = DynamicFormFactory.create()
        flow = make_flow(ann, bob)
        assert replace_steps(flow, ask(ann, bob, form=form, extra_fields={"a": 1})).kept == 2
        for row in ApprovalInstance.objects.filter(flow=flow):
            assert (row.form, row.extra_fields) == (form, {"a": 1})

    def test_decided_rows_keep_theirs(self, ann, bob):
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        replace_steps(flow, ask(ann, bob, allow_higher_level=False))
        rows = ApprovalInstance.objects.filter(flow=flow).in_order()
        assert [row.allow_higher_level for row in rows] == [True, False]

    def test_what_the_project_keeps_with_a_step_is_merged(self, ann):
        flow = make_flow({"assigned_to": ann, "extra_fields": {"a": 1, "b": 1}})
        replace_steps(flow, ask(ann, extra_fields={"b": 2}))
        assert the_current(flow).extra_fields == {"a": 1, "b": 2}

    def test_new_deadline_counts_from_when_the_step_opened(self, ann):
        with time_machine.travel(NOON, tick=False) as clock:
            flow = make_flow({"assigned_to": ann, "sla_duration": timedelta(hours=1)})
            clock.shift(timedelta(hours=2))
            process_deadlines()
            replace_steps(flow, ask(ann, sla_duration=timedelta(hours=5)))
        row = the_current(flow)
        assert row.due_at == NOON + timedelta(hours=5)
        assert (row.reminded_at, row.timed_out_at) == (None, None)

    def test_new_deadline_of_each_part_of_a_vote_counts_from_when_its_person_was_asked(self, ann):
        role, hour = make_role(3), timedelta(hours=1)
        first, *others = role.users.order_by("pk")
        with time_machine.travel(NOON, tick=False) as clock:
            flow = make_flow(by(role, "consensus", sla_duration=hour))
            clock.shift(hour)
            delegate(row_of(flow, first), first, delegate_to=ann)
            replace_steps(flow, [by(role, "consensus", sla_duration=5 * hour)])
        due = {row.assigned_to: row.due_at for row in current(flow)}
        assert due == {ann: NOON + 6 * hour, **dict.fromkeys(others, NOON + 5 * hour)}

    def test_deadline_that_is_taken_away_is_gone(self, ann):
        flow = make_flow({"assigned_to": ann, "sla_duration": timedelta(hours=1)})
        replace_steps(flow, ask(ann))
        assert the_current(flow).due_at is None

    def test_step_handed_on_at_its_deadline_is_not_handed_on_to_the_same_person(self, ann, bob):
        delegating = {
            "sla_duration": timedelta(hours=1),
            "timeout_action": "delegate",
            "timeout_delegate_to": bob,
        }
        with time_machine.travel(NOON, tick=False) as clock:
            flow = make_flow({"assigned_to": ann, **delegating})
            clock.shift(timedelta(hours=2))
            process_deadlines()
            replace_steps(flow, ask(ann, **delegating))
        row = the_current(flow)
        assert (row.assigned_to, row.timeout_action) == (bob, "")

    def test_checked_in_stays_checked_in(self, ann):
        flow = make_flow({"assigned_to": ann, "approval_type": "check_in_verify"})
        advance_flow(flow.target, "approved", ann)
        replace_steps(flow, ask(ann, approval_type="check_in_verify"))
        assert advance_flow(flow.target, "approved", ann) is None


def beside(person, track, step=1, **keys):
    return {"step": step, "assigned_to": person, "parallel_group": track, **keys}


class TestTracks:
    def test_new_track_opens_beside_the_open_ones(self, ann, bob, cid):
        flow = make_flow(beside(ann, "a"), beside(bob, "b"))
        steps = [beside(ann, "a"), beside(bob, "b"), beside(cid, "c")]
        assert replace_steps(flow, steps) == counts(kept=2, added=1)
        assert [(row.step_number, row.assigned_to) for row in current(flow)] == [
            (1, ann),
            (1, bob),
            (1, cid),
        ]

    def test_other_person_of_a_track_follows_what_is_open(self, ann, bob, cid):
        flow = make_flow(beside(ann, "a"), beside(bob, "b"))
        replace_steps(flow, [beside(ann, "a"), beside(cid, "b")])
        assert people(flow, "current") == [ann]
        assert advance_flow(flow.target, "approved", ann).assigned_to == cid
        assert advance_flow(flow.target, "approved", cid) is None

    def test_track_to_come_that_is_to_run_beside_the_open_one_opens(self, ann, bob):
        flow = make_flow(ann, bob)
        assert replace_steps(flow, [beside(ann, ""), beside(bob, "b")]) == counts(kept=2)
        assert [row.step_number for row in current(flow)] == [1, 1]

    def test_tracks_made_into_a_sequence_stay_open(self, ann, bob):
        flow = make_flow(beside(ann, "a"), beside(bob, "b"))
        assert replace_steps(flow, ask(ann, bob)) == counts(kept=2)
        assert people(flow, "current") == [ann, bob]
        advance_flow(flow.target, "approved", bob)
        assert advance_flow(flow.target, "approved", ann) is None

    def test_track_that_is_not_required_holds_nothing_back(self, ann, bob, cid):
        flow = make_flow(beside(ann, "a"), beside(bob, "b"))
        replace_steps(flow, [beside(bob, "b", parallel_required=False), *ask(cid, step=2)])
        assert people(flow, "current") == [bob, cid]
        assert advance_flow(flow.target, "approved", cid) is None

    def test_step_on_another_track_takes_its_votes_along(self, ann):
        board = make_role(2)
        flow = make_flow(by(board, "consensus"), ann)
        one, two = board.users.order_by("pk")
        advance_flow(flow.target, "approved", one)
        asked = by(board, "consensus", step=1, parallel_group="b", parallel_required=False)
        replace_steps(flow, [asked, *ask(ann, step=2)])
        assert people(flow, "current") == [two, ann]
        assert {row.parallel_group for row in flow.instances.filter(step_number=1)} == {"b"}

    def test_one_track_never_has_two_open_steps(self, ann, bob, cid):
        flow = make_flow(beside(ann, ""), beside(cid, "b"))
        steps = [beside(ann, "b", parallel_required=False), *ask(bob, step=2)]
        replace_steps(flow, steps)
        assert people(flow, "current") == [ann]
        assert advance_flow(flow.target, "approved", ann).assigned_to == bob

    def test_track_that_is_not_required_is_nothing_left_to_ask(self, ann, bob):
        flow = make_flow(beside(ann, "a"), beside(bob, "b"))
        with pytest.raises(NothingLeftToAsk):
            replace_steps(flow, [beside(bob, "b", parallel_required=False)])


class TestHistory:
    def test_tells_who_why_and_what_became_of_the_steps(self, ann, bob, cid):
        flow = make_flow(ann, bob, ann)
        advance_flow(flow.target, "approved", ann)
        dropped = list(ApprovalInstance.objects.filter(flow=flow, step_number=3))
        replace_steps(
            flow, ask(ann, bob, cid), cid, reason="New rule.", details={"from": 1, "to": 2}
        )
        event = last_event(flow, "steps_replaced")
        assert (event.actor, event.comment) == (cid, "New rule.")
        assert event.data == {
            "since": 1,
            "round": 1,
            "kept": [2],
            "counted": [1],
            "cancelled": [row.pk for row in dropped],
            "steps": [4],
            "details": {"from": 1, "to": 2},
        }
        assert verified(flow)

    def test_is_written_even_where_nothing_changes(self, ann):
        flow = make_flow(ann)
        replace_steps(flow, ask(ann))
        assert kinds(flow) == ["flow_started", "step_opened", "steps_replaced"]

    def test_comes_before_what_opens(self, ann, bob):
        flow = make_flow(ann)
        replace_steps(flow, ask(bob))
        assert kinds(flow)[2:] == ["steps_replaced", "step_opened"]

    def test_flow_passed_in_is_brought_up_to_date(self, ann):
        flow = make_flow(ann)
        replace_steps(flow, ask(ann))
        stored = ApprovalFlow.objects.get(pk=flow.pk)
        assert (flow.version, flow.history_digest) == (stored.version, stored.history_digest)


class TestRefusals:
    def test_all_approved_is_nothing_left_to_ask(self, ann, bob):
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        before = dump()
        with pytest.raises(NothingLeftToAsk) as caught:
            replace_steps(flow, ask(ann))
        assert caught.value.code == "nothing_left_to_ask"
        assert dump() == before

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"since": 0}, InvalidInput),
            ({"since": True}, InvalidInput),
            ({"since": "1"}, InvalidInput),
            ({"details": ["no"]}, InvalidInput),
            ({"details": {"no": object()}}, InvalidInput),
            ({"reason": 7}, InvalidInput),
            ({"user": "ann"}, InvalidInput),
            ({"expected_version": 99}, VersionConflict),
            ({"steps": []}, InvalidSteps),
            ({"steps": [{}]}, InvalidSteps),
        ],
    )
    def test_wrong_arguments_change_nothing(self, ann, bob, arguments, error):
        flow = make_flow(ann)
        before = dump()
        with pytest.raises(error):
            replace_steps(flow, **{"steps": ask(bob), **arguments})
        assert dump() == before

    def test_ended_flow_has_no_steps_to_replace(self, ann):
        flow = make_flow(ann)
        cancel_flow(flow)
        with pytest.raises(FlowEnded):
            replace_steps(flow, ask(ann))

    def test_step_that_cannot_open_changes_nothing(self, ann):
        flow, nobody = make_flow(ann), make_role(0)
        before = dump()
        with pytest.raises(NobodyEligible):
            replace_steps(flow, [by(nobody)])
        assert dump() == before

    def test_cancelled_step_cannot_be_decided(self, ann, bob):
        flow = make_flow(ann)
        row = the_current(flow)
        replace_steps(flow, ask(bob))
        with pytest.raises(StepAlreadyProcessed) as caught:
            advance_flow(instance=row, action="approved", user=ann)
        assert caught.value.details["status"] == "cancelled"
        assert isinstance(caught.value, ApprovalError)


@pytest.mark.parametrize("size", [2, 30])
def test_costs_the_same_for_any_number_of_people(statements, size):
    role, ann, bob = make_role(size), UserFactory.create(), UserFactory.create()
    flow = make_flow(by(role, "consensus"), *ask(*[ann] * size))
    with statements() as seen:
        steps = [by(role, "majority", allow_higher_level=False), *ask(*[bob] * size)]
        replace_steps(flow, steps)
    assert seen.count <= 12, seen
