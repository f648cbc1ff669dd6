"""Adding steps to a running flow."""

import pytest

from approval_workflow.exceptions import (
    FlowEnded,
    InvalidInput,
    InvalidSteps,
    NoCurrentStep,
    VersionConflict,
)
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import advance_flow, cancel_flow, extend_flow
from tests.approval_workflow.flows import kinds, last_event, make_flow, statuses, verified
from tests.faults import dump

pytestmark = pytest.mark.django_db


def test_steps_are_appended_as_pending_rows(ann, bob):
    flow = make_flow(ann)
    (added,) = extend_flow(flow, [{"assigned_to": bob}])
    assert (added.step_number, added.status, added.assigned_to) == (2, "pending", bob)
    assert added.pk is not None
    assert statuses(flow) == [(1, "current"), (2, "pending")]


def test_flow_goes_on_with_the_steps_that_were_added(ann, bob):
    flow = make_flow(ann)
    extend_flow(flow, [{"assigned_to": bob}])
    assert advance_flow(flow.target, "approved", ann).assigned_to == bob


def test_extension_is_told_with_the_person_and_the_numbers(ann, bob):
    flow = make_flow(ann)
    extend_flow(flow, [{"assigned_to": bob}, {"step": 7, "assigned_to": bob}], user=ann)
    event = last_event(flow)
    assert (event.kind, event.actor, event.data) == ("steps_added", ann, {"steps": [2, 7]})
    assert verified(flow)


def test_extension_is_told_with_its_reason(ann, bob):
    flow = make_flow(ann)
    extend_flow(flow, [{"assigned_to": bob}], ann, reason="A second pair of eyes")
    assert last_event(flow).comment == "A second pair of eyes"


def test_reason_must_be_text(ann):
    flow = make_flow(ann)
    with pytest.raises(InvalidInput, match="reason"):
        extend_flow(flow, [{"assigned_to": ann}], reason=5)


def test_flow_passed_in_is_brought_up_to_date(ann):
    flow = make_flow(ann)
    extend_flow(flow, [{"assigned_to": ann}])
    stored = ApprovalFlow.objects.get(pk=flow.pk)
    assert (flow.version, flow.history_digest) == (stored.version, stored.history_digest)


def test_numbers_must_follow_those_of_the_round(ann):
    flow = make_flow(ann, ann)
    with pytest.raises(InvalidSteps) as caught:
        extend_flow(flow, [{"step": 2, "assigned_to": ann}])
    assert caught.value.errors["steps[0].step"].startswith("Expected a whole number greater than 2")


def test_extension_after_a_resubmission_belongs_to_the_new_round(ann, bob):
    flow = make_flow(ann, ann, ann)
    advance_flow(flow.target, "resubmission", ann, resubmission_steps=[{"assigned_to": bob}])
    (added,) = extend_flow(flow, [{"assigned_to": ann}])
    assert (added.round, added.step_number) == (2, 2)


def test_ended_flow_cannot_be_extended(ann):
    flow = make_flow(ann)
    cancel_flow(flow)
    before = dump()
    with pytest.raises(FlowEnded) as caught:
        extend_flow(flow, [{"assigned_to": ann}])
    assert (caught.value.code, caught.value.details["status"]) == ("flow_ended", "cancelled")
    assert dump() == before


def test_flow_that_does_not_exist_cannot_be_extended(ann):
    with pytest.raises(NoCurrentStep) as caught:
        extend_flow(ApprovalFlow(pk=0), [{"assigned_to": ann}])
    assert caught.value.code == "no_current_step"


def test_flow_that_changed_since_it_was_read_is_not_extended(ann):
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(VersionConflict) as caught:
        extend_flow(flow, [{"assigned_to": ann}], expected_version=flow.version - 1)
    assert caught.value.details["version"] == flow.version
    assert dump() == before


@pytest.mark.parametrize("steps", [[], None, [{"step": 9}]])
def test_wrong_steps_change_nothing(ann, steps):
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(InvalidSteps):
        extend_flow(flow, steps)
    assert dump() == before
    assert kinds(flow) == ["flow_started", "step_opened"]
