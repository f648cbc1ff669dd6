"""Rejecting a step."""

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    NoCurrentStep,
    StepAlreadyProcessed,
    StepNotOpen,
    VersionConflict,
)
from approval_workflow.services import advance_flow, reject
from tests.approval_workflow.flows import (
    by,
    kinds,
    last_event,
    make_flow,
    statuses,
    the_current,
    verified,
)
from tests.factories import DynamicFormFactory, make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db


def test_rejection_ends_the_flow(ann, bob):
    """S0-18, S0-27"""
    flow = make_flow(ann, bob)
    step = the_current(flow)
    assert reject(step, ann, comment="Too dear") is None
    flow.refresh_from_db()
    assert (flow.status, flow.is_open) == (FlowStatus.REJECTED, None)
    assert flow.completed_at is not None
    assert statuses(flow) == [(1, "rejected"), (2, "cancelled")]


def test_instance_passed_in_is_brought_up_to_date(ann):
    step = the_current(make_flow(ann))
    reject(step, ann, comment="Too dear")
    assert (step.status, step.action_user, step.comment) == ("rejected", ann, "Too dear")
    assert step.flow.status == FlowStatus.REJECTED


def test_rejection_is_told_and_so_is_the_end(ann):
    flow = make_flow(ann)
    reject(flow.target, ann, comment="Too dear")
    assert kinds(flow) == ["flow_started", "step_opened", "rejected", "flow_rejected"]
    assert (last_event(flow, "rejected").comment, last_event(flow).actor) == ("Too dear", ann)
    assert (last_event(flow).from_status, last_event(flow).to_status) == ("in_progress", "rejected")
    assert verified(flow)


def test_on_reject_hears_of_a_rejection_that_ends_the_flow(ann, told):
    """S0-53"""
    reject(make_flow(ann).target, ann)
    assert [hook for hook, _ in told] == ["before_reject", "on_reject", "after_reject"]


def test_vote_against_that_ends_nothing_is_an_event_only(told):
    """L19"""
    role = make_role(2)
    flow = make_flow(by(role, rejection_policy="out_of_reach"))
    result = reject(flow.target, role.users.first())
    assert (result.status, result.step_number) == ("current", 1)
    assert [hook for hook, _ in told] == ["before_reject"]
    assert last_event(flow).kind == "rejected"
    flow.refresh_from_db()
    assert flow.status == FlowStatus.IN_PROGRESS


def test_out_of_reach_on_a_plain_step_rejects_at_once(ann):
    flow = make_flow({"assigned_to": ann, "rejection_policy": "out_of_reach"})
    assert reject(flow.target, ann) is None


def test_rejection_needs_no_form_data(ann):
    flow = make_flow({"assigned_to": ann, "form": DynamicFormFactory.create()})
    assert reject(flow.target, ann) is None


def test_errors_are_those_of_an_approval(ann, bob):
    flow = make_flow(ann, bob)
    first, second = flow.instances.in_order()
    with pytest.raises(StepNotOpen):
        reject(second, bob)
    with pytest.raises(ApprovalPermissionDenied):
        reject(first, bob)
    with pytest.raises(VersionConflict):
        reject(first, ann, expected_version=0)
    advance_flow(flow.target, "approved", ann)
    before = dump()
    with pytest.raises(StepAlreadyProcessed):
        reject(first, ann)
    assert dump() == before


def test_object_without_a_flow_has_nothing_to_reject(document, ann):
    with pytest.raises(NoCurrentStep):
        reject(document, ann)
