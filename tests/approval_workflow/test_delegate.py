"""Handing one's part in a step to somebody else."""

import pytest

from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    InvalidDelegate,
    StepAlreadyProcessed,
    StepNotOpen,
)
from approval_workflow.services import advance_flow, delegate
from purchasing.models import Role
from tests.approval_workflow.flows import (
    by,
    kinds,
    last_event,
    make_flow,
    statuses,
    the_current,
    verified,
)
from tests.factories import RoleFactory, UserFactory, make_role
from tests.faults import dump
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def test_row_is_closed_and_the_delegate_gets_one_in_the_same_step(ann, bob, cid):
    flow = make_flow(ann, cid)
    step = the_current(flow)
    taken_over = delegate(step, ann, delegate_to=bob, comment="On leave")
    assert (step.status, step.action_user, step.comment) == ("delegated", ann, "On leave")
    assert (taken_over.assigned_to, taken_over.status, taken_over.step_number) == (
        bob,
        "current",
        1,
    )
    assert (taken_over.delegated_from, step.delegated_to) == (step, bob)


def test_delegate_decides_in_the_persons_stead(ann, bob, cid):
    flow = make_flow(ann, cid)
    delegate(flow.target, ann, delegate_to=bob)
    assert advance_flow(flow.target, "approved", bob).assigned_to == cid
    assert statuses(flow) == [(1, "delegated"), (1, "approved"), (2, "current")]


def test_person_who_delegated_can_act_no_more(ann, bob):
    flow = make_flow(ann)
    delegate(flow.target, ann, delegate_to=bob)
    with pytest.raises(ApprovalPermissionDenied):
        advance_flow(flow.target, "approved", ann)


def test_everything_about_the_step_is_kept(ann):
    role = make_role(1)
    holder = role.users.get()
    flow = make_flow(
        by(
            role,
            "consensus",
            rejection_policy="out_of_reach",
            allow_higher_level=False,
            parallel_group="law",
            extra_fields={"colour": "red"},
        )
    )
    old = the_current(flow)
    new = delegate(old, holder, delegate_to=ann)
    for name in (
        "flow_id",
        "step_number",
        "round",
        "approval_type",
        "assigned_role_object_id",
        "role_selection_strategy",
        "rejection_policy",
        "allow_higher_level",
        "parallel_group",
        "parallel_required",
        "extra_fields",
    ):
        assert getattr(new, name) == getattr(old, name), name


def test_chain_of_delegations_is_kept(ann, bob, cid):
    flow = make_flow(ann)
    delegate(flow.target, ann, delegate_to=bob)
    last = delegate(flow.target, bob, delegate_to=cid)
    assert last.delegated_from.delegated_from.assigned_to == ann
    assert advance_flow(flow.target, "approved", cid) is None
    assert verified(flow)


def test_delegation_is_told_with_the_delegate(ann, bob):
    flow = make_flow(ann)
    delegate(flow.target, ann, delegate_to=bob, comment="On leave")
    assert kinds(flow) == ["flow_started", "step_opened", "delegated"]
    event = last_event(flow)
    assert (event.actor, event.comment, event.to_status) == (ann, "On leave", "delegated")
    assert event.data["delegated_to"] == str(bob.pk)


def test_handlers_see_who_took_the_step_over(ann, bob, told):
    delegate(make_flow(ann).target, ann, delegate_to=bob)
    assert [hook for hook, _ in told] == ["before_delegate", "on_delegate", "after_delegate"]
    assert told[1][1].delegated_to == bob


def test_check_in_is_handed_on_with_the_step(ann, bob):
    flow = make_flow({"assigned_to": ann, "approval_type": "check_in_verify"})
    advance_flow(flow.target, "approved", ann)
    delegate(flow.target, ann, delegate_to=bob)
    assert advance_flow(flow.target, "approved", bob) is None


def test_senior_may_hand_on_the_step_of_a_junior(bob):
    senior_role = Role.objects.create(name="Senior")
    junior = UserFactory.create(role=RoleFactory.create(parent=senior_role))
    senior = UserFactory.create(role=senior_role)
    flow = make_flow(junior)
    delegate(flow.target, senior, delegate_to=bob)
    event = last_event(flow)
    assert (event.actor, event.on_behalf_of) == (senior, junior)


# Who cannot take a step over


def refusal(flow, user, delegate_to):
    before = dump()
    with pytest.raises(InvalidDelegate) as caught:
        delegate(flow.target, user, delegate_to=delegate_to)
    assert caught.value.code == "invalid_delegate"
    assert isinstance(caught.value, ValueError)
    assert dump() == before
    return str(caught.value)


@pytest.mark.parametrize("person", [None, "bob", 1, Document(pk=1)])
def test_delegate_must_be_a_user(ann, person):
    assert "expected the user" in refusal(make_flow(ann), ann, person)


def test_not_to_oneself(ann):
    assert "oneself" in refusal(make_flow(ann), ann, ann)


def test_not_to_somebody_inactive(ann):
    gone = UserFactory.create(is_active=False)
    assert "not active" in refusal(make_flow(ann), ann, gone)


def test_not_to_somebody_deactivated_since_they_were_loaded(ann, bob):
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    assert "not active" in refusal(make_flow(ann), ann, bob)


def test_not_to_an_account_that_is_gone(ann):
    gone = UserFactory.create()
    type(gone).objects.filter(pk=gone.pk).delete()
    assert "not active" in refusal(make_flow(ann), ann, gone)


def test_not_in_a_circle(ann, bob, cid):
    flow = make_flow(ann)
    delegate(flow.target, ann, delegate_to=bob)
    delegate(flow.target, bob, delegate_to=cid)
    assert "has a part" in refusal(flow, cid, ann)


def test_not_to_somebody_asked_in_the_same_step():
    role = make_role(2)
    first, second = role.users.order_by("pk")
    assert "has a part" in refusal(make_flow(by(role, "consensus")), first, second)


def test_not_to_somebody_who_has_voted_in_the_step():
    role = make_role(3)
    first, second, _third = role.users.order_by("pk")
    flow = make_flow(by(role, "consensus"))
    advance_flow(flow.target, "approved", second)
    assert "has a part" in refusal(flow, first, second)


def test_senior_does_not_hand_a_step_to_themselves():
    senior_role = Role.objects.create(name="Senior")
    junior = UserFactory.create(role=RoleFactory.create(parent=senior_role))
    senior = UserFactory.create(role=senior_role)
    assert "oneself" in refusal(make_flow(junior), senior, senior)


def test_person_of_another_step_or_round_may_take_over(ann, bob):
    flow = make_flow(ann, bob)
    assert delegate(flow.target, ann, delegate_to=bob).assigned_to == bob
    assert advance_flow(flow.target, "approved", bob).step_number == 2


def test_holder_without_a_row_of_their_own_hands_nothing_on(ann):
    role = make_role(1)
    flow = make_flow(by(role))
    newcomer = UserFactory.create(role=role)
    with pytest.raises(ApprovalPermissionDenied) as caught:
        delegate(flow.target, newcomer, delegate_to=ann)
    assert caught.value.details["reason"] == "not_assigned"


def test_errors_are_those_of_an_approval(ann, bob, cid):
    flow = make_flow(ann, bob)
    first, second = flow.instances.in_order()
    with pytest.raises(StepNotOpen):
        delegate(second, bob, delegate_to=cid)
    with pytest.raises(ApprovalPermissionDenied):
        delegate(first, bob, delegate_to=cid)
    advance_flow(flow.target, "approved", ann)
    with pytest.raises(StepAlreadyProcessed):
        delegate(first, ann, delegate_to=cid)
