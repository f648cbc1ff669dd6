"""Approving a step."""

import pytest

from approval_workflow.choices import ApprovalStatus, FlowStatus
from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    InvalidInput,
    NobodyEligible,
    NoCurrentStep,
    StepAlreadyProcessed,
    StepNotOpen,
    VersionConflict,
)
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import approve, cancel_flow
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
from tests.factories import UserFactory, make_role
from tests.faults import dump
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def test_approval_opens_the_next_step_and_returns_it(ann, bob):
    flow = make_flow(ann, bob)
    result = approve(the_current(flow), ann)
    assert (result.step_number, result.status, result.assigned_to) == (2, "current", bob)
    assert result.started_at is not None
    assert statuses(flow) == [(1, "approved"), (2, "current")]


def test_approval_is_written_with_person_time_and_comment(ann):
    flow = make_flow(ann)
    approve(the_current(flow), ann, comment="Fine")
    row = flow.instances.get()
    assert (row.status, row.action_user, row.comment) == (ApprovalStatus.APPROVED, ann, "Fine")
    assert row.acted_at is not None


def test_instance_passed_in_is_brought_up_to_date(ann, bob):
    step = the_current(make_flow(ann, bob))
    approve(step, ann, comment="Fine")
    stored = ApprovalInstance.objects.get(pk=step.pk)
    for field in ApprovalInstance._meta.concrete_fields:
        assert getattr(step, field.attname) == getattr(stored, field.attname), field.name
    assert (step.action_user, step.flow.version) == (ann, stored.flow.version)


def test_last_approval_completes_the_flow_and_returns_none(ann):
    flow = make_flow(ann)
    assert approve(the_current(flow), ann) is None
    flow.refresh_from_db()
    assert (flow.status, flow.is_open) == (FlowStatus.COMPLETED, None)
    assert flow.completed_at is not None


def test_status_of_a_completed_flow_is_the_completed_of_the_approval_statuses(ann):
    """S0-17, S0-18, L19"""
    flow = make_flow(ann)
    approve(flow.target, ann)
    assert ApprovalFlow.objects.get(pk=flow.pk).status == ApprovalStatus.COMPLETED


def test_approval_and_what_follows_are_told_in_order(ann, bob):
    flow = make_flow(ann, bob)
    approve(flow.target, ann, comment="Fine")
    assert kinds(flow) == ["flow_started", "step_opened", "approved", "step_opened"]
    event = last_event(flow, "approved")
    assert (event.actor, event.comment, event.on_behalf_of) == (ann, "Fine", None)
    assert (event.from_status, event.to_status) == ("current", "approved")
    assert (event.data["step"], event.data["outcome"]) == (1, "approved")


def test_completion_is_told(ann):
    flow = make_flow(ann)
    approve(flow.target, ann)
    assert kinds(flow)[-2:] == ["approved", "flow_completed"]
    assert verified(flow)


def test_object_stands_for_the_step_that_waits_for_the_person(ann, bob):
    flow = make_flow(
        {"step": 1, "assigned_to": ann, "parallel_group": "a"},
        {"step": 1, "assigned_to": bob, "parallel_group": "b"},
    )
    approve(flow.target, bob)
    assert flow.instances.get(assigned_to=bob).status == "approved"
    assert flow.instances.get(assigned_to=ann).status == "current"


def test_numbers_are_passed_in_order_whatever_the_gaps(ann):
    flow = make_flow({"step": 10, "assigned_to": ann}, {"step": 30, "assigned_to": ann})
    assert approve(flow.target, ann).step_number == 30


# Errors


def test_step_that_is_decided_is_refused_with_its_present_state(ann, bob):
    flow = make_flow(ann, bob)
    stale = the_current(flow)
    approve(flow.target, ann)
    before = dump()
    with pytest.raises(StepAlreadyProcessed) as caught:
        approve(stale, ann)
    assert caught.value.code == "step_already_processed"
    assert caught.value.details == {"status": "approved", "instance": stale.pk}
    assert isinstance(caught.value, ValueError)
    assert dump() == before


def test_stale_instance_learns_its_present_state_from_the_refusal(ann, bob):
    flow = make_flow(ann, bob)
    stale = the_current(flow)
    cancel_flow(flow)
    with pytest.raises(StepAlreadyProcessed):
        approve(stale, ann)
    assert stale.status == ApprovalStatus.CANCELLED


def test_step_to_come_is_refused(ann, bob):
    flow = make_flow(ann, bob)
    before = dump()
    with pytest.raises(StepNotOpen) as caught:
        approve(flow.instances.get(step_number=2), bob)
    assert (caught.value.code, caught.value.details["status"]) == ("step_not_open", "pending")
    assert dump() == before


def test_other_person_is_refused(ann, bob):
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(ApprovalPermissionDenied) as caught:
        approve(flow.target, bob)
    assert (caught.value.code, caught.value.details["reason"]) == (
        "permission_denied",
        "not_assigned",
    )
    assert isinstance(caught.value, PermissionError)
    assert dump() == before


@pytest.mark.parametrize("user", [None, "ann", 1, Document(pk=1)])
def test_what_is_no_user_is_refused(ann, user):
    """Not even an object of another model that happens to have the person's key."""
    flow = make_flow(ann)
    with pytest.raises(ApprovalPermissionDenied) as caught:
        approve(flow.target, user)
    assert caught.value.details["reason"] == "anonymous"


def test_person_whose_account_is_gone_is_refused(ann):
    flow = make_flow(ann)
    visitor = UserFactory.create()
    type(visitor).objects.filter(pk=visitor.pk).delete()
    with pytest.raises(ApprovalPermissionDenied) as caught:
        approve(flow.target, visitor)
    assert caught.value.details["reason"] == "anonymous"


def test_person_deactivated_since_they_were_loaded_is_refused(ann):
    """L21"""
    flow = make_flow(ann)
    type(ann).objects.update(is_active=False)
    with pytest.raises(ApprovalPermissionDenied) as caught:
        approve(the_current(flow), ann)
    assert ann.is_active
    assert caught.value.details["reason"] == "inactive"


def test_object_without_a_flow_has_no_current_step(document, ann):
    with pytest.raises(NoCurrentStep) as caught:
        approve(document, ann)
    assert caught.value.code == "no_current_step"
    assert isinstance(caught.value, ValueError)


def test_object_whose_flow_has_ended_has_no_current_step(ann):
    flow = make_flow(ann)
    approve(flow.target, ann)
    with pytest.raises(NoCurrentStep) as caught:
        approve(flow.target, ann)
    assert caught.value.details["status"] == "completed"


def test_instance_that_is_not_saved_cannot_be_acted_on(ann):
    with pytest.raises(InvalidInput) as caught:
        approve(ApprovalInstance(assigned_to=ann), ann)
    assert caught.value.code == "invalid_input"


@pytest.mark.parametrize("target", ["document", 5, Document])
def test_target_must_be_an_object_or_a_step(ann, target):
    with pytest.raises(InvalidInput):
        approve(target, ann)


@pytest.mark.parametrize("comment", [5, b"fine", "fi\x00ne", "\ud800"])
def test_comment_must_be_text_that_a_database_keeps(ann, comment):
    flow = make_flow(ann)
    with pytest.raises(InvalidInput, match="comment"):
        approve(flow.target, ann, comment=comment)
    assert the_current(flow).status == "current"


@pytest.mark.parametrize("comment", ["", "naïve ✓ 日本 🎉", "a\nb\tc", "\\u0000", "x" * 100_000])
def test_comment_is_kept_as_it_was_written(ann, comment):
    flow = make_flow(ann)
    approve(flow.target, ann, comment=comment)
    assert flow.instances.get().comment == comment
    assert verified(flow)


def test_no_comment_may_be_none(ann):
    flow = make_flow(ann)
    approve(flow.target, ann, comment=None)
    assert flow.instances.get().comment == ""


def test_version_expected_is_that_of_the_flow(ann, bob):
    flow = make_flow(ann, bob)
    assert approve(flow.target, ann, expected_version=flow.version).step_number == 2


@pytest.mark.parametrize("difference", [-1, 1])
def test_flow_that_changed_since_it_was_read_is_not_acted_on(ann, difference):
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(VersionConflict) as caught:
        approve(flow.target, ann, expected_version=flow.version + difference)
    assert caught.value.code == "version_conflict"
    assert caught.value.details == {"version": flow.version, "status": "in_progress"}
    assert dump() == before


def test_every_change_raises_the_version(ann):
    flow = make_flow(ann, ann)
    versions = [flow.version]
    for _step in range(2):
        approve(flow.target, ann)
        versions.append(ApprovalFlow.objects.get(pk=flow.pk).version)
    assert versions == sorted(set(versions))


def test_next_step_that_nobody_can_act_on_undoes_the_approval(ann):
    flow = make_flow(ann, by(make_role(0)))
    before = dump()
    with pytest.raises(NobodyEligible) as caught:
        approve(flow.target, ann)
    assert (caught.value.code, caught.value.details["step"]) == ("nobody_eligible", 2)
    assert dump() == before


def test_person_of_the_next_step_need_not_be_active_when_it_opens(ann, bob):
    """Whoever is senior may act for them, and they may come back; the step stands."""
    flow = make_flow(ann, bob)
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    assert approve(flow.target, ann).assigned_to == bob


def test_rows_have_the_times_of_their_life(ann):
    flow = make_flow(ann, ann)
    assert flow.instances.get(step_number=2).started_at is None
    approve(flow.target, ann)
    first, second = flow.instances.in_order()
    assert first.started_at <= first.acted_at <= second.started_at
    assert second.acted_at is None


def test_role_step_opens_when_its_turn_comes_for_the_holders_of_then(ann):
    role = make_role(1)
    flow = make_flow(ann, by(role))
    newcomer = UserFactory.create(role=role)
    approve(flow.target, ann)
    assert newcomer in {row.assigned_to for row in current(flow)}
    assert last_event(flow).data["asked"] == [str(row.assigned_to_id) for row in current(flow)]
