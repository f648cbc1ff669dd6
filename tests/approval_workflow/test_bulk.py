"""Many decisions at once, each through the same rules, with a result for each item."""

import pytest
from django.db import transaction

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    InvalidFormData,
    NoCurrentStep,
    StepAlreadyProcessed,
    UnknownAction,
    VersionConflict,
)
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import advance_many, extend_flow
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_waiting_on,
    make_flow,
    user_step,
)
from tests.approval_workflow.flows import the_current
from tests.factories import DynamicFormFactory
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def documents(number):
    return [Document.objects.create(title=f"Contract {n}") for n in range(number)]


def test_every_item_is_decided(ann, bob):
    items = documents(3)
    for item in items:
        make_flow(item, ann, bob)
    results = advance_many(items, "approved", ann, comment="all fine")
    assert [result.item for result in results] == items
    assert all(result.succeeded for result in results)
    for result in results:
        assert (result.result.step_number, result.result.assigned_to) == (2, bob)
        assert_waiting_on(result.item, bob)
        assert FlowDriver(result.item).flow.instances.get(step_number=1).comment == "all fine"


def test_items_may_be_steps(ann):
    rows = [the_current(make_flow(item, ann)) for item in documents(2)]
    results = advance_many(rows, "rejected", ann)
    assert [(result.succeeded, result.result) for result in results] == [(True, None)] * 2
    assert {row.status for row in rows} == {"rejected"}


def test_each_item_that_fails_has_its_own_error_and_leaves_the_others(ann, bob):
    fine, other_person, _without_flow, ended, with_form, fine_too = items = documents(6)
    make_flow(fine, ann)
    make_flow(other_person, bob)
    make_flow(ended, ann, status="completed")
    make_flow(with_form, user_step(ann, form=DynamicFormFactory.create()))
    make_flow(fine_too, ann)
    results = advance_many(items, "approve", ann)
    assert [type(result.error) for result in results] == [
        type(None),
        ApprovalPermissionDenied,
        NoCurrentStep,
        NoCurrentStep,
        InvalidFormData,
        type(None),
    ]
    for item in (fine, fine_too):
        assert_flow_status(item, FlowStatus.COMPLETED)
    assert_waiting_on(other_person, bob)
    assert_waiting_on(with_form, ann)


def test_same_step_twice_is_decided_once(document, ann, bob):
    row = the_current(make_flow(document, ann, bob))
    first, second = advance_many([row, row], "approved", ann)
    assert first.succeeded
    assert isinstance(second.error, StepAlreadyProcessed)
    assert second.error.details["status"] == "approved"
    assert_history_intact(document)


def test_arguments_are_those_of_advance_flow(ann, bob):
    items = documents(2)
    for item in items:
        make_flow(item, ann)
    results = advance_many(items, "delegated", ann, delegate_to=bob)
    assert {result.result.assigned_to for result in results} == {bob}


def test_expected_version_is_that_of_each_items_flow(ann):
    unchanged, changed = items = documents(2)
    version = make_flow(unchanged, ann).version
    extend_flow(make_flow(changed, ann), [user_step(ann)])
    first, second = advance_many(items, "approved", ann, expected_version=version)
    assert first.succeeded
    assert isinstance(second.error, VersionConflict)
    assert second.error.details["version"] == version + 1
    assert_waiting_on(changed, ann)


def test_expected_version_lets_one_of_two_steps_of_a_flow_through(document, ann):
    """The first decision changes the flow that the second was to be about."""
    tracks = [user_step(ann, step=1, parallel_group=name) for name in "ab"]
    flow = make_flow(document, *tracks)
    rows = list(flow.instances.in_order())
    results = advance_many(rows, "approved", ann, expected_version=flow.version)
    assert [type(result.error) for result in results] == [type(None), VersionConflict]
    assert [row.status for row in flow.instances.in_order()] == ["approved", "current"]


def test_unknown_action_is_each_items_error(document, ann):
    make_flow(document, ann)
    (result,) = advance_many([document], "approvd", ann)
    assert isinstance(result.error, UnknownAction)


def test_handler_that_refuses_one_leaves_the_others(ann):
    @register_handler(Document)
    class Strict(BaseApprovalHandler):
        def on_final_approve(self, instance):
            if instance.flow.target.title == "Contract 1":
                raise ApprovalPermissionDenied("Not this one.", reason="strict")

    items = documents(3)
    for item in items:
        make_flow(item, ann)
    results = advance_many(items, "approved", ann)
    assert [result.succeeded for result in results] == [True, False, True]
    assert_waiting_on(items[1], ann)


def test_error_that_is_none_of_ours_is_raised(ann):
    """A bug in a handler is not one item's refusal; what was decided before stays decided."""

    @register_handler(Document)
    class Broken(BaseApprovalHandler):
        def on_approve(self, instance):
            if instance.flow.target.title == "Contract 1":
                raise RuntimeError("bug")

    items = documents(2)
    for item in items:
        make_flow(item, ann)
    with pytest.raises(RuntimeError, match="bug"):
        advance_many(items, "approved", ann)
    assert_flow_status(items[0], FlowStatus.COMPLETED)
    assert_flow_status(items[1], FlowStatus.IN_PROGRESS)


def test_nothing_is_no_error(ann):
    assert advance_many([], "approved", ann) == []


@pytest.mark.django_db(transaction=True)
def test_each_item_is_a_transaction_of_its_own(ann, bob):
    first, second = documents(2)
    make_flow(first, ann)
    make_flow(second, bob)
    advance_many([first, second], "approved", ann)
    assert not transaction.get_connection().in_atomic_block
    statuses = dict(ApprovalFlow.objects.values_list("object_id", "status"))
    assert statuses == {str(first.pk): "completed", str(second.pk): "in_progress"}
