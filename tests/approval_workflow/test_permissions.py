"""Who may act, with the reason; and that acting agrees with the answer (S0-34)."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.utils.functional import SimpleLazyObject

from approval_workflow.exceptions import ApprovalError, ApprovalPermissionDenied, NoCurrentStep
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.permissions import can_act
from approval_workflow.services import advance_flow, cancel_flow, start_flow
from approval_workflow.utils import can_user_approve
from purchasing.models import Role
from tests.approval_workflow.flows import by, make_document, make_flow, row_of, the_current
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

User = get_user_model()


@pytest.fixture
def company():
    """Director above manager above clerk; two clerks, one of them away for good."""
    director = Role.objects.create(name="Director")
    manager = Role.objects.create(name="Manager", parent=director)
    clerk = Role.objects.create(name="Clerk", parent=manager)
    people = {
        "director": UserFactory.create(username="director", role=director),
        "manager": UserFactory.create(username="manager", role=manager),
        "clerk": UserFactory.create(username="clerk", role=clerk),
        "colleague": UserFactory.create(username="colleague", role=clerk),
        "stranger": UserFactory.create(username="stranger"),
        "former": UserFactory.create(username="former", role=director, is_active=False),
    }
    return {**people, "anonymous": AnonymousUser(), "nobody": None}


CLERK_STEP = {
    # who asks: may they, and what is said
    "clerk": (True, "assigned"),
    "manager": (True, "senior"),
    "director": (True, "senior"),
    "colleague": (False, "not_assigned"),
    "stranger": (False, "not_assigned"),
    "former": (False, "inactive"),
    "anonymous": (False, "anonymous"),
    "nobody": (False, "anonymous"),
}


@pytest.mark.parametrize(("who", "expected"), CLERK_STEP.items())
def test_reasons_for_a_step_with_a_person(company, who, expected):
    """S0-30, S0-32"""
    step = the_current(make_flow(company["clerk"]))
    permission = can_act(step, company[who])
    assert (permission.allowed, permission.code) == expected
    assert bool(permission) is expected[0]
    assert permission.reason


@pytest.mark.parametrize(("who", "expected"), CLERK_STEP.items())
def test_same_reasons_for_an_instance_that_is_not_saved(company, who, expected):
    """S0-16, L3"""
    permission = can_act(ApprovalInstance(assigned_to=company["clerk"]), company[who])
    assert (permission.allowed, permission.code) == expected


@pytest.mark.parametrize("status", ["pending", "approved", "cancelled"])
def test_instance_that_is_not_saved_is_judged_by_its_assignment_alone(company, status):
    """L3"""
    instance = ApprovalInstance(assigned_to=company["clerk"], status=status)
    assert can_user_approve(instance, company["clerk"])


@pytest.mark.parametrize(
    ("own", "argument", "expected"),
    [
        (True, None, True),
        (True, True, True),
        (True, False, False),
        (False, None, False),
        (False, True, True),
        (False, False, False),
    ],
)
def test_argument_wins_over_the_steps_own_value(company, own, argument, expected):
    """S0-31, K5, L9"""
    step = the_current(make_flow({"assigned_to": company["clerk"], "allow_higher_level": own}))
    answer = can_user_approve(step, company["manager"], allow_higher_level=argument)
    assert answer is expected
    assert can_user_approve(step, company["clerk"], allow_higher_level=argument)


def test_step_that_seniors_may_not_touch_is_refused_to_them(company):
    flow = make_flow({"assigned_to": company["clerk"], "allow_higher_level": False})
    with pytest.raises(ApprovalPermissionDenied) as caught:
        advance_flow(flow.target, "approved", company["manager"])
    assert caught.value.details["reason"] == "not_assigned"


def test_senior_acts_on_behalf_of_the_person(company):
    permission = can_act(the_current(make_flow(company["clerk"])), company["manager"])
    assert permission.on_behalf_of == company["clerk"]
    assert can_act(the_current(make_flow(company["clerk"])), company["clerk"]).on_behalf_of is None


ROLE_STEP = {
    ("anyone", "clerk"): (True, "assigned"),
    ("anyone", "newcomer"): (True, "role_holder"),
    ("anyone", "leaver"): (False, "left_role"),
    ("anyone", "manager"): (True, "senior"),
    ("anyone", "stranger"): (False, "not_assigned"),
    ("consensus", "clerk"): (True, "assigned"),
    ("consensus", "newcomer"): (False, "not_assigned"),
    ("consensus", "leaver"): (False, "left_role"),
    ("consensus", "manager"): (True, "senior"),
    ("consensus", "stranger"): (False, "not_assigned"),
}


@pytest.mark.parametrize(("case", "expected"), ROLE_STEP.items(), ids=str)
def test_reasons_for_a_role_step(company, case, expected):
    """L18: the row asked about is the person's own, else the clerk's."""
    strategy, who = case
    clerk = company["clerk"]
    leaver = UserFactory.create(role=clerk.role)
    flow = make_flow(by(clerk.role, strategy))
    User.objects.filter(pk=leaver.pk).update(role=None)
    company["leaver"] = User.objects.get(pk=leaver.pk)
    company["newcomer"] = UserFactory.create(role=clerk.role)
    row = row_of(flow, company["leaver"] if who == "leaver" else clerk)
    permission = can_act(row, company[who])
    assert (permission.allowed, permission.code) == expected


@pytest.mark.parametrize("who", ["clerk", "manager", "stranger"])
def test_role_step_to_come_is_not_open_to_anybody(company, who):
    flow = make_flow(company["stranger"], by(company["clerk"].role))
    waiting = flow.instances.get(step_number=2)
    assert can_act(waiting, company[who]).code == "not_open"


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("clerk", (True, "role_holder")),
        ("manager", (True, "senior")),
        ("stranger", (False, "not_assigned")),
    ],
)
def test_role_step_that_is_not_saved_is_judged_by_its_role(company, who, expected):
    instance = ApprovalInstance(
        assigned_role=company["clerk"].role, role_selection_strategy="consensus"
    )
    permission = can_act(instance, company[who])
    assert (permission.allowed, permission.code) == expected


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("approved", "already_processed"),
        ("rejected", "already_processed"),
        ("cancelled", "already_processed"),
    ],
)
def test_decided_step_is_not_open_even_to_its_person(ann, end, code):
    flow = make_flow(ann)
    row = the_current(flow)
    cancel_flow(flow) if end == "cancelled" else advance_flow(row, end, ann)
    row.refresh_from_db()
    assert can_act(row, ann).code == code


def test_step_to_come_is_not_open_even_to_its_person(ann, bob):
    """DESIGN 4: a pending step cannot be acted on."""
    step = make_flow(ann, bob).instances.get(step_number=2)
    assert not can_user_approve(step, bob)
    assert can_act(step, bob).code == "not_open"


def test_account_comes_before_everything_else(ann):
    step = make_flow(ann, ann).instances.get(step_number=2)
    ann.is_active = False
    assert can_act(step, ann).code == "inactive"


def test_second_vote_is_refused_before_it_is_cast(company):
    flow = make_flow(by(company["clerk"].role, "consensus"))
    row = row_of(flow, company["clerk"])
    advance_flow(instance=row, action="approved", user=company["manager"])
    other = row_of(flow, company["colleague"])
    assert can_act(other, company["manager"]).code == "already_voted"
    assert can_act(other, company["director"]).code == "senior"


def test_lazy_user_of_a_request_is_a_user(ann):
    lazy = SimpleLazyObject(lambda: ann)
    flow = make_flow(lazy)
    assert can_user_approve(the_current(flow), lazy)
    assert advance_flow(flow.target, "approved", lazy) is None


# Acting agrees with the answer, for everybody in every state


PEOPLE = ["director", "manager", "clerk", "colleague", "stranger", "former", "anonymous", "nobody"]


def plain(company):
    return make_flow(company["clerk"], company["clerk"])


def strict(company):
    return make_flow({"assigned_to": company["clerk"], "allow_higher_level": False})


def of_anyone(company):
    return make_flow(by(company["clerk"].role))


def of_all(company):
    return make_flow(by(company["clerk"].role, "consensus"))


def in_turn(company):
    return make_flow(by(company["clerk"].role, "round_robin"))


def of_all_after_a_vote(company):
    flow = of_all(company)
    advance_flow(flow.target, "approved", company["colleague"])
    return flow


def of_all_after_a_seniors_vote(company):
    flow = of_all(company)
    advance_flow(row_of(flow, company["colleague"]), "approved", company["manager"])
    return flow


def of_all_after_one_left(company):
    flow = of_all(company)
    User.objects.filter(pk=company["colleague"].pk).update(role=None)
    company["colleague"].refresh_from_db()
    return flow


def of_anyone_with_a_newcomer(company):
    flow = of_anyone(company)
    User.objects.filter(pk=company["stranger"].pk).update(role=company["clerk"].role)
    company["stranger"].refresh_from_db()
    return flow


def of_all_with_a_newcomer(company):
    flow = of_all(company)
    User.objects.filter(pk=company["stranger"].pk).update(role=company["clerk"].role)
    company["stranger"].refresh_from_db()
    return flow


def delegated(company):
    flow = make_flow(company["clerk"])
    advance_flow(flow.target, "delegated", company["clerk"], delegate_to=company["stranger"])
    return flow


def of_all_delegated(company):
    flow = of_all(company)
    advance_flow(flow.target, "delegated", company["clerk"], delegate_to=company["stranger"])
    return flow


def checked_in(company):
    flow = make_flow({"assigned_to": company["clerk"], "approval_type": "check_in_verify"})
    advance_flow(flow.target, "approved", company["clerk"])
    return flow


def ended(company):
    flow = make_flow(company["clerk"])
    advance_flow(flow.target, "approved", company["clerk"])
    return flow


def sent_back(company):
    flow = make_flow(company["clerk"])
    steps = [{"assigned_to": company["colleague"]}]
    advance_flow(flow.target, "resubmission", company["clerk"], resubmission_steps=steps)
    return flow


STATES = [
    plain,
    strict,
    of_anyone,
    of_all,
    in_turn,
    of_all_after_a_vote,
    of_all_after_a_seniors_vote,
    of_all_after_one_left,
    of_anyone_with_a_newcomer,
    of_all_with_a_newcomer,
    delegated,
    of_all_delegated,
    checked_in,
    ended,
    sent_back,
]


def acts(target, user, action):
    """Whether the action goes through; the attempt is not undone."""
    try:
        advance_flow(target, action, user)
    except ApprovalError:
        return False
    return True


@pytest.mark.parametrize("action", ["approved", "rejected"])
@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_acting_on_a_row_agrees_with_the_answer(company, state, who, action):
    """S0-34: for every row of the flow, in every state that it can be in."""
    rows = list(state(company).instances.order_by("pk"))
    for number in range(len(rows)):
        flow = rows[0].flow if number == 0 else state(fresh(company))
        row = flow.instances.order_by("pk")[number]
        answer = can_user_approve(row, company[who])
        assert acts(row, company[who], action) is answer, (number, row.status)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_acting_on_the_object_agrees_with_the_answers_for_its_rows(company, state, who):
    flow = state(company)
    answer = any(can_user_approve(row, company[who]) for row in flow.instances.all())
    assert acts(flow.target, company[who], "approved") is answer


def fresh(company):
    """Put people's roles back to what they were before a state changed them."""
    clerk = Role.objects.get(name="Clerk")
    User.objects.filter(pk=company["colleague"].pk).update(role=clerk)
    User.objects.filter(pk=company["stranger"].pk).update(role=None)
    for name in ("colleague", "stranger"):
        company[name].refresh_from_db()
    return company


def test_person_deactivated_in_the_database_is_refused_by_acting(company):
    """L21: the helper answers for the user handed in, acting reads the account again."""
    clerk = company["clerk"]
    flow = make_flow(clerk)
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    with pytest.raises(ApprovalPermissionDenied) as caught:
        advance_flow(flow.target, "approved", clerk)
    assert caught.value.details["reason"] == "inactive"
    clerk.refresh_from_db()
    assert not can_user_approve(the_current(flow), clerk)


def test_person_who_lost_the_role_in_the_database_is_refused_by_acting(company):
    """L21"""
    clerk = company["clerk"]
    flow = make_flow(by(clerk.role, "consensus"))
    User.objects.filter(pk=clerk.pk).update(role=None)
    with pytest.raises(ApprovalPermissionDenied) as caught:
        advance_flow(flow.target, "approved", clerk)
    assert caught.value.details["reason"] == "left_role"


def test_instance_of_another_flow_is_not_acted_on_under_this_flows_lock(ann):
    """The flow that the caller's instance names is checked, not believed."""
    flow, other = make_flow(ann), make_flow(ann)
    step = the_current(flow)
    step.flow = other
    with pytest.raises(NoCurrentStep):
        advance_flow(step, "approved", ann)
    assert the_current(flow).status == "current"


def test_reason_told_is_that_of_the_persons_own_row(company):
    """Not that of whichever row was looked at last."""
    flow = make_flow(by(company["clerk"].role, "consensus"))
    User.objects.filter(pk=company["clerk"].pk).update(role=None)
    with pytest.raises(ApprovalPermissionDenied, match="do not hold the role"):
        advance_flow(flow.target, "approved", company["clerk"])


def test_starting_a_flow_makes_nobody_its_approver(ann, bob):
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=bob)
    assert not can_user_approve(the_current(flow), bob)
    assert ApprovalFlow.objects.get(pk=flow.pk).started_by == bob
