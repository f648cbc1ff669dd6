"""Tracks that run side by side: the same number, different values of parallel_group."""

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import advance_flow
from approval_workflow.utils import get_approval_summary
from tests.approval_workflow.flows import (
    by,
    current,
    kinds,
    make_flow,
    row_of,
    statuses,
    verified,
)
from tests.factories import UserFactory, make_role

pytestmark = pytest.mark.django_db


def track(name, user, *, required=True, step=1):
    return {
        "step": step,
        "assigned_to": user,
        "parallel_group": name,
        "parallel_required": required,
    }


@pytest.fixture
def dan(db):
    return UserFactory.create(username="dan")


@pytest.fixture
def two_tracks(ann, bob, cid):
    """Ann and Bob side by side, then Cid."""
    return make_flow(track("law", ann), track("money", bob), {"step": 2, "assigned_to": cid})


def test_tracks_open_together(two_tracks):
    assert statuses(two_tracks) == [(1, "current"), (1, "current"), (2, "pending")]


def test_next_number_waits_for_the_other_required_track(two_tracks, ann, bob):
    assert advance_flow(two_tracks.target, "approved", ann) == row_of(two_tracks, bob)
    assert statuses(two_tracks) == [(1, "approved"), (1, "current"), (2, "pending")]


@pytest.mark.parametrize("order", [("ann", "bob"), ("bob", "ann")])
def test_next_number_opens_when_all_required_tracks_are_done(two_tracks, cid, order, request):
    for name in order:
        result = advance_flow(two_tracks.target, "approved", request.getfixturevalue(name))
    assert (result.assigned_to, result.status) == (cid, "current")


def test_each_person_acts_on_their_own_track(two_tracks, bob):
    advance_flow(two_tracks.target, "approved", bob)
    assert row_of(two_tracks, bob).status == "approved"


def test_rejection_on_one_track_ends_the_flow(two_tracks, bob):
    assert advance_flow(two_tracks.target, "rejected", bob) is None
    assert statuses(two_tracks) == [(1, "cancelled"), (1, "rejected"), (2, "cancelled")]


def test_resubmission_on_one_track_cancels_the_others(two_tracks, ann, bob, cid):
    advance_flow(two_tracks.target, "resubmission", ann, resubmission_steps=[{"assigned_to": cid}])
    assert statuses(two_tracks)[:3] == [(1, "resubmission"), (1, "cancelled"), (2, "cancelled")]
    assert current(two_tracks)[0].round == 2


def test_optional_track_does_not_hold_back(ann, bob, cid):
    flow = make_flow(
        track("law", ann), track("advice", bob, required=False), {"step": 2, "assigned_to": cid}
    )
    assert advance_flow(flow.target, "approved", ann).assigned_to == cid
    assert row_of(flow, bob).status == "current"


def test_optional_track_alone_does_not_open_the_next_number(ann, bob, cid):
    flow = make_flow(
        track("law", ann), track("advice", bob, required=False), {"step": 2, "assigned_to": cid}
    )
    assert advance_flow(flow.target, "approved", bob).assigned_to == ann
    assert row_of(flow, cid).status == "pending"


def test_optional_track_that_is_late_opens_nothing(ann, bob, cid, dan):
    """The flow has moved on to step 2; advice on step 1 does not open step 3."""
    flow = make_flow(
        track("law", ann),
        track("advice", bob, required=False),
        {"step": 2, "assigned_to": cid},
        {"step": 3, "assigned_to": dan},
    )
    advance_flow(flow.target, "approved", ann)
    assert advance_flow(flow.target, "approved", bob).assigned_to == cid
    assert row_of(flow, dan).status == "pending"


def test_optional_track_that_is_late_does_not_complete_the_flow(ann, bob, cid):
    """The last step still awaits Cid when the advice on step 1 comes in."""
    flow = make_flow(
        track("law", ann), track("advice", bob, required=False), {"step": 2, "assigned_to": cid}
    )
    advance_flow(flow.target, "approved", ann)
    assert advance_flow(flow.target, "approved", bob).assigned_to == cid
    assert ApprovalFlow.objects.get(pk=flow.pk).status == FlowStatus.IN_PROGRESS
    assert row_of(flow, cid).status == "current"


def test_optional_track_that_nobody_answered_is_cancelled_at_the_end(ann, bob):
    flow = make_flow(track("law", ann), track("advice", bob, required=False))
    assert advance_flow(flow.target, "approved", ann) is None
    assert statuses(flow) == [(1, "cancelled"), (1, "approved")]
    assert verified(flow)


def test_votes_on_one_track_do_not_count_on_another(ann):
    role, other = make_role(2), make_role(2)
    flow = make_flow(
        by(role, "consensus", step=1, parallel_group="a"),
        by(other, "consensus", step=1, parallel_group="b"),
        {"step": 2, "assigned_to": ann},
    )
    for holder in role.users.all():
        advance_flow(flow.target, "approved", holder)
    assert [row.parallel_group for row in current(flow)] == ["b", "b"]
    assert flow.instances.get(step_number=2).status == "pending"


def test_person_on_two_tracks_answers_each(ann):
    flow = make_flow(track("law", ann), track("money", ann))
    assert advance_flow(flow.target, "approved", ann).parallel_group == "money"
    assert advance_flow(flow.target, "approved", ann) is None


def test_steps_of_later_numbers_may_run_side_by_side_too(ann, bob, cid):
    flow = make_flow(ann, track("law", bob, step=2), track("money", cid, step=2))
    advance_flow(flow.target, "approved", ann)
    assert statuses(flow) == [(1, "approved"), (2, "current"), (2, "current")]
    assert kinds(flow).count("step_opened") == 3


def test_summary_counts_tracks_of_one_number_as_one_step(two_tracks, ann):
    advance_flow(two_tracks.target, "approved", ann)
    summary = get_approval_summary(two_tracks.target)
    assert (summary["total_steps"], summary["completed_steps"]) == (2, 0)
