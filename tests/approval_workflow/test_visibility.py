"""Who sees which flow: those who take part, those it waits for, and those with the permission."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.utils import timezone

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, reassign, start_flow, substitute
from approval_workflow.visibility import visible_flows, visible_steps
from tests.approval_workflow.flows import by, make_document, make_flow, the_current
from tests.factories import RoleFactory, UserFactory

pytestmark = pytest.mark.django_db


def sees(user: Any, flow: ApprovalFlow) -> bool:
    """Whether the flow is seen; its steps are seen exactly then."""
    seen = visible_flows(user).filter(pk=flow.pk).exists()
    steps = visible_steps(user).filter(flow=flow).count()
    assert steps == (flow.instances.count() if seen else 0)
    return seen


def test_who_started_a_flow_sees_it(ann: Any, bob: Any) -> None:
    flow = start_flow(make_document(), [{"assigned_to": bob}], started_by=ann)
    assert sees(ann, flow)


def test_who_is_asked_sees_it_even_before_their_turn(ann: Any, bob: Any) -> None:
    flow = make_flow(ann, bob)
    assert sees(ann, flow)
    assert sees(bob, flow)


def test_who_takes_no_part_does_not(ann: Any, cid: Any) -> None:
    assert not sees(cid, make_flow(ann))


def test_who_had_a_part_sees_it_after_it_has_ended(ann: Any) -> None:
    flow = make_flow(ann)
    advance_flow(the_current(flow), "approved", ann)
    assert sees(ann, flow)


def test_who_gave_the_step_to_somebody_else_still_sees_it(ann: Any, bob: Any, cid: Any) -> None:
    flow = make_flow(ann)
    reassign(the_current(flow), cid, assign_to=bob, reason="On leave")
    assert all(sees(user, flow) for user in (ann, bob, cid))


def test_who_gets_the_role_after_the_step_opened_sees_it(ann: Any, bob: Any) -> None:
    board = RoleFactory.create()
    ann.role = board
    ann.save()
    flow = make_flow(by(board))
    assert not sees(bob, flow)
    bob.role = board
    bob.save()
    assert sees(bob, flow)


def test_a_stand_in_sees_what_waits_for_the_person_while_it_lasts(ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    substitute(ann, bob, ends_at=timezone.now() + timedelta(days=1))
    assert sees(bob, flow)
    assert not visible_flows(bob, at=timezone.now() + timedelta(days=2)).exists()
    assert not visible_steps(bob, at=timezone.now() + timedelta(days=2)).exists()


def test_a_senior_sees_what_waits_for_those_below(ann: Any, bob: Any) -> None:
    top = RoleFactory.create()
    bob.role = top
    bob.save()
    ann.role = RoleFactory.create(parent=top)
    ann.save()
    assert sees(bob, make_flow(ann))
    assert not sees(bob, make_flow({"assigned_to": ann, "allow_higher_level": False}))


def test_the_permission_shows_every_flow(ann: Any, cid: Any) -> None:
    flow = make_flow(ann)
    permission = Permission.objects.get(codename="view_approvalflow")
    cid.user_permissions.add(permission)
    assert sees(cid, flow)


def test_being_staff_alone_shows_nothing(ann: Any) -> None:
    flow = make_flow(ann)
    assert not sees(UserFactory.create(is_staff=True), flow)
    assert sees(UserFactory.create(is_superuser=True), flow)


def test_nobody_and_inactive_people_see_nothing(ann: Any) -> None:
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=ann)
    ann.is_active = False
    for user in (AnonymousUser(), None, ann):
        assert not visible_flows(user).exists()
        assert not visible_steps(user).exists()
    assert flow.instances.exists()


@pytest.mark.parametrize("flows", [3, 30])
def test_what_is_visible_is_one_query_whose_statements_do_not_grow(
    flows: int, ann: Any, statements: Any
) -> None:
    for _number in range(flows):
        make_flow(ann)
    with statements() as seen:
        assert visible_flows(ann).count() == flows
        assert visible_steps(ann).count() == flows
    # Permissions are read once; for each count, which roles are in use, and the count itself.
    assert seen.count <= 6, str(seen)
    assert ApprovalInstance.objects.count() == flows
