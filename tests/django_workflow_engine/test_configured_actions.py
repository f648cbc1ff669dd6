"""`WORKFLOW_ACTIONS_CONFIG`: default actions of a project's own, for all models or for one."""

from importlib.util import find_spec

import pytest
from django.core.checks import run_checks

from django_workflow_engine import checks
from django_workflow_engine.models import ActionExecution, WorkFlow, WorkflowAction
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from tests.factories import TicketFactory, UserFactory, by_user, make_workflow
from tests.testapp.models import Document

NOTE = {"action_type": "after_approve", "function_path": "note"}


@pytest.fixture
def configure(settings):
    def configure(value, **keys):
        settings.DJANGO_WORKFLOW_ENGINE = {"WORKFLOW_ACTIONS_CONFIG": value, **keys}

    return configure


def noting(note, **keys):
    return {**NOTE, "parameters": {"note": note}, **keys}


def rows(workflow):
    return list(WorkflowAction.objects.filter(workflow=workflow, is_default=True))


# New templates


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["list", "default"])
def test_new_templates_get_the_actions_in_place_of_the_emails(configure, form):
    entry = noting("x", execution="celery", failure_policy="stop", conditions={"a": 1}, order=3)
    configure([entry] if form == "list" else {"default": [entry]})
    (row,) = rows(WorkFlow.objects.create(name_en="Leave"))
    assert {key: getattr(row, key) for key in entry} == entry


@pytest.mark.django_db
def test_empty_list_is_no_default_action(configure):
    configure([])
    assert rows(WorkFlow.objects.create(name_en="Leave")) == []


@pytest.mark.django_db
def test_emails_stay_the_default_where_only_models_are_named(configure):
    configure({"support.Ticket": [NOTE]})
    assert len(rows(WorkFlow.objects.create(name_en="Leave"))) == 5


# When an event happens


@pytest.fixture
def bob(db):
    return UserFactory.create()


def approved(obj, workflow, bob):
    """Let a new object pass its stage; return what became due of the approval."""
    ActionExecution.objects.all().delete()
    attach_workflow_to_object(obj, workflow, bob)
    act_on_object(obj, "approved", bob)
    due = ActionExecution.objects.filter(action_type="after_approve").order_by("position")
    return [row.parameters.get("note") for row in due]


def test_actions_of_a_model_are_the_default_on_its_objects_only(configure, bob):
    workflow = make_workflow([[[by_user(bob)]]])
    configure({"Support.Ticket": [noting("b", order=2), noting("a")], "default": [noting("c")]})
    assert approved(TicketFactory.create(), workflow, bob) == ["a", "b"]
    assert approved(Document.objects.create(title="x"), workflow, bob) == [None]


def test_list_of_a_model_may_be_empty(configure, bob):
    workflow = make_workflow([[[by_user(bob)]]])
    configure({"support.Ticket": []})
    assert approved(TicketFactory.create(), workflow, bob) == []


def test_actions_of_the_template_win_over_those_of_the_model(configure, bob):
    workflow = make_workflow([[[by_user(bob)]]])
    WorkflowAction.objects.create(
        workflow=workflow, **{**noting("the template's"), "parameters": {"note": "own"}}
    )
    configure({"support.Ticket": [noting("the model's")]})
    assert approved(TicketFactory.create(), workflow, bob) == ["own"]


# Checks

WRONG = {
    "no list": ("note", "expected a list"),
    "no action": (["note"], "expected a dictionary"),
    "unknown key": ([noting("x", parametres={})], "Did you mean 'parameters'?"),
    "no function": ([{"action_type": "after_approve"}], "has no function_path"),
    "unknown event": ([{**NOTE, "action_type": "after_aprove"}], "Did you mean 'after_approve'?"),
    "unknown mode": ([noting("x", execution="celry")], "Did you mean 'celery'?"),
    "unknown policy": ([noting("x", failure_policy="halt")], "failure_policy 'halt' is none of"),
    "no number": ([noting("x", order="first")], "order is not a whole number"),
    "unknown model": ({"support.Tikcet": []}, "'support.Tikcet', which is no model"),
    "not allowed": ([{**NOTE, "function_path": "os.system"}], "neither into an installed app"),
    "parameters": (
        {
            "default": [
                {**NOTE, "function_path": "django_workflow_engine.action_handlers.set_field"}
            ]
        },
        "parameters.field: 'field' is a required property",
    ),
    "conditions": ([noting("x", conditions=[])], "conditions: Expected an object"),
}


@pytest.mark.parametrize(("value", "message"), WRONG.values(), ids=WRONG)
def test_mistake_is_an_error_of_the_checks(configure, value, message):
    configure(value)
    found = [error.msg for error in run_checks() if error.id == "django_workflow_engine.E023"]
    assert len(found) >= 1
    assert message in found[0]


def test_right_configuration_is_no_error(configure):
    configure({"default": [NOTE], "support.Ticket": [noting("x", execution="inline")]})
    assert [error for error in run_checks() if error.id == "django_workflow_engine.E023"] == []


def test_celery_that_is_not_installed_is_an_error_with_a_hint(configure, monkeypatch):
    configure(None, ACTION_EXECUTION="celery")
    assert "django_workflow_engine.E021" not in {error.id for error in run_checks()}
    monkeypatch.setattr(
        checks, "find_spec", lambda name: None if name == "celery" else find_spec(name)
    )
    (error,) = [each for each in run_checks() if each.id == "django_workflow_engine.E021"]
    assert "[celery]" in error.hint


@pytest.mark.parametrize(
    "keys",
    [
        {"ACTION_MAX_ATTEMPTS": 0},
        {"ACTION_MAX_ATTEMPTS": 2.5},
        {"ACTION_MAX_ATTEMPTS": True},
        {"ACTION_RETRY_DELAY": -1},
        {"ACTION_RETRY_DELAY": "60"},
        {"WEBHOOK_SECRETS": ["hush"]},
        {"WEBHOOK_SECRETS": {"shop": ""}},
    ],
)
def test_numbers_and_secrets_of_another_form_are_errors(configure, keys):
    configure(None, **keys)
    (error,) = [each for each in run_checks() if each.id == "django_workflow_engine.E022"]
    assert next(iter(keys)) in error.msg
