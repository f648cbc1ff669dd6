"""Which functions actions may call (D-88, D-93): checked on save, looked up before each call."""

import sys
from unittest import mock

import pytest
from django.core.exceptions import ValidationError

from django_workflow_engine import action_handlers
from django_workflow_engine.actions import workflow_action
from django_workflow_engine.choices import ActionType
from django_workflow_engine.exceptions import ActionNotAllowed, WorkflowMisconfigured
from django_workflow_engine.function_paths import check_function_path, load_function
from django_workflow_engine.models import WorkflowAction
from tests.factories import make_workflow
from tests.testapp import workflow_actions

HERE = "tests.testapp.workflow_actions"
DEFAULT_HANDLER = "django_workflow_engine.action_handlers.send_approval_notification"

REFUSED = {
    "os.system": "leads neither into an installed app",
    "subprocess.run": "leads neither into an installed app",
    "builtins.eval": "leads neither into an installed app",
    # A package of this project that is not in INSTALLED_APPS.
    "tests.factories.people.make_role": "leads neither into an installed app",
    # An app's name is no prefix of other words.
    "crmx.actions.send": "leads neither into an installed app",
    # Installed, but the function is only imported there.
    f"{HERE}.run": "is defined in subprocess",
    f"{HERE}.run.__globals__": "there is no module",
    f"{HERE}.nothing": "is not a function",
    f"{HERE}.NotAFunction": "is not a function",
    f"{HERE}.calls": "is not a function",
    f"{HERE}.later": "is an asynchronous function",
    "tests.testapp.no_such_module.send": "there is no module tests.testapp.no_such_module",
    "notte": "is not the name of a registered action. Did you mean 'note'?",
    "": "is not the name of a registered action",
    ".": "is not the name of a registered action",
    "..": "leads neither into an installed app",
    # Found in an installed app, but a method of a built-in object.
    f"{HERE}.remember": "is defined in builtins",
}


def make_action(path):
    return WorkflowAction(
        workflow=make_workflow(), action_type=ActionType.AFTER_APPROVE, function_path=path
    )


def test_dotted_path_leads_into_an_installed_app():  # D-88
    assert load_function(f"{HERE}.note") is workflow_actions.note


def test_registered_name_leads_to_its_function():
    assert load_function("note") is workflow_actions.note


def test_prefix_in_the_settings_opens_a_module(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ALLOWED_ACTION_MODULES": ["tests.factories"]}
    assert callable(load_function("tests.factories.people.make_role"))


def test_prefix_ends_at_a_dot(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ALLOWED_ACTION_MODULES": ["subproc", "o", "tests.fact"]}
    for path in ("subprocess.run", "os.system", "tests.factories.people.make_role"):
        with pytest.raises(ActionNotAllowed):
            check_function_path(path)


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "message"), REFUSED.items())
def test_refused_on_save(path, message):
    with pytest.raises(ActionNotAllowed) as caught:
        make_action(path).save()
    assert message in str(caught.value)
    assert caught.value.code == "action_not_allowed"
    assert not WorkflowAction.objects.filter(function_path=path).exists()


@pytest.mark.django_db
def test_refused_in_forms_with_an_error_at_the_field():
    with pytest.raises(ValidationError) as caught:
        make_action("os.system").full_clean()
    assert list(caught.value.message_dict) == ["function_path"]


@pytest.mark.django_db
def test_refused_on_change():
    action = make_action(f"{HERE}.note")
    action.save()
    action.function_path = "builtins.eval"
    with pytest.raises(ActionNotAllowed):
        action.save(update_fields=["function_path"])


@pytest.mark.django_db
def test_action_whose_function_is_gone_can_be_switched_off():
    action = make_action(f"{HERE}.note")
    action.save()
    WorkflowAction.objects.filter(pk=action.pk).update(function_path="gone.app.send")
    action.refresh_from_db()
    action.is_active = False
    action.save(update_fields=["is_active"])
    assert not WorkflowAction.objects.get(pk=action.pk).is_active


def test_refused_module_is_not_imported():
    sys.modules.pop("antigravity", None)
    with pytest.raises(ActionNotAllowed):
        check_function_path("antigravity.geohash")
    assert "antigravity" not in sys.modules


def test_module_that_fails_while_it_is_imported_raises_its_own_error():
    with pytest.raises(RuntimeError, match="this module cannot be imported"):
        check_function_path("tests.testapp.fails_on_import.send")


@pytest.mark.parametrize("autospec", [False, True])
def test_patched_function_is_the_one_found(autospec):  # D-93
    with mock.patch(DEFAULT_HANDLER, autospec=autospec) as handler:
        assert load_function(DEFAULT_HANDLER) is handler
    assert load_function(DEFAULT_HANDLER) is action_handlers.send_approval_notification


@pytest.mark.parametrize("name", ["", "purchasing.notify"])
def test_registered_names_have_no_dots(name):
    with pytest.raises(WorkflowMisconfigured):
        workflow_action(name)


def test_registered_name_belongs_to_one_function():
    with pytest.raises(WorkflowMisconfigured, match=r"taken by tests\.testapp"):
        workflow_action("note")(workflow_actions.note_context)
    assert load_function("note") is workflow_actions.note


def test_function_can_be_registered_again_when_its_module_is_reloaded():
    assert workflow_action("note")(workflow_actions.note) is workflow_actions.note
