"""Strategies that ask the people above somebody: by the manager field, and by the role tree (L26).

The staff of these tests, from the bottom: worker, head, director, chief.
"""

import pytest

from approval_workflow.exceptions import ApprovalMisconfigured, InvalidSteps, NobodyEligible
from approval_workflow.strategies import Selection, get_strategy, strategy_of
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_may_act,
    assert_may_not_act,
    assert_waiting_on,
)
from purchasing.models import Role, User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

RANKS = ("worker", "head", "director", "chief")
HIERARCHICAL = ("hierarchy_up", "hierarchy_chain", "supervisor", "management_path")
# Strategy, levels, who is asked for the worker. The same by manager field and by role tree.
ASKED = [
    ("hierarchy_up", 1, ["head"]),
    ("hierarchy_up", 2, ["head", "director"]),
    ("hierarchy_up", 3, ["head", "director", "chief"]),
    ("hierarchy_up", 100, ["head", "director", "chief"]),
    ("hierarchy_chain", 1, ["worker", "head"]),
    ("hierarchy_chain", 2, ["worker", "head", "director"]),
    ("hierarchy_chain", 100, ["worker", "head", "director", "chief"]),
    ("supervisor", None, ["head"]),
    ("management_path", None, ["head", "director", "chief"]),
]


def step(strategy, base_user, levels=None, **keys):
    return {
        "role_selection_strategy": strategy,
        "hierarchy_base_user": base_user,
        "hierarchy_levels": levels,
        **keys,
    }


def colleague_of(person):
    """Somebody else with the same role."""
    return UserFactory.create(username=f"other {person.username}", role=person.role)


@pytest.mark.parametrize(("strategy", "levels", "asked"), ASKED)
def test_levels_above_are_asked(document, staff, strategy, levels, asked):  # D-71, K3
    FlowDriver.start(document, [step(strategy, staff["worker"], levels)])
    assert_waiting_on(document, *(staff[rank] for rank in asked))


@pytest.mark.parametrize(("strategy", "levels", "asked"), ASKED)
def test_every_level_must_approve_in_any_order(document, staff, strategy, levels, asked):
    driver = FlowDriver.start(document, [step(strategy, staff["worker"], levels)])
    for rank in reversed(asked):
        assert driver.flow.is_open
        driver.as_user(staff[rank]).approve()
    assert_flow_status(document, "completed")
    assert_history_intact(document)


@pytest.mark.parametrize("strategy", HIERARCHICAL)
def test_without_a_base_user_it_is_whoever_started_the_flow(document, staff, strategy):
    driver = FlowDriver.start(document, [step(strategy, None, 1)], started_by=staff["director"])
    asked = {row.assigned_to for row in driver.current_steps}
    base = {staff["director"]} if strategy == "hierarchy_chain" else set()
    assert asked == {staff["chief"], *base}


@pytest.mark.parametrize("strategy", HIERARCHICAL)
def test_nobody_started_and_nobody_named_is_an_error(document, staff, strategy):
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [step(strategy, None, 1)])


@pytest.mark.parametrize("strategy", ["hierarchy_up", "supervisor", "management_path"])
def test_nobody_is_above_the_top(document, staff, strategy):
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [step(strategy, staff["chief"], 1)])


def test_chain_of_the_top_is_the_top(document, staff):
    FlowDriver.start(document, [step("hierarchy_chain", staff["chief"], 2)])
    assert_waiting_on(document, staff["chief"])


def test_level_without_anybody_active_is_passed_over(document, staff):
    User.objects.filter(username="head").update(is_active=False)
    FlowDriver.start(document, [step("supervisor", staff["worker"])])
    assert_waiting_on(document, staff["director"])


def test_inactive_base_user_is_not_asked(document, staff):
    worker = staff["worker"]
    worker.is_active = False
    worker.save()
    FlowDriver.start(document, [step("hierarchy_chain", worker, 1)])
    assert_waiting_on(document, staff["head"])


def test_excluded_people_are_not_asked(document, staff):
    chain = step("hierarchy_chain", staff["worker"], 1, exclude_starter=True)
    FlowDriver.start(document, [chain], started_by=staff["worker"])
    assert_waiting_on(document, staff["head"])


@pytest.mark.parametrize("policy", ["first", "out_of_reach"])
def test_one_level_that_rejects_ends_it(document, staff, policy):
    path = step("management_path", staff["worker"], rejection_policy=policy)
    driver = FlowDriver.start(document, [path])
    driver.as_user(staff["director"]).reject()
    assert_flow_status(document, "rejected")


def test_people_are_those_above_when_the_step_opens(document, by_manager, ann):
    first, second = by_manager["head"], by_manager["chief"]
    driver = FlowDriver.start(
        document, [{"assigned_to": first}, step("supervisor", by_manager["worker"])]
    )
    User.objects.filter(username="worker").update(head_manager=second)
    driver.approve_step()
    assert_waiting_on(document, second)


# Numbers


@pytest.mark.parametrize("strategy", ["hierarchy_up", "hierarchy_chain"])
@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (None, "Expected how many levels up this step goes."),
        (0, "Expected a whole number of at least 1."),
        (-1, "Expected a whole number of at least 1."),
        (1.5, "Expected a whole number of at least 1."),
        ("2", "Expected a whole number of at least 1."),
    ],
)
def test_number_of_levels_is_checked(document, ann, strategy, levels, message):
    with pytest.raises(InvalidSteps) as caught:
        FlowDriver.start(document, [step(strategy, ann, levels)])
    assert caught.value.errors == {"steps[0].hierarchy_levels": message}


def test_base_user_must_be_a_user(document):
    with pytest.raises(InvalidSteps) as caught:
        FlowDriver.start(document, [step("supervisor", "ann")])
    assert list(caught.value.errors) == ["steps[0].hierarchy_base_user"]


# The manager field


def test_managers_who_go_round_in_a_circle_are_asked_once(document, by_manager):
    """The worker is the chief's manager: the way up ends where it began."""
    User.objects.filter(username="chief").update(head_manager=by_manager["worker"])
    FlowDriver.start(document, [step("management_path", by_manager["worker"])])
    assert_waiting_on(document, *(by_manager[rank] for rank in RANKS[1:]))


def test_person_who_is_their_own_manager_has_nobody_above(document, ann, settings):
    settings.APPROVAL_HEAD_MANAGER_FIELD = "head_manager"
    User.objects.filter(pk=ann.pk).update(head_manager=ann)
    ann.refresh_from_db()
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [step("management_path", ann)])


def test_manager_field_comes_before_the_role_tree(document, by_tree, ann, settings):
    settings.APPROVAL_HEAD_MANAGER_FIELD = "head_manager"
    worker = by_tree["worker"]
    worker.head_manager = ann
    worker.save()
    FlowDriver.start(document, [step("supervisor", worker)])
    assert_waiting_on(document, ann)


def test_manager_field_that_there_is_not_is_misconfigured(document, ann, settings):
    settings.APPROVAL_HEAD_MANAGER_FIELD = "boss"
    with pytest.raises(ApprovalMisconfigured, match="no field 'boss'"):
        FlowDriver.start(document, [step("supervisor", ann)])


# The role tree: one voice a level


def test_any_holder_speaks_for_the_level(document, by_tree):
    other_head = colleague_of(by_tree["head"])
    driver = FlowDriver.start(document, [step("hierarchy_up", by_tree["worker"], 2)])
    assert_waiting_on(document, by_tree["head"], other_head, by_tree["director"])
    driver.as_user(other_head).approve()
    assert_waiting_on(document, by_tree["director"])
    driver.as_user(by_tree["director"]).approve()
    assert_flow_status(document, "completed")


def test_whose_level_has_spoken_is_not_asked_any_more(document, by_tree):
    other_head = colleague_of(by_tree["head"])
    driver = FlowDriver.start(document, [step("hierarchy_up", by_tree["worker"], 2)])
    driver.as_user(by_tree["head"]).approve()
    assert driver.flow.instances.get(assigned_to=other_head).status == "cancelled"
    assert_may_not_act(document, other_head, code="not_assigned")


def test_level_with_ten_holders_is_one_voice(document, by_tree):
    for _number in range(9):
        UserFactory.create(role=by_tree["head"].role)
    driver = FlowDriver.start(document, [step("management_path", by_tree["worker"])])
    assert len(driver.current_steps) == 12
    for rank in ("head", "director"):
        driver.as_user(by_tree[rank]).approve()
        assert driver.flow.is_open
    driver.as_user(by_tree["chief"]).approve()
    assert_flow_status(document, "completed")


def test_delegate_speaks_for_the_level_of_the_person(document, by_tree, ann):
    other_head = colleague_of(by_tree["head"])
    driver = FlowDriver.start(document, [step("hierarchy_up", by_tree["worker"], 2)])
    driver.as_user(by_tree["head"]).delegate(ann)
    driver.as_user(ann).approve()
    assert_may_not_act(document, other_head)
    assert_waiting_on(document, by_tree["director"])


def test_level_that_rejects_by_one_voice_is_out_of_reach_for_all(document, by_tree):
    colleague_of(by_tree["head"])
    keys = {"rejection_policy": "out_of_reach"}
    driver = FlowDriver.start(document, [step("hierarchy_up", by_tree["worker"], 2, **keys)])
    driver.as_user(by_tree["head"]).reject()
    assert_flow_status(document, "rejected")


def test_role_without_holders_is_passed_over(document, by_tree):
    User.objects.filter(username="head").delete()
    FlowDriver.start(document, [step("supervisor", by_tree["worker"])])
    assert_waiting_on(document, by_tree["director"])


def test_who_was_asked_may_act_though_they_have_left_the_role_since(document, by_tree):
    """They were asked as the worker's superior, not as the holder of a role of the step."""
    FlowDriver.start(document, [step("supervisor", by_tree["worker"])])
    User.objects.filter(username="head").update(role=None)
    assert_may_act(document, by_tree["head"])


def test_person_without_a_role_has_nobody_above(document, by_tree, ann):
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [step("supervisor", ann)])


def test_without_a_tree_and_without_managers_nobody_is_above(document, ann, settings):
    settings.APPROVAL_ROLE_MODEL = "auth.Group"
    with pytest.raises(NobodyEligible):
        FlowDriver.start(document, [step("supervisor", ann)])


@pytest.mark.parametrize("size", [3, 30])
def test_levels_cost_a_statement_each_and_their_people_none(document, statements, by_tree, size):
    for _number in range(size):
        UserFactory.create(role=Role.objects.get(name="head"))
    with statements() as seen:
        FlowDriver.start(document, [step("management_path", by_tree["worker"])])
    assert seen.count <= 12, str(seen)


def test_selection_names_the_people_without_their_voices(document, by_tree):
    """What a project's subclass builds on."""
    other_head = colleague_of(by_tree["head"])
    driver = FlowDriver.start(document, [step("hierarchy_up", by_tree["worker"], 2)])
    selection = Selection(driver.flow, driver.current_steps[0], None)
    people = get_strategy("hierarchy_up").select(selection)
    assert people == [by_tree["head"], other_head, by_tree["director"]]


def test_step_with_a_person_named_has_nobody_to_select(document, ann):
    driver = FlowDriver.start(document, [{"assigned_to": ann}])
    row = driver.current_steps[0]
    with pytest.raises(TypeError, match="nobody to select"):
        strategy_of(row).select(Selection(driver.flow, row, None))
