"""Removing ended flows with all that belongs to them."""

import pytest

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, cancel_flow, purge_flows, start_flow
from tests.approval_workflow.flows import by, make_document, make_flow, verified
from tests.factories import make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db


def every_flow():
    return ApprovalFlow.objects.all()


@pytest.mark.parametrize("end", ["approved", "rejected", "cancelled"])
def test_ended_flow_goes_with_its_steps_and_history(ann, end):
    flow = make_flow(ann)
    cancel_flow(flow) if end == "cancelled" else advance_flow(flow.target, end, ann)
    purge_flows(every_flow())
    assert not ApprovalFlow.objects.exists()
    assert not ApprovalInstance.objects.exists()
    assert not ApprovalEvent.objects.exists()


def test_running_flow_is_left_alone(ann):
    flow = make_flow(ann, ann)
    advance_flow(flow.target, "approved", ann)
    before = dump()
    assert purge_flows(every_flow()) == {"flows": 0, "instances": 0, "events": 0}
    assert dump() == before


def test_flows_not_asked_for_are_left_alone(ann):
    gone, kept = make_flow(ann), make_flow(ann)
    for flow in (gone, kept):
        cancel_flow(flow)
    purge_flows(ApprovalFlow.objects.filter(pk=gone.pk))
    assert list(ApprovalFlow.objects.all()) == [kept]
    assert kept.instances.count() == 1
    assert verified(kept)


def test_counts_are_those_of_the_rows_that_went(ann):
    flow = make_flow(ann, by(make_role(3)))
    advance_flow(flow.target, "approved", ann)
    cancel_flow(flow)
    expected = {
        "flows": 1,
        "instances": flow.instances.count(),
        "events": flow.events.count(),
    }
    assert purge_flows(every_flow()) == expected
    assert expected["instances"] == 4


def test_chain_of_delegations_goes_as_a_whole(ann, bob, cid):
    flow = make_flow(ann)
    advance_flow(flow.target, "delegated", ann, delegate_to=bob)
    advance_flow(flow.target, "delegated", bob, delegate_to=cid)
    advance_flow(flow.target, "approved", cid)
    assert purge_flows(every_flow())["instances"] == 3


def test_delegations_of_other_flows_are_left_alone(ann, bob):
    kept = make_flow(ann)
    row = advance_flow(kept.target, "delegated", ann, delegate_to=bob)
    cancel_flow(make_flow(ann))
    purge_flows(every_flow())
    assert ApprovalInstance.objects.get(pk=row.pk).delegated_from is not None


def test_earlier_flows_of_an_object_go_and_the_running_one_stays(ann):
    document = make_document()
    cancel_flow(start_flow(document, [{"assigned_to": ann}]))
    running = start_flow(document, [{"assigned_to": ann}])
    assert purge_flows(ApprovalFlow.objects.for_object(document))["flows"] == 1
    assert list(ApprovalFlow.objects.all()) == [running]


@pytest.mark.parametrize("number", [2, 40])
def test_statements_do_not_grow_with_the_flows(ann, statements, number):
    for _flow in range(number):
        cancel_flow(make_flow(ann, ann))
    with statements() as seen:
        assert purge_flows(every_flow())["flows"] == number
    assert seen.count <= 6, seen


def test_nothing_to_purge_is_no_error(db):
    assert purge_flows(ApprovalFlow.objects.none()) == {"flows": 0, "instances": 0, "events": 0}
