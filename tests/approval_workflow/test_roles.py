"""Roles of every shape: a tree with a field on the user, groups, plain roles, a function."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from approval_workflow import roles
from approval_workflow.exceptions import ApprovalMisconfigured, NobodyEligible
from approval_workflow.models import ApprovalInstance
from approval_workflow.roles import RoleRef
from approval_workflow.services import advance_flow, start_flow
from approval_workflow.utils import can_user_approve
from purchasing.models import Role
from tests.approval_workflow.flows import by, current, make_flow
from tests.factories import RoleFactory, UserFactory, make_role
from tests.testapp.models import LonelyRole, PlainRole

pytestmark = pytest.mark.django_db

User = get_user_model()


def nobody(role):
    """A resolver."""
    return []


def everybody_called_like_the_role(role):
    """A resolver."""
    return User.objects.filter(username__startswith=role.name)


def keys_of_everybody(role):
    """A resolver that returns keys instead of users."""
    return list(User.objects.values_list("pk", flat=True))


def everybody_twice(role):
    """A resolver whose query set has doubles, as one over a many-to-many relation easily has."""
    return User.objects.filter(approval_roles__name__startswith=role.name)


RESOLVERS = "tests.approval_workflow.test_roles"


@pytest.fixture
def in_tree():
    role = RoleFactory.create()
    return role, UserFactory.create(role=role)


@pytest.fixture
def in_group(settings):
    settings.APPROVAL_ROLE_MODEL = "auth.Group"
    group = Group.objects.create(name="Finance")
    user = UserFactory.create()
    user.groups.add(group)
    return group, user


@pytest.fixture
def in_plain_role(settings):
    settings.APPROVAL_ROLE_MODEL = "testapp.PlainRole"
    role = PlainRole.objects.create(name="Finance")
    user = UserFactory.create()
    role.users.add(user)
    return role, user


@pytest.fixture
def by_function(settings):
    settings.APPROVAL_ROLE_MODEL = "testapp.LonelyRole"
    settings.APPROVAL_ROLE_USERS_RESOLVER = f"{RESOLVERS}.everybody_called_like_the_role"
    return LonelyRole.objects.create(name="fin"), UserFactory.create(username="fin-1")


@pytest.fixture(params=["in_tree", "in_group", "in_plain_role", "by_function"])
def role_and_holder(request):
    """K7: the four ways from a role to its users."""
    return request.getfixturevalue(request.param)


def test_holder_is_asked(role_and_holder, ann):
    role, holder = role_and_holder
    flow = make_flow(by(role))
    assert [row.assigned_to for row in current(flow)] == [holder]


def test_holder_may_act_and_others_may_not(role_and_holder, ann):
    role, holder = role_and_holder
    (row,) = current(make_flow(by(role)))
    assert can_user_approve(row, holder)
    assert not can_user_approve(row, ann)
    assert advance_flow(instance=row, action="approved", user=holder) is None


def test_inactive_holders_are_not_asked(role_and_holder, ann):
    role, holder = role_and_holder
    type(holder).objects.filter(pk=holder.pk).update(is_active=False)
    with pytest.raises(NobodyEligible):
        make_flow(by(role))


def test_holds_answers_for_one_person(role_and_holder, ann):
    role, holder = role_and_holder
    assert roles.holds(holder, RoleRef.of(role))
    assert not roles.holds(ann, RoleRef.of(role))


def test_roles_of_a_person_are_found(role_and_holder, ann):
    role, holder = role_and_holder
    assert roles.roles_of(holder) == [role]
    assert roles.roles_of(ann) == []


def test_way_to_the_users_can_be_named(role_and_holder):
    role, _holder = role_and_holder
    assert roles.way_to_users(type(role))


def test_role_of_another_model_than_the_configured_one_is_asked_too(ann):
    """L10: the user's field leads to the tree, so a group's users are found another way."""
    group = Group.objects.create(name="Board")
    ann.groups.add(group)
    assert [row.assigned_to for row in current(make_flow(by(group)))] == [ann]


def test_role_without_a_way_to_users_is_misconfigured(document):
    role = LonelyRole.objects.create(name="nobody")
    with pytest.raises(ApprovalMisconfigured) as caught:
        start_flow(document, [by(role)])
    assert caught.value.code == "misconfigured"
    assert caught.value.details["role_model"] == "testapp.LonelyRole"


def test_resolver_comes_before_the_field_of_the_user(settings, in_tree):
    role, _holder = in_tree
    settings.APPROVAL_ROLE_USERS_RESOLVER = f"{RESOLVERS}.nobody"
    with pytest.raises(NobodyEligible):
        make_flow(by(role))


def test_resolver_may_return_keys(settings, in_tree, ann):
    role, holder = in_tree
    settings.APPROVAL_ROLE_USERS_RESOLVER = f"{RESOLVERS}.keys_of_everybody"
    assert {row.assigned_to for row in current(make_flow(by(role)))} == {holder, ann}


def test_person_found_twice_is_asked_once(settings, ann):
    for name in ("finance-1", "finance-2"):
        PlainRole.objects.create(name=name).users.add(ann)
    settings.APPROVAL_ROLE_USERS_RESOLVER = f"{RESOLVERS}.everybody_twice"
    role = LonelyRole.objects.create(name="finance")
    assert [row.assigned_to for row in current(make_flow(by(role)))] == [ann]


@pytest.mark.parametrize("configured", ["nobody_has_this", "last_name"])
def test_field_that_leads_to_no_role_is_passed_over(settings, in_plain_role, configured):
    """L10"""
    settings.APPROVAL_ROLE_FIELD = configured
    role, holder = in_plain_role
    assert list(roles.holders(RoleRef.of(role))) == [holder]


def test_many_to_many_field_of_the_user_leads_to_roles(settings, ann):
    settings.APPROVAL_ROLE_MODEL, settings.APPROVAL_ROLE_FIELD = "auth.Group", "groups"
    group = Group.objects.create(name="Board")
    ann.groups.add(group)
    assert roles.holds(ann, RoleRef.of(group))
    assert roles.roles_of(ann) == [group]


def test_role_that_is_gone_when_its_step_opens_is_nobody(ann):
    role = make_role(2)
    flow = make_flow(ann, by(role))
    role.delete()
    with pytest.raises(NobodyEligible) as caught:
        advance_flow(flow.target, "approved", ann)
    assert caught.value.details["step"] == 2


def test_role_that_is_gone_when_a_resolver_needs_it_is_nobody(settings, ann, by_function):
    role, _holder = by_function
    flow = make_flow(ann, by(role))
    role.delete()
    with pytest.raises(NobodyEligible):
        advance_flow(flow.target, "approved", ann)


def test_role_whose_model_is_gone_is_misconfigured(ann, retired_type):
    flow = make_flow(ann, by(make_role()))
    ApprovalInstance.objects.filter(flow=flow).update(assigned_role_content_type=retired_type)
    with pytest.raises(ApprovalMisconfigured, match=r"retired\.thing"):
        RoleRef.of_step(flow.instances.get(step_number=2))


# Seniority


@pytest.fixture
def tree():
    """Director above manager above clerk, and another branch; made by others, one at a time."""
    director = Role.objects.create(name="Director")
    manager = Role.objects.create(name="Manager", parent=Role.objects.get())
    clerk = Role.objects.create(name="Clerk", parent=Role.objects.get(name="Manager"))
    Role.objects.create(name="Auditor", parent=Role.objects.get(name="Director"))
    return {role.name: UserFactory.create(role=role) for role in (director, manager, clerk)}


def holder_of(name):
    """A person whose role object was loaded now."""
    return UserFactory.create(role=Role.objects.get(name=name))


@pytest.mark.parametrize(
    ("senior", "junior", "above"),
    [
        ("Director", "Manager", True),
        ("Director", "Clerk", True),
        ("Manager", "Clerk", True),
        ("Clerk", "Manager", False),
        ("Manager", "Manager", False),
        ("Auditor", "Clerk", False),
        ("Manager", "Auditor", False),
    ],
)
def test_ancestors_are_senior_and_nobody_else(tree, senior, junior, above):
    """S0-8, S0-30"""
    assert roles.is_above(holder_of(senior), holder_of(junior)) is above


def test_seniority_is_that_of_the_tree_as_it_is_stored(tree):
    """The places that a role object remembers are old as soon as the tree grows or moves."""
    assert roles.is_above(tree["Director"], tree["Clerk"])
    assert not roles.is_above(tree["Clerk"], tree["Director"])


def test_helper_and_service_agree_on_people_loaded_before_the_tree_changed(tree):
    """S0-34"""
    director, clerk = tree["Director"], tree["Clerk"]
    flow = make_flow(clerk)
    (row,) = current(flow)
    assert can_user_approve(row, director)
    assert advance_flow(instance=row, action="approved", user=director) is None


def test_person_without_a_role_is_neither_above_nor_below(tree, ann):
    assert not roles.is_above(ann, tree["Clerk"])
    assert not roles.is_above(tree["Director"], ann)


def test_without_a_tree_nobody_is_senior(in_plain_role, ann):
    """K7"""
    role, holder = in_plain_role
    assert not roles.is_above(ann, holder)
    assert not roles.is_above_role(ann, RoleRef.of(role))


def test_without_a_role_model_nobody_is_senior(settings, tree):
    settings.APPROVAL_ROLE_MODEL = None
    assert roles.roles_of(tree["Director"]) == []
    assert not roles.is_above(tree["Director"], tree["Clerk"])


def test_seniority_costs_one_statement(tree, statements):
    director = User.objects.get(pk=tree["Director"].pk)
    clerk = User.objects.get(pk=tree["Clerk"].pk)
    with statements() as seen:
        assert roles.is_above(director, clerk)
    assert seen.count == 1
