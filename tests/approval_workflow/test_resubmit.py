"""Asking for corrections: a new round with new steps."""

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    InvalidSteps,
    NobodyEligible,
    StepAlreadyProcessed,
    StepNotOpen,
)
from approval_workflow.services import advance_flow, request_resubmission
from tests.approval_workflow.flows import (
    by,
    current,
    kinds,
    last_event,
    make_flow,
    statuses,
    the_current,
    verified,
)
from tests.factories import make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db


def test_step_is_closed_and_the_new_round_opens(ann, bob, cid):
    flow = make_flow(ann, bob)
    step = the_current(flow)
    result = request_resubmission(
        step, ann, comment="Sign it", resubmission_steps=[{"assigned_to": cid}]
    )
    assert (step.status, step.comment, step.action_user) == ("resubmission", "Sign it", ann)
    assert (result.assigned_to, result.status, result.round, result.step_number) == (
        cid,
        "current",
        2,
        1,
    )


def test_numbers_of_the_round_before_may_come_again(ann, bob):
    """S0-26"""
    flow = make_flow(ann, bob)
    request_resubmission(
        flow.target,
        ann,
        resubmission_steps=[{"step": 1, "assigned_to": ann}, {"step": 2, "assigned_to": bob}],
    )
    assert statuses(flow) == [
        (1, "resubmission"),
        (2, "cancelled"),
        (1, "current"),
        (2, "pending"),
    ]


def test_same_person_may_be_asked_again_at_the_same_number(ann):
    flow = make_flow(ann)
    request_resubmission(flow.target, ann, resubmission_steps=[{"step": 1, "assigned_to": ann}])
    assert advance_flow(flow.target, "approved", ann) is None


def test_rounds_count_up(ann):
    flow = make_flow(ann)
    for expected in (2, 3, 4):
        again = request_resubmission(flow.target, ann, resubmission_steps=[{"assigned_to": ann}])
        assert again.round == expected
    assert verified(flow)


def test_flow_goes_on_with_the_new_round_to_its_end(ann, bob, cid):
    flow = make_flow(ann, bob)
    steps = [{"assigned_to": bob}, {"assigned_to": cid}]
    request_resubmission(flow.target, ann, resubmission_steps=steps)
    advance_flow(flow.target, "approved", bob)
    assert advance_flow(flow.target, "approved", cid) is None
    flow.refresh_from_db()
    assert flow.status == FlowStatus.COMPLETED


def test_other_open_rows_of_a_vote_are_cancelled(ann):
    role = make_role(3)
    flow = make_flow(by(role, "consensus"))
    request_resubmission(flow.target, role.users.first(), resubmission_steps=[{"assigned_to": ann}])
    old = flow.instances.filter(round=1).order_by("pk")
    assert list(old.values_list("status", flat=True)) == ["resubmission", "cancelled", "cancelled"]


def test_new_round_may_begin_with_a_role(ann):
    role = make_role(2)
    flow = make_flow(ann)
    request_resubmission(flow.target, ann, resubmission_steps=[by(role, "consensus")])
    assert {row.assigned_to for row in current(flow)} == set(role.users.all())


def test_request_is_told_with_what_follows(ann, bob):
    flow = make_flow(ann)
    request_resubmission(
        flow.target, ann, comment="Sign it", resubmission_steps=[{"assigned_to": bob}]
    )
    assert kinds(flow)[2:] == ["resubmission_requested", "steps_added", "step_opened"]
    event = last_event(flow, "resubmission_requested")
    assert (event.comment, event.to_status) == ("Sign it", "resubmission")
    assert last_event(flow, "steps_added").data == {"round": 2, "steps": [1]}


def test_handlers_see_comment_person_number_and_target(ann, bob, told):
    """S0-54"""
    flow = make_flow(ann)
    request_resubmission(
        flow.target, ann, comment="Sign it", resubmission_steps=[{"assigned_to": bob}]
    )
    assert [hook for hook, _ in told] == [
        "before_resubmission",
        "on_resubmission",
        "after_resubmission",
    ]
    seen = told[1][1]
    assert (seen.comment, seen.action_user, seen.step_number) == ("Sign it", ann, 1)
    assert seen.flow.target == flow.target


@pytest.mark.parametrize("steps", [None, [], ()])
def test_resubmission_without_steps_is_an_error_that_says_so(ann, steps):
    """L27"""
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(InvalidSteps) as caught:
        request_resubmission(flow.target, ann, resubmission_steps=steps)
    assert caught.value.errors == {"resubmission_steps": "Resubmission needs at least one step."}
    assert dump() == before


def test_wrong_steps_change_nothing(ann):
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(InvalidSteps):
        request_resubmission(flow.target, ann, resubmission_steps=[{"assigned": ann}])
    assert dump() == before


def test_role_that_nobody_holds_undoes_the_request(ann):
    flow = make_flow(ann)
    steps = [by(make_role(0))]
    before = dump()
    with pytest.raises(NobodyEligible):
        request_resubmission(flow.target, ann, resubmission_steps=steps)
    assert dump() == before


def test_errors_are_those_of_an_approval(ann, bob):
    flow = make_flow(ann, bob)
    first, second = flow.instances.in_order()
    steps = [{"assigned_to": ann}]
    with pytest.raises(StepNotOpen):
        request_resubmission(second, bob, resubmission_steps=steps)
    with pytest.raises(ApprovalPermissionDenied):
        request_resubmission(first, bob, resubmission_steps=steps)
    advance_flow(flow.target, "approved", ann)
    with pytest.raises(StepAlreadyProcessed):
        request_resubmission(first, ann, resubmission_steps=steps)
