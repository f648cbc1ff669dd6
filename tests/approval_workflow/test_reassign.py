"""A manager gives somebody's part in a step to somebody else."""

import pytest

from approval_workflow.exceptions import (
    InvalidDelegate,
    InvalidInput,
    NoCurrentStep,
    StepAlreadyProcessed,
    StepNotOpen,
    VersionConflict,
)
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import reassign
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_may_not_act,
    assert_waiting_on,
    make_flow,
    role_step,
    user_step,
)
from purchasing.models import User
from tests.approval_workflow.flows import last_event, row_of, the_current
from tests.factories import UserFactory, make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(db):
    return UserFactory.create(username="manager")


def test_step_waits_for_the_other_person(document, ann, bob, cid, manager):
    flow = make_flow(document, ann, cid)
    step = the_current(flow)
    taken_over = reassign(step, manager, assign_to=bob, reason="Ann has left")
    assert (step.status, step.action_user, step.comment) == ("reassigned", manager, "Ann has left")
    assert (taken_over.assigned_to, taken_over.delegated_from) == (bob, step)
    assert_waiting_on(document, bob)
    assert_may_not_act(document, ann)
    FlowDriver(document).as_user(bob).approve()
    assert_waiting_on(document, cid)


def test_history_has_the_manager_the_reason_and_both_people(document, ann, bob, manager):
    flow = make_flow(document, ann)
    step = the_current(flow)
    reassign(step, manager, assign_to=bob, reason="Ann has left")
    event = last_event(flow)
    assert (event.kind, event.actor, event.comment) == ("reassigned", manager, "Ann has left")
    assert (event.instance, event.data["reassigned_to"]) == (step, str(bob.pk))
    assert (event.from_status, event.to_status) == ("current", "reassigned")
    assert_history_intact(document)


@pytest.mark.parametrize("reason", ["", "  \n ", None])
def test_reason_is_required(document, ann, bob, manager, reason):
    step = the_current(make_flow(document, ann))
    before = dump()
    with pytest.raises(InvalidInput, match="reason: expected why"):
        reassign(step, manager, assign_to=bob, reason=reason)
    assert dump() == before


@pytest.mark.parametrize("reason", [5, "\x00", "\ud800"])
def test_reason_must_be_text(document, ann, bob, manager, reason):
    step = the_current(make_flow(document, ann))
    with pytest.raises(InvalidInput, match="reason: expected text"):
        reassign(step, manager, assign_to=bob, reason=reason)


@pytest.mark.parametrize("manager_argument", ["manager", 1])
def test_manager_must_be_a_user(document, ann, bob, manager_argument):
    step = the_current(make_flow(document, ann))
    with pytest.raises(InvalidInput, match="user: expected a user"):
        reassign(step, manager_argument, assign_to=bob, reason="x")


def test_other_person_need_not_hold_the_role(document, ann, manager):
    """L4: whom a manager names may act, and the vote counts."""
    role = make_role(2)
    first, second = role.users.order_by("pk")
    flow = make_flow(document, role_step(role, "consensus"))
    reassign(row_of(flow, first), manager, assign_to=ann, reason="On leave")
    assert_waiting_on(document, ann, second)
    FlowDriver(document).approve_all()
    assert_flow_status(document, "completed")


def test_everything_else_about_the_step_is_kept(document, ann, bob, manager):
    flow = make_flow(
        document,
        user_step(
            ann, max_escalation_level=2, allow_higher_level=False, extra_fields={"colour": "red"}
        ),
    )
    step = the_current(flow)
    taken_over = reassign(step, manager, assign_to=bob, reason="x")
    for field in ("step_number", "round", "due_at", "max_escalation_level", "extra_fields"):
        assert getattr(taken_over, field) == getattr(step, field), field
    assert taken_over.allow_higher_level is False


def test_it_may_be_reassigned_again_and_delegated(document, ann, bob, cid, manager):
    flow = make_flow(document, ann)
    reassign(the_current(flow), manager, assign_to=bob, reason="x")
    FlowDriver(document).as_user(bob).delegate(cid)
    assert_waiting_on(document, cid)
    chain = [row.status for row in flow.instances.in_order()]
    assert chain == ["reassigned", "delegated", "current"]


def refused(step, manager, assign_to, message):
    before = dump()
    with pytest.raises(InvalidDelegate, match=message):
        reassign(step, manager, assign_to=assign_to, reason="x")
    assert dump() == before


def test_not_to_the_person_who_has_it(document, ann, manager):
    refused(the_current(make_flow(document, ann)), manager, ann, "cannot be handed to oneself")


def test_not_to_somebody_inactive(document, ann, bob, manager):
    User.objects.filter(pk=bob.pk).update(is_active=False)
    refused(the_current(make_flow(document, ann)), manager, bob, "assign_to: this account is not")


@pytest.mark.parametrize("nobody", [None, "bob", 3])
def test_not_to_what_is_no_user(document, ann, manager, nobody):
    refused(the_current(make_flow(document, ann)), manager, nobody, "assign_to: expected the user")


def test_not_to_who_has_a_part_in_the_step(document, manager):
    role = make_role(2)
    first, second = role.users.order_by("pk")
    flow = make_flow(document, role_step(role, "consensus"))
    refused(row_of(flow, first), manager, second, "has a part in the step already")


def test_not_to_whom_separation_of_duties_keeps_out(document, ann, bob, manager):
    flow = make_flow(document, user_step(ann, exclude_starter=True), started_by=bob)
    refused(the_current(flow), manager, bob, "may not act in this step")


def test_manager_may_take_it(document, ann, manager):
    reassign(the_current(make_flow(document, ann)), manager, assign_to=manager, reason="Urgent")
    assert_waiting_on(document, manager)


def test_manager_may_take_it_back(document, ann, bob, manager):
    """Having given it to somebody is no part in the step."""
    flow = make_flow(document, ann)
    reassign(the_current(flow), manager, assign_to=bob, reason="Ann has left")
    reassign(the_current(flow), manager, assign_to=manager, reason="Bob has left, too")
    assert_waiting_on(document, manager)


def test_not_to_the_manager_who_has_voted_in_the_step(document, manager):
    role = make_role(2)
    User.objects.filter(pk=manager.pk).update(role=role)
    first = role.users.exclude(pk=manager.pk).first()
    flow = make_flow(document, role_step(role, "consensus"))
    FlowDriver(document).as_user(manager).approve()
    refused(row_of(flow, first), manager, manager, "has a part in the step already")


def test_decided_step_is_not_reassigned(document, ann, bob, manager):
    flow = make_flow(document, ann, bob)
    stale = ApprovalInstance.objects.get(flow=flow, step_number=1)
    FlowDriver(document).as_user(ann).approve()
    with pytest.raises(StepAlreadyProcessed) as caught:
        reassign(stale, manager, assign_to=bob, reason="x")
    assert caught.value.details["status"] == stale.status == "approved"


def test_step_to_come_is_not_reassigned(document, ann, bob, cid, manager):
    flow = make_flow(document, ann, bob)
    with pytest.raises(StepNotOpen):
        reassign(flow.instances.get(step_number=2), manager, assign_to=cid, reason="x")


def test_step_of_an_ended_flow_is_not_reassigned(document, ann, bob, manager):
    flow = make_flow(document, ann, status="cancelled")
    with pytest.raises(StepAlreadyProcessed):
        reassign(flow.instances.get(), manager, assign_to=bob, reason="x")


def test_step_that_is_not_saved_is_not_reassigned(ann, bob, manager):
    with pytest.raises((InvalidInput, NoCurrentStep)):
        reassign(ApprovalInstance(assigned_to=ann), manager, assign_to=bob, reason="x")


def test_flow_that_has_changed_is_left_alone(document, ann, bob, cid, manager):
    flow = make_flow(document, ann)
    version = FlowDriver(document).flow.version
    step = the_current(flow)
    reassign(step, manager, assign_to=bob, reason="x", expected_version=version)
    with pytest.raises(VersionConflict):
        reassign(the_current(flow), manager, assign_to=cid, reason="x", expected_version=version)
    assert_waiting_on(document, bob)
