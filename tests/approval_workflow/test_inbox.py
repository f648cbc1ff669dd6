"""The inbox says in SQL what `can_act` says in Python; statements do not grow with the rows."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from approval_workflow.choices import ApprovalStatus
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow, claim, start_flow, substitute
from approval_workflow.utils import can_act, waiting_for
from purchasing.models import User
from tests.factories.people import RoleFactory, UserFactory, make_role
from tests.testapp.models import Document, PlainRole

pytestmark = pytest.mark.django_db


def document():
    return Document.objects.create(title="Contract")


@pytest.fixture
def people():
    """A boss above a board of three, a clerk, somebody inactive, and an outsider."""
    top = RoleFactory.create(name="top")
    board = RoleFactory.create(name="board", parent=top)
    members = [UserFactory.create(username=f"member{n}", role=board) for n in range(3)]
    return {
        "top": top,
        "board": board,
        "boss": UserFactory.create(username="boss", role=top),
        "members": members,
        "clerk": UserFactory.create(username="clerk"),
        "gone": UserFactory.create(username="gone", is_active=False),
        "outsider": UserFactory.create(username="outsider"),
    }


def story_user_step(people):
    start_flow(document(), [{"assigned_to": people["clerk"]}])


def story_user_step_of_a_member(people):
    start_flow(document(), [{"assigned_to": people["members"][0]}])


def story_strict_step(people):
    start_flow(document(), [{"assigned_to": people["members"][0], "allow_higher_level": False}])


def story_anyone(people):
    start_flow(document(), [{"assigned_role": people["board"]}])


def story_anyone_with_a_new_holder(people):
    story_anyone(people)
    people["outsider"].role = people["board"]
    people["outsider"].save()


def story_claimed(people):
    story_anyone_with_a_new_holder(people)
    claim(ApprovalInstance.objects.current().first(), people["members"][0])


def story_consensus_with_one_vote(people):
    step = {"assigned_role": people["board"], "role_selection_strategy": "consensus"}
    start_flow(document(), [step])
    row = ApprovalInstance.objects.get(assigned_to=people["members"][0])
    advance_flow(row, "approved", people["members"][0])


def story_consensus_with_a_leaver(people):
    step = {"assigned_role": people["board"], "role_selection_strategy": "consensus"}
    start_flow(document(), [step])
    User.objects.filter(pk=people["members"][0].pk).update(role=None)


def story_delegated(people):
    story_consensus_with_one_vote(people)
    row = ApprovalInstance.objects.get(assigned_to=people["members"][1])
    advance_flow(row, "delegated", people["members"][1], delegate_to=people["outsider"])


def story_substitute(people):
    story_user_step(people)
    ends_at = timezone.now() + timedelta(days=1)
    substitute(people["clerk"], people["outsider"], ends_at=ends_at)


def story_substitute_for_other_models(people):
    story_user_step(people)
    ends_at = timezone.now() + timedelta(days=1)
    substitute(people["clerk"], people["outsider"], ends_at=ends_at, models=[User])


def story_substitute_for_this_model(people):
    story_anyone(people)
    ends_at = timezone.now() + timedelta(days=1)
    substitute(people["members"][0], people["outsider"], ends_at=ends_at, models=[Document])


def story_starter_excluded(people):
    step = {"assigned_role": people["board"], "exclude_starter": True}
    start_flow(document(), [step], started_by=people["members"][0])


def story_starter_excluded_and_substituted(people):
    step = {"assigned_role": people["board"], "exclude_starter": True}
    start_flow(document(), [step], started_by=people["outsider"])
    ends_at = timezone.now() + timedelta(days=1)
    substitute(people["members"][0], people["outsider"], ends_at=ends_at)


def story_deciders_excluded(people):
    first = people["members"][0]
    flow = [
        {"assigned_to": first},
        {"assigned_role": people["board"], "exclude_deciders": True},
    ]
    start_flow(document(), flow)
    advance_flow(ApprovalInstance.objects.current().get(), "approved", first)


def story_supervisor(people):
    step = {"role_selection_strategy": "supervisor", "hierarchy_base_user": people["members"][0]}
    start_flow(document(), [step])


def story_role_of_another_model(people):
    """Steps may be for roles of any model that leads to users."""
    role = PlainRole.objects.create(name="Committee")
    role.users.add(people["outsider"], people["clerk"])
    step = {"assigned_role": role, "role_selection_strategy": "consensus"}
    start_flow(document(), [step])
    start_flow(document(), [{"assigned_role": role}])
    role.users.remove(people["clerk"])
    role.users.add(people["boss"])


STORIES = [value for name, value in sorted(globals().items()) if name.startswith("story_")]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_inbox_agrees_with_the_decision_for_everybody(people, story):
    story(people)
    for user in User.objects.all():
        waiting = {step_of(row) for row in waiting_for(user)}
        rows = ApprovalInstance.objects.current().select_related("flow", "assigned_to")
        allowed = {step_of(row) for row in rows if can_act(row, user)}
        assert waiting == allowed, user.username


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_every_row_of_the_inbox_can_be_acted_on(people, story):
    story(people)
    for user in User.objects.all():
        for row in waiting_for(user):
            assert can_act(row, user), (user.username, row)


def step_of(row):
    return (row.flow_id, row.step_number, row.parallel_group)


def test_a_step_for_anybody_of_a_role_is_one_row(people):
    story_anyone_with_a_new_holder(people)
    assert waiting_for(people["outsider"]).count() == 1
    assert waiting_for(people["members"][1]).get().assigned_to == people["members"][1]


def test_steps_due_first_come_first(people):
    for days in (3, 1, None, 2):
        allowed = timedelta(days=days) if days else None
        start_flow(document(), [{"assigned_to": people["clerk"], "sla_duration": allowed}])
    due = [row.sla_duration and row.sla_duration.days for row in waiting_for(people["clerk"])]
    assert due == [1, 2, 3, None]


def test_nothing_waits_for_nobody(people):
    story_user_step(people)
    assert not waiting_for(AnonymousUser()).exists()


@pytest.mark.parametrize("rows", [10, 200])
def test_a_page_of_the_inbox_keeps_to_the_budget(rows, people, statements):
    # Django remembers content types for the life of the process.
    ContentType.objects.get_for_model(type(people["board"]))
    board = make_role(1, parent=people["top"])
    for _number in range(rows):
        start_flow(document(), [{"assigned_role": board}])
    with statements() as seen:
        waiting = waiting_for(people["boss"]).select_related("flow")
        page, total = list(waiting[:20]), waiting.count()
    assert len(page) == min(rows, 20)
    assert total == rows
    assert seen.count <= 4, str(seen)


def test_an_ended_flow_waits_for_nobody(people):
    story_user_step(people)
    row = ApprovalInstance.objects.get()
    advance_flow(row, "approved", people["clerk"])
    assert row.status == ApprovalStatus.APPROVED
    assert not waiting_for(people["clerk"]).exists()
