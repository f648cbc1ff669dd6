"""Strategies that find people through the object or a function of the project."""

from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Group

from approval_workflow import strategies
from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import ApprovalMisconfigured, InvalidSteps, NobodyEligible
from approval_workflow.strategies import Asked, Strategy, approver_function, dynamic
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_may_act,
    assert_may_not_act,
    assert_waiting_on,
    role_step,
    user_step,
)
from approval_workflow.types import Decision
from purchasing.models import Department, PurchaseRequest, User
from tests.factories import DepartmentFactory, PurchaseRequestFactory, UserFactory, make_role
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

HERE = "tests.approval_workflow.test_strategies_dynamic"


def attribute(path, **keys):
    return {"role_selection_strategy": "dynamic_attribute", "dynamic_source": path, **keys}


def function(name, **keys):
    return {"role_selection_strategy": "dynamic_function", "dynamic_source": name, **keys}


@dataclass
class Staff:
    requester: User
    manager: User
    head: User
    members: list
    department: Department
    purchase: PurchaseRequest


@pytest.fixture
def staff(db):
    """Somebody who asks for something, their manager, and their department with its head."""
    manager, head = UserFactory.create(username="manager"), UserFactory.create(username="head")
    department = DepartmentFactory.create(head=head)
    members = UserFactory.create_batch(2, department=department)
    requester = UserFactory.create(
        username="requester", head_manager=manager, department=department
    )
    purchase = PurchaseRequestFactory.create(requester=requester)
    return Staff(requester, manager, head, [*members, requester], department, purchase)


@pytest.fixture(autouse=True)
def own_functions(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(dynamic, "_registered", {})


# DYNAMIC_ATTRIBUTE


PATHS = [
    ("requester", lambda staff: {staff.requester}),
    ("requester.head_manager", lambda staff: {staff.manager}),
    ("requester.department.head", lambda staff: {staff.head}),
    ("requester.department.members", lambda staff: set(staff.members)),
    # Every member's manager: two have none.
    ("requester.department.members.head_manager", lambda staff: {staff.manager}),
    # There and back again: the same person once.
    ("requester.head_manager.reports", lambda staff: {staff.requester}),
    ("requester.department.members.department.head", lambda staff: {staff.head}),
]


@pytest.mark.parametrize(("path", "expected"), PATHS, ids=[path for path, _expected in PATHS])
def test_path_leads_to_people_over_fields_relations_and_lists(staff, path, expected):
    FlowDriver.start(staff.purchase, [attribute(path)])
    assert_waiting_on(staff.purchase, *expected(staff))


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_attribute_may_be_a_list_of_any_kind(document, ann, bob, monkeypatch, kind):
    monkeypatch.setattr(
        Document, "reviewers", property(lambda obj: kind([ann, None, bob])), raising=False
    )
    FlowDriver.start(document, [attribute("reviewers")])
    assert_waiting_on(document, ann, bob)


def test_query_set_is_followed_as_a_list_is(document, ann, bob, monkeypatch):
    everybody = property(lambda obj: User.objects.order_by("pk"))
    monkeypatch.setattr(Document, "reviewers", everybody, raising=False)
    FlowDriver.start(document, [attribute("reviewers")])
    assert_waiting_on(document, ann, bob)


@pytest.mark.parametrize("path", ["requester.head_manager", "requester.head_manager.head_manager"])
def test_none_on_the_way_leads_to_nobody(staff, path):
    User.objects.filter(pk=staff.requester.pk).update(head_manager=None)
    purchase = PurchaseRequest.objects.get(pk=staff.purchase.pk)
    with pytest.raises(NobodyEligible):
        FlowDriver.start(purchase, [attribute(path)])


def test_empty_list_leads_to_nobody(staff):
    User.objects.update(department=None)
    with pytest.raises(NobodyEligible):
        FlowDriver.start(staff.purchase, [attribute("requester.department.members")])


def test_other_side_of_a_one_to_one_relation_that_is_not_there_leads_to_nobody(
    document, monkeypatch
):
    class RelatedObjectDoesNotExist(Document.DoesNotExist, AttributeError):
        """As Django makes it for the field."""

    def missing(obj):
        raise RelatedObjectDoesNotExist

    monkeypatch.setattr(Document, "review", property(missing), raising=False)
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [attribute("review.reviewer")])


def test_inactive_people_are_left_out(staff):
    User.objects.filter(pk=staff.members[0].pk).update(is_active=False)
    FlowDriver.start(staff.purchase, [attribute("requester.department.members")])
    assert_waiting_on(staff.purchase, *staff.members[1:])


def test_excluded_people_are_left_out(staff):
    step = attribute("requester.department.members", exclude_starter=True)
    FlowDriver.start(staff.purchase, [step], started_by=staff.requester)
    assert_waiting_on(staff.purchase, *staff.members[:2])


def test_all_who_are_found_must_approve(staff):
    driver = FlowDriver.start(staff.purchase, [attribute("requester.department.members")])
    for member in staff.members:
        assert driver.flow.is_open
        driver.as_user(member).approve()
    assert_flow_status(staff.purchase, FlowStatus.COMPLETED)


def test_or_as_many_of_them_as_the_step_says(staff):
    step = attribute("requester.department.members", quorum_count=2)
    driver = FlowDriver.start(staff.purchase, [step])
    for member in staff.members[:2]:
        assert driver.flow.is_open
        driver.as_user(member).approve()
    assert_flow_status(staff.purchase, FlowStatus.COMPLETED)


def test_more_approvals_than_people_found_is_an_error(staff):
    step = attribute("requester.department.members", quorum_count=4)
    with pytest.raises(NobodyEligible, match="it needs 4 approvals, of 3 people"):
        FlowDriver.start(staff.purchase, [step])


def test_object_is_read_when_the_step_opens(staff, ann):
    driver = FlowDriver.start(staff.purchase, [user_step(ann), attribute("requester.head_manager")])
    User.objects.filter(pk=staff.requester.pk).update(head_manager=staff.head)
    driver.as_user(ann).approve()
    assert_waiting_on(staff.purchase, staff.head)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("title", "expected users, found str"),
        ("amount", "expected users, found Decimal"),
        ("requester.department", "expected users, found purchasing.Department"),
        ("requester.get_full_name", "expected users, found method"),
        ("requester.nickname", "User has no field 'nickname'"),
        ("reqester", "PurchaseRequest has no field 'reqester'"),
    ],
)
def test_path_that_does_not_lead_to_people_is_misconfigured(staff, path, message):
    with pytest.raises(ApprovalMisconfigured, match=message):
        FlowDriver.start(staff.purchase, [attribute(path)])


@pytest.mark.parametrize(
    "path", ["_state", "requester.__class__", "requester..head", ".", "a b", "requester.password!"]
)
def test_path_must_be_names_of_fields(staff, path):
    with pytest.raises(InvalidSteps) as caught:
        FlowDriver.start(staff.purchase, [attribute(path)])
    expected = {"steps[0].dynamic_source": "Expected names of fields, separated by dots."}
    assert caught.value.errors == expected


@pytest.mark.parametrize("strategy", ["dynamic_attribute", "dynamic_function"])
@pytest.mark.parametrize("source", [None, "", 5, "x" * 301])
def test_source_must_be_given_as_text(staff, strategy, source):
    step = {"role_selection_strategy": strategy, "dynamic_source": source}
    with pytest.raises(InvalidSteps) as caught:
        FlowDriver.start(staff.purchase, [step])
    assert list(caught.value.errors) == ["steps[0].dynamic_source"]


def test_deleting_methods_are_not_called(staff):
    with pytest.raises(ApprovalMisconfigured):
        FlowDriver.start(staff.purchase, [attribute("requester.delete")])
    assert User.objects.filter(pk=staff.requester.pk).exists()


# DYNAMIC_FUNCTION


def heads_of_all_departments(obj, step):
    """Listed in the settings of the tests below."""
    return User.objects.filter(headed_departments__isnull=False)


NOT_A_FUNCTION = "text"


def test_registered_function_finds_people(staff):
    @approver_function("manager of the requester")
    def manager(obj, step):
        return obj.requester.head_manager

    FlowDriver.start(staff.purchase, [function("manager of the requester")])
    assert_waiting_on(staff.purchase, staff.manager)


def test_listed_function_finds_people(staff, settings):
    settings.APPROVAL_FUNCTIONS = {"heads": f"{HERE}.heads_of_all_departments"}
    FlowDriver.start(staff.purchase, [function("heads")])
    assert_waiting_on(staff.purchase, staff.head)


def test_function_gets_the_object_and_the_step(staff, ann):
    seen = []

    @approver_function("ann")
    def ask_ann(obj, step):
        seen.append((obj, step.step_number, step.extra_fields))
        return ann

    FlowDriver.start(staff.purchase, [function("ann", step=7, extra_fields={"limit": 5})])
    assert seen == [(staff.purchase, 7, {"limit": 5})]


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_function_may_return_several(document, ann, bob, kind):
    approver_function("both")(lambda obj, step: kind([ann, bob]))
    FlowDriver.start(document, [function("both")])
    assert_waiting_on(document, ann, bob)


@pytest.mark.parametrize("nobody", [None, [], [None]])
def test_function_that_finds_nobody_is_an_error(document, nobody):
    approver_function("nobody")(lambda obj, step: nobody)
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [function("nobody")])


@pytest.mark.parametrize("answer", ["ann", 1, [1, 2]])
def test_function_that_returns_no_people_is_misconfigured(document, answer):
    approver_function("wrong")(lambda obj, step: answer)
    with pytest.raises(ApprovalMisconfigured, match="expected users, found"):
        FlowDriver.start(document, [function("wrong")])


def test_function_that_returns_groups_is_misconfigured(document):
    group = Group.objects.create(name="Board")
    approver_function("group")(lambda obj, step: group)
    with pytest.raises(ApprovalMisconfigured, match=r"found auth\.Group"):
        FlowDriver.start(document, [function("group")])


def test_unknown_name_is_refused_with_the_nearest_known_one(document):
    approver_function("manager")(lambda obj, step: None)
    with pytest.raises(InvalidSteps) as caught:
        FlowDriver.start(document, [function("manger")])
    assert caught.value.errors == {
        "steps[0].dynamic_source": "There is no such function. Did you mean 'manager'?"
    }


@pytest.mark.parametrize("path", ["os.system", "builtins.eval", f"{HERE}.heads_of_all_departments"])
def test_dotted_path_is_not_a_name(document, path):
    """Only what the project has registered or listed is ever called."""
    with pytest.raises(InvalidSteps):
        FlowDriver.start(document, [function(path)])


def test_name_that_is_gone_when_the_step_opens_is_misconfigured(document, ann):
    approver_function("manager")(lambda obj, step: ann)
    driver = FlowDriver.start(document, [user_step(ann), function("manager")])
    dynamic._registered.clear()
    with pytest.raises(ApprovalMisconfigured, match="no approver function 'manager'"):
        driver.as_user(ann).approve()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{HERE}.missing", "cannot be imported"),
        (f"{HERE}.NOT_A_FUNCTION", "that can be called"),
    ],
)
def test_listed_path_that_leads_to_no_function_is_misconfigured(document, settings, path, message):
    settings.APPROVAL_FUNCTIONS = {"wrong": path}
    with pytest.raises(ApprovalMisconfigured, match=message):
        FlowDriver.start(document, [function("wrong")])


# A project's own: one voice for each department, the first rejection of a department is its vote


class EveryDepartment(Strategy):
    """One of each department that holds the role approves for it."""

    value = "every_department"
    label = "Every department"

    def select(self, selection):
        return list(selection.holders())

    def ask(self, selection):
        return [Asked(user, voice=user.department_id) for user in self.select(selection)]

    def needed(self, electorate, rules):
        return electorate


def test_strategy_of_the_project_may_give_voices(document, settings):
    settings.APPROVAL_ROLE_STRATEGIES = {"every_department": f"{HERE}.EveryDepartment"}
    role = make_role(0)
    departments = DepartmentFactory.create_batch(2)
    law, law_too, money = (
        UserFactory.create(role=role, department=department)
        for department in (departments[0], departments[0], departments[1])
    )
    driver = FlowDriver.start(document, [role_step(role, "every_department")])
    assert_waiting_on(document, law, law_too, money)
    driver.as_user(law_too).approve()
    assert_may_not_act(document, law)
    assert_may_act(document, money)
    driver.as_user(money).approve()
    assert_flow_status(document, FlowStatus.COMPLETED)


def test_what_projects_need_is_in_one_place():
    assert {"Asked", "Selection", "Strategy", "approver_function"} <= set(strategies.__all__)


class NeedsARoleAfterAll(EveryDepartment):
    """Says that it needs no role, and asks for its holders."""

    value = "careless"
    needs_role = False


def test_strategy_of_the_project_that_asks_for_holders_of_no_role_is_misconfigured(
    document, settings
):
    settings.APPROVAL_ROLE_STRATEGIES = {"careless": f"{HERE}.NeedsARoleAfterAll"}
    with pytest.raises(ApprovalMisconfigured, match="Step 1 needs an assigned_role"):
        FlowDriver.start(document, [{"role_selection_strategy": "careless"}])


class Undecided(EveryDepartment):
    """Never has enough."""

    value = "undecided"

    def decide(self, votes, rules):
        return Decision.open("Let us sleep on it.")


def test_strategy_of_the_project_that_never_decides_leaves_the_step_open(document, settings):
    """Nobody is left to vote; a manager can still cancel the flow."""
    settings.APPROVAL_ROLE_STRATEGIES = {"undecided": f"{HERE}.Undecided"}
    role = make_role(2)
    driver = FlowDriver.start(document, [role_step(role, "undecided")])
    first, second = role.users.order_by("pk")
    assert driver.as_user(first).approve().assigned_to == second
    assert driver.as_user(second).approve() is None
    assert_flow_status(document, FlowStatus.IN_PROGRESS)
