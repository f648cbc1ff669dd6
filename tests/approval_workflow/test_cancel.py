"""Cancelling a running flow."""

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import FlowEnded, InvalidInput, NoCurrentStep, VersionConflict
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import advance_flow, cancel_flow
from tests.approval_workflow.flows import by, kinds, last_event, make_flow, statuses, verified
from tests.factories import make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db


def test_flow_is_cancelled_with_all_that_was_open_or_to_come(ann, bob):
    flow = make_flow(ann, by(make_role(2)), bob)
    advance_flow(flow.target, "approved", ann)
    cancelled = cancel_flow(flow)
    assert (cancelled.status, cancelled.is_open) == (FlowStatus.CANCELLED, None)
    assert cancelled.completed_at is not None
    assert statuses(flow) == [
        (1, "approved"),
        (2, "cancelled"),
        (2, "cancelled"),
        (3, "cancelled"),
    ]


def test_running_flow_of_an_object_is_cancelled(ann):
    flow = make_flow(ann)
    assert cancel_flow(flow.target).pk == flow.pk


def test_flow_passed_in_is_brought_up_to_date(ann):
    flow = make_flow(ann)
    cancel_flow(flow)
    stored = ApprovalFlow.objects.get(pk=flow.pk)
    assert (flow.status, flow.version) == (FlowStatus.CANCELLED, stored.version)


def test_cancellation_is_told_with_person_and_reason(ann, bob):
    flow = make_flow(ann, ann)
    cancel_flow(flow, bob, reason="Not needed any more")
    event = last_event(flow)
    assert (event.kind, event.actor, event.comment) == (
        "flow_cancelled",
        bob,
        "Not needed any more",
    )
    assert (event.from_status, event.to_status) == ("in_progress", "cancelled")
    assert event.data == {"steps_cancelled": 2}
    assert verified(flow)


def test_handlers_hear_of_it(ann, told):
    flow = make_flow(ann)
    cancel_flow(flow)
    assert [hook for hook, _ in told] == ["on_cancel"]
    assert told[0][1].status == FlowStatus.CANCELLED


@pytest.mark.parametrize("action", ["approved", "rejected"])
def test_flow_that_has_ended_cannot_be_cancelled(ann, action):
    flow = make_flow(ann)
    advance_flow(flow.target, action, ann)
    before = dump()
    with pytest.raises(FlowEnded) as caught:
        cancel_flow(flow)
    assert caught.value.code == "flow_ended"
    assert dump() == before


def test_object_whose_flow_has_ended_has_none_to_cancel(ann):
    flow = make_flow(ann)
    cancel_flow(flow)
    with pytest.raises(NoCurrentStep):
        cancel_flow(flow.target)


def test_object_without_a_flow_has_none_to_cancel(document):
    with pytest.raises(NoCurrentStep) as caught:
        cancel_flow(document)
    assert caught.value.code == "no_current_step"


def test_flow_that_changed_since_it_was_read_is_not_cancelled(ann):
    flow = make_flow(ann, ann)
    advance_flow(flow.target, "approved", ann)
    before = dump()
    with pytest.raises(VersionConflict):
        cancel_flow(flow, expected_version=flow.version)
    assert dump() == before
    assert kinds(flow)[-1] == "step_opened"


@pytest.mark.parametrize("reason", [5, "a\x00b", "\ud800"])
def test_reason_must_be_text(ann, reason):
    flow = make_flow(ann)
    with pytest.raises(InvalidInput, match="reason"):
        cancel_flow(flow, reason=reason)


def test_reason_may_be_none(ann):
    flow = make_flow(ann)
    cancel_flow(flow, reason=None)
    assert last_event(flow).comment == ""
