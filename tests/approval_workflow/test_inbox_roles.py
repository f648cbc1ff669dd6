"""The inbox with roles of every shape: keys of every kind, relations of every kind, a function."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from approval_workflow.models import ApprovalInstance
from approval_workflow.services import substitute
from approval_workflow.testing import FlowDriver, make_flow, role_step
from approval_workflow.utils import can_act, waiting_for
from purchasing.models import User
from tests.factories import RoleFactory, UserFactory
from tests.testapp.models import Document, LonelyRole, PlainRole, UuidRole

pytestmark = pytest.mark.django_db

HERE = "tests.approval_workflow.test_inbox_roles"


def users_called_like_the_role(role):
    """A resolver."""
    return User.objects.filter(last_name=f"of {role}")


class ByField:
    """A field of the user."""

    label = "purchasing.Role"

    def __init__(self):
        self.top = RoleFactory.create()
        self.role = RoleFactory.create(parent=self.top)
        UserFactory.create(username="boss", role=self.top)

    def join(self, user):
        User.objects.filter(pk=user.pk).update(role=self.role)

    def leave(self, user):
        User.objects.filter(pk=user.pk).update(role=None)


class ByUsers:
    """A relation of the role."""

    label = "testapp.PlainRole"

    def __init__(self):
        self.role = PlainRole.objects.create(name="Committee")

    def join(self, user):
        self.role.users.add(user)

    def leave(self, user):
        self.role.users.remove(user)


class ByUuid(ByUsers):
    """The same with a UUID key, which databases cast to text each in its own way."""

    label = "testapp.UuidRole"

    def __init__(self):
        self.role = UuidRole.objects.create()


class ByGroup(ByUsers):
    """A group of Django's."""

    label = "auth.Group"

    def __init__(self):
        self.role = Group.objects.create(name="Committee")

    def join(self, user):
        user.groups.add(self.role)

    def leave(self, user):
        user.groups.remove(self.role)


class ByFunction(ByUsers):
    """A function of the project."""

    label = "testapp.LonelyRole"
    resolver = f"{HERE}.users_called_like_the_role"

    def __init__(self):
        self.role = LonelyRole.objects.create(name="Committee")

    def join(self, user):
        User.objects.filter(pk=user.pk).update(last_name=f"of {self.role}")

    def leave(self, user):
        User.objects.filter(pk=user.pk).update(last_name="")


class ByFunctionInTree(ByFunction):
    """A function that knows the users of roles in a tree."""

    label = "purchasing.Role"

    def __init__(self):
        top = RoleFactory.create()
        self.role = RoleFactory.create(parent=top)
        UserFactory.create(username="boss", last_name=f"of {top}")


@pytest.fixture(params=[ByField, ByUsers, ByUuid, ByGroup, ByFunction, ByFunctionInTree])
def shape(request, db, settings):
    shape = request.param()
    settings.APPROVAL_ROLE_MODEL = shape.label
    settings.APPROVAL_ROLE_USERS_RESOLVER = getattr(shape, "resolver", None)
    return shape


@pytest.fixture
def people(shape):
    """Three holders, one who leaves, one who joins, an outsider, and two stand-ins."""
    people = {name: UserFactory.create(username=name) for name in ("a", "b", "c", "leaver")}
    for person in people.values():
        shape.join(person)
    for name in ("newcomer", "outsider", "for a", "for leaver"):
        people[name] = UserFactory.create(username=name)
    tomorrow = timezone.now() + timedelta(days=1)
    substitute(people["a"], people["for a"], ends_at=tomorrow)
    substitute(people["leaver"], people["for leaver"], ends_at=tomorrow)
    return people


def check_agreement():
    rows = list(ApprovalInstance.objects.current().select_related("flow", "assigned_to"))
    for user in User.objects.all():
        waiting = {row.step_key for row in waiting_for(user)}
        allowed = {row.step_key for row in rows if can_act(row, user)}
        assert waiting == allowed, user.username


@pytest.mark.parametrize("strategy", ["anyone", "consensus", "majority"])
def test_inbox_agrees_with_the_decision(shape, people, strategy):
    for vote in (False, True):
        document = Document.objects.create(title="Contract")
        make_flow(document, role_step(shape.role, strategy, rejection_policy="out_of_reach"))
        voter = FlowDriver(document).as_user(people["b"])
        if vote:
            (voter.reject if strategy == "anyone" else voter.approve)()
    shape.leave(people["leaver"])
    shape.join(people["newcomer"])
    check_agreement()
    assert waiting_for(User.objects.get(username="c")).count() == 2


def test_inbox_agrees_when_somebody_has_claimed_the_step(shape, people, document):
    make_flow(document, role_step(shape.role))
    FlowDriver(document).as_user(people["b"]).claim()
    check_agreement()


def test_seniors_are_found_however_roles_lead_to_users(shape, people, document):
    make_flow(document, people["a"])
    check_agreement()
    boss = User.objects.filter(username="boss").first()
    assert boss is None or waiting_for(boss).exists()


def test_role_that_is_gone_waits_for_nobody(shape, people, document):
    make_flow(document, role_step(shape.role))
    shape.role.delete()
    check_agreement()
    assert not waiting_for(people["a"]).exists()


def test_role_whose_model_is_gone_hides_no_other_step(shape, people, document, retired_type):
    """An app was removed from the project; its content type is there still."""
    make_flow(document, people["outsider"])
    make_flow(Document.objects.create(title="x"), role_step(shape.role))
    rows = ApprovalInstance.objects.exclude(role_selection_strategy="")
    rows.update(assigned_role_content_type=retired_type)
    assert waiting_for(people["outsider"]).count() == 1
    assert not waiting_for(people["a"]).exists()
