"""Who may act on a flow, and why: the same answers as the decision itself."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approval_workflow.models import ApprovalFlow
from approval_workflow.services import substitute
from approval_workflow.testing import FlowDriver, make_flow, role_step, user_step
from approval_workflow.utils import can_act, explain_approvers
from purchasing.models import User
from tests.approval_workflow.flows import row_of
from tests.factories import RoleFactory, UserFactory, make_role
from tests.testapp.models import PlainRole

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(db):
    """A chief above a boss above three members; a stand-in, a newcomer, an outsider, one gone."""
    top = RoleFactory.create()
    middle = RoleFactory.create(parent=top)
    role = RoleFactory.create(parent=middle)
    people = {
        "chief": UserFactory.create(username="chief", role=top),
        "boss": UserFactory.create(username="boss", role=middle),
        "outsider": UserFactory.create(username="outsider"),
        "stand-in": UserFactory.create(username="stand-in"),
    }
    for number in range(3):
        name = f"member{number}"
        people[name] = UserFactory.create(username=name, role=role)
    people["role"] = role
    substitute(people["member0"], people["stand-in"], ends_at=timezone.now() + timedelta(days=1))
    return people


def told(flow):
    """What is explained, as {(whose row, who): code}."""
    return {
        (item.instance.assigned_to.username, item.user.username): item.permission.code
        for item in explain_approvers(flow)
    }


def test_step_of_a_person(document, house):
    flow = make_flow(document, house["member0"])
    assert told(flow) == {
        ("member0", "member0"): "assigned",
        ("member0", "stand-in"): "substitute",
        ("member0", "boss"): "senior",
        ("member0", "chief"): "senior",
    }


def test_nearest_superiors_come_first(document, house):
    flow = make_flow(document, house["member1"])
    names = [item.user.username for item in explain_approvers(flow)]
    assert names == ["member1", "boss", "chief"]


def test_step_that_seniors_may_not_touch(document, house):
    flow = make_flow(document, user_step(house["member0"], allow_higher_level=False))
    assert set(told(flow).values()) == {"assigned", "substitute"}


def test_step_for_anybody_names_each_holder_once(document, house):
    flow = make_flow(document, role_step(house["role"], allow_higher_level=False))
    UserFactory.create(username="newcomer", role=house["role"])
    assert told(flow) == {
        ("member0", "member0"): "assigned",
        ("member0", "stand-in"): "substitute",
        ("member0", "newcomer"): "role_holder",
        ("member1", "member1"): "assigned",
        ("member2", "member2"): "assigned",
    }


def test_claimed_step_names_whoever_claimed_it_and_why_not_the_others(document, house):
    flow = make_flow(document, role_step(house["role"], allow_higher_level=False))
    FlowDriver(document).as_user(house["member1"]).claim()
    assert told(flow) == {
        ("member0", "member0"): "claimed",
        ("member1", "member1"): "assigned",
        ("member2", "member2"): "claimed",
    }


def test_people_asked_who_may_not_act_any_more_are_named_with_the_reason(document, house):
    flow = make_flow(document, role_step(house["role"], "consensus", allow_higher_level=False))
    User.objects.filter(username="member1").update(role=None)
    User.objects.filter(username="member2").update(is_active=False)
    found = {who: code for (_row, who), code in told(flow).items()}
    assert (found["member1"], found["member2"]) == ("left_role", "inactive")


def test_reasons_are_for_people(document, house):
    flow = make_flow(document, house["member0"])
    senior = next(item for item in explain_approvers(flow) if item.user.username == "boss")
    assert senior.permission.reason == "Your role is above that of the person asked."
    assert senior.permission.on_behalf_of == house["member0"]


def test_every_track_is_explained(document, house, ann):
    flow = make_flow(
        document,
        user_step(ann, step=1, parallel_group="a"),
        user_step(house["outsider"], step=1, parallel_group="b"),
        user_step(ann, step=2),
    )
    assert told(flow) == {("ann", "ann"): "assigned", ("outsider", "outsider"): "assigned"}


@pytest.mark.parametrize("status", ["completed", "rejected", "cancelled"])
def test_ended_flow_has_nobody(document, ann, status):
    assert explain_approvers(make_flow(document, ann, status=status)) == []


def steps_of(house):
    role = house["role"]
    return {
        "user": [user_step(house["member0"])],
        "strict": [user_step(house["member0"], allow_higher_level=False)],
        "anyone": [role_step(role)],
        "consensus": [role_step(role, "consensus")],
        "round robin": [role_step(role, "round_robin")],
        "not the starter": [role_step(role, exclude_starter=True)],
        "supervisor": [
            {
                "role_selection_strategy": "supervisor",
                "hierarchy_base_user": house["member0"],
            }
        ],
    }


@pytest.mark.parametrize("kind", list(steps_of({"role": None, "member0": None})))
@pytest.mark.parametrize("acted", [False, True])
def test_explanation_agrees_with_the_decision_for_everybody(document, house, kind, acted):
    """Who may act is named, and nobody else is named as somebody who may."""
    flow = make_flow(document, *steps_of(house)[kind], user_step(house["outsider"]))
    flow = make_started_by(flow, house["member1"])
    if acted:
        FlowDriver(document).as_user(FlowDriver(document).current_steps[0].assigned_to).approve()
    UserFactory.create(username="newcomer", role=house["role"])
    explained = {
        (step_of(item.instance), item.user.pk)
        for item in explain_approvers(flow)
        if item.permission
    }
    rows = list(flow.instances.current().select_related("flow", "assigned_to"))
    allowed = {
        (step_of(row), user.pk) for row in rows for user in User.objects.all() if can_act(row, user)
    }
    assert explained == allowed


def step_of(row):
    return row.step_key


def make_started_by(flow, user):
    ApprovalFlow.objects.filter(pk=flow.pk).update(started_by=user)
    return ApprovalFlow.objects.get(pk=flow.pk)


def test_each_answer_is_that_of_can_act(document, house):
    flow = make_flow(document, role_step(house["role"], "consensus"))
    for item in explain_approvers(flow):
        row = row_of(flow, item.instance.assigned_to)
        assert can_act(row, item.user).code == item.permission.code


@pytest.mark.parametrize("model", ["testapp.PlainRole", "auth.Group"])
def test_roles_without_a_tree(document, ann, bob, settings, model):
    settings.APPROVAL_ROLE_MODEL = model
    role = PlainRole.objects.create(name="Committee")
    role.users.add(ann, bob)
    flow = make_flow(document, role_step(role, "consensus"))
    assert told(flow) == {("ann", "ann"): "assigned", ("bob", "bob"): "assigned"}


@pytest.mark.parametrize("strategy", ["anyone", "consensus"])
@pytest.mark.parametrize("people", [5, 50])
def test_statements_do_not_grow_with_the_people(document, statements, strategy, people):
    flow = make_flow(document, role_step(make_role(people), strategy))
    with statements() as seen:
        assert len(explain_approvers(flow)) == people
    assert seen.count <= 6, str(seen)
