"""Step dictionaries: what is accepted, and what is said about the rest."""

import pytest

from approval_workflow.exceptions import InvalidSteps
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import start_flow
from tests.approval_workflow.flows import by, make_flow
from tests.factories import DynamicFormFactory, UserFactory, make_role
from tests.testapp.models import Document, PlainRole, Questionnaire

pytestmark = pytest.mark.django_db


def errors_of(document, steps):
    with pytest.raises(InvalidSteps) as caught:
        start_flow(document, steps)
    assert caught.value.code == "invalid_steps"
    assert not ApprovalFlow.objects.exists()
    return caught.value.errors


@pytest.mark.parametrize("steps", [[], (), None, "steps", b"steps", {"step": 1}, 5])
def test_steps_must_be_a_list_of_at_least_one(document, steps):
    assert errors_of(document, steps) == {"steps": "Expected a list of at least one step."}


@pytest.mark.parametrize("step", [None, "ann", 3, [("step", 1)]])
def test_each_step_must_be_a_dictionary(document, ann, step):
    assert errors_of(document, [{"assigned_to": ann}, step]) == {
        "steps[1]": "Expected a dictionary."
    }


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("assigned", "assigned_to"),
        ("asigned_to", "assigned_to"),
        ("assigned_rol", "assigned_role"),
        ("stp", "step"),
        ("paralel_group", "parallel_group"),
        ("rejection_polcy", "rejection_policy"),
        ("role_selection_stratgy", "role_selection_strategy"),
        ("extra_field", "extra_fields"),
    ],
)
def test_unknown_key_names_the_nearest_known_one(document, ann, key, nearest):
    found = errors_of(document, [{"assigned_to": ann, key: "x"}])
    assert found[f"steps[0].{key}"] == f"Unknown key. Did you mean '{nearest}'?"


@pytest.mark.parametrize("key", ["qwerty", 7, None, ("a", "b")])
def test_unknown_key_without_a_near_one_is_named_all_the_same(document, ann, key):
    found = errors_of(document, [{"assigned_to": ann, key: "x"}])
    assert found == {f"steps[0].{key}": "Unknown key."}


def test_step_needs_somebody(document):
    assert errors_of(document, [{"step": 1}]) == {
        "steps[0].assigned_to": "Expected assigned_to or assigned_role."
    }


def test_step_takes_a_user_or_a_role_not_both(document, ann):
    steps = [{"assigned_to": ann, "assigned_role": make_role()}]
    assert errors_of(document, steps) == {
        "steps[0].assigned_to": "Expected either assigned_to or assigned_role, not both."
    }


@pytest.mark.parametrize("value", ["ann", 1, object, Document()])
def test_assigned_to_must_be_a_user(document, value):
    found = errors_of(document, [{"assigned_to": value}])
    assert found["steps[0].assigned_to"].startswith("Expected a user, got ")


@pytest.mark.parametrize("value", ["managers", 1, PlainRole(name="not saved")])
def test_assigned_role_must_be_a_saved_object(document, value):
    found = errors_of(document, [{"assigned_role": value}])
    assert found == {"steps[0].assigned_role": "Expected a saved role object."}


def test_inactive_user_is_refused(document):
    gone = UserFactory.create(is_active=False)
    assert errors_of(document, [{"assigned_to": gone}]) == {
        "steps[0].assigned_to": "This account is not active."
    }


def test_user_deactivated_since_they_were_loaded_is_refused(document, ann):
    type(ann).objects.update(is_active=False)
    assert "steps[0].assigned_to" in errors_of(document, [{"assigned_to": ann}])


def test_user_that_is_not_saved_is_refused(document):
    assert "steps[0].assigned_to" in errors_of(document, [{"assigned_to": UserFactory.build()}])


def test_errors_of_all_steps_come_at_once_and_keep_their_places(document, ann):
    """A wrong step does not shift the places of those after it."""
    gone = UserFactory.create(is_active=False)
    found = errors_of(document, [{"step": 0, "assigned_to": ann}, {"assigned_to": gone}])
    assert set(found) == {"steps[0].step", "steps[1].assigned_to"}


@pytest.mark.parametrize("number", [0, -1, 1.5, "1", True, 2**31])
def test_number_must_be_a_whole_number_above_zero(document, ann, number):
    found = errors_of(document, [{"step": number, "assigned_to": ann}])
    assert list(found) == ["steps[0].step"]
    assert found["steps[0].step"].startswith("Expected a whole number greater than 0")


def test_same_number_twice_on_one_track_is_refused(document, ann, bob):
    steps = [{"step": 1, "assigned_to": ann}, {"step": 1, "assigned_to": bob}]
    found = errors_of(document, steps)
    assert list(found) == ["steps[1].step"]
    assert "parallel_group" in found["steps[1].step"]


def test_same_number_on_different_tracks_is_accepted(ann, bob):
    flow = make_flow(
        {"step": 1, "assigned_to": ann, "parallel_group": "law"},
        {"step": 1, "assigned_to": bob, "parallel_group": "money"},
    )
    assert flow.instances.current().count() == 2


def test_steps_without_numbers_are_numbered_on(ann):
    flow = make_flow(ann, {"step": 5, "assigned_to": ann}, ann)
    assert list(flow.instances.in_order().values_list("step_number", flat=True)) == [1, 5, 6]


def test_numbers_need_not_be_in_order_or_without_gaps(ann, bob):
    """S0-20"""
    flow = make_flow({"step": 30, "assigned_to": ann}, {"step": 10, "assigned_to": bob})
    assert flow.instances.current().get().assigned_to == bob


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("approval_type", "read", "'read' is none of: approve, submit, check_in_verify, move."),
        ("rejection_policy", "never", "'never' is none of: first, out_of_reach."),
        ("form", "form", "Expected a saved form object with a JSON Schema."),
        ("extra_fields", ["x"], "Expected a dictionary of values that JSON knows."),
        ("parallel_group", 4, "Expected text of at most 100 characters."),
        ("parallel_group", "x" * 101, "Expected text of at most 100 characters."),
        ("allow_higher_level", "yes", "Expected True or False."),
        ("parallel_required", 1, "Expected True or False."),
    ],
)
def test_value_of_the_wrong_kind_is_named(document, ann, key, value, message):
    found = errors_of(document, [{"assigned_to": ann, key: value}])
    assert found == {f"steps[0].{key}": message}


@pytest.mark.parametrize("value", [{"when": object()}, {"x": float("nan")}, {"x": "\x00"}])
def test_extra_fields_must_fit_into_json(document, ann, value):
    found = errors_of(document, [{"assigned_to": ann, "extra_fields": value}])
    assert list(found) == ["steps[0].extra_fields"]


def test_unknown_strategy_is_named_with_the_known_ones(document):
    found = errors_of(document, [by(make_role(), "lottery")])
    message = found["steps[0].role_selection_strategy"]
    assert message.startswith("'lottery' is none of: ")
    for known in ("anyone", "consensus", "round_robin"):
        assert known in message


def test_strategy_without_a_role_is_refused(document, ann):
    found = errors_of(document, [{"assigned_to": ann, "role_selection_strategy": "anyone"}])
    assert list(found) == ["steps[0].role_selection_strategy"]


def test_role_without_a_strategy_asks_anyone(ann):
    flow = make_flow({"assigned_role": make_role(2)})
    assert set(flow.instances.values_list("role_selection_strategy", flat=True)) == {"anyone"}


def test_submit_needs_a_form(document, ann):
    found = errors_of(document, [{"assigned_to": ann, "approval_type": "submit"}])
    assert found == {"steps[0].form": "A step of the kind 'submit' needs a form."}


def test_move_takes_no_form(document, ann):
    form = DynamicFormFactory.create()
    found = errors_of(document, [{"assigned_to": ann, "approval_type": "move", "form": form}])
    assert found == {"steps[0].form": "A step of the kind 'move' takes no form."}


@pytest.mark.parametrize("form", [Questionnaire(), Document(pk=1)])
def test_form_must_be_saved_and_have_a_schema(document, ann, form):
    """An unsaved form has no key, a document no schema: the step could never be approved."""
    found = errors_of(document, [{"assigned_to": ann, "form": form}])
    assert list(found) == ["steps[0].form"]


def test_all_keys_arrive_in_the_row(ann):
    form = DynamicFormFactory.create()
    flow = make_flow(
        {
            "step": 3,
            "assigned_to": ann,
            "approval_type": "submit",
            "form": form,
            "rejection_policy": "out_of_reach",
            "allow_higher_level": False,
            "parallel_group": "law",
            "parallel_required": False,
            "extra_fields": {"colour": "red"},
        }
    )
    row = ApprovalInstance.objects.get(flow=flow)
    assert (row.step_number, row.assigned_to, row.approval_type) == (3, ann, "submit")
    assert (row.form, row.rejection_policy, row.allow_higher_level) == (form, "out_of_reach", False)
    assert (row.parallel_group, row.parallel_required) == ("law", False)
    assert row.extra_fields == {"colour": "red"}


def test_keys_given_as_none_mean_not_given(ann):
    optional = ("step", "form", "parallel_group", "allow_higher_level", "extra_fields")
    row = make_flow({"assigned_to": ann, **dict.fromkeys(optional)}).instances.get()
    assert (row.step_number, row.form, row.parallel_group) == (1, None, "")
    assert (row.allow_higher_level, row.extra_fields) == (True, {})
