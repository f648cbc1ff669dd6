"""System checks: each id is triggered by a bad setting, and silent with a good one."""

import sys
import types
from datetime import timedelta

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import connections

from approval_workflow import handlers
from approval_workflow.checks import check_databases, check_settings
from approval_workflow.conf import DEFAULTS
from approval_workflow.handlers import BaseApprovalHandler
from approval_workflow.strategies.registry import BUILT_IN
from tests.testapp.models import Document

HERE = "tests.approval_workflow.test_checks"


class Handler(BaseApprovalHandler):
    """A handler that can be listed."""


class NoHandler:
    """A class that cannot."""


class Good(BUILT_IN["anyone"]):
    """A strategy that can be listed."""


def resolve(role):
    return []


def find(obj, step):
    return None


not_callable = "text"


BAD = [
    ("W001", "APPROVAL_ROLE_MODLE", "purchasing.Role", "Did you mean 'APPROVAL_ROLE_MODEL'?"),
    ("W001", "APPROVAL_HANDLER", [], "Did you mean 'APPROVAL_HANDLERS'?"),
    ("W001", "APPROVAL_QQQ", 1, "is not a setting of approval_workflow."),
    ("E002", "APPROVAL_ROLE_MODEL", "purchasing.Rôle", "is not a model of an installed app"),
    ("E002", "APPROVAL_ROLE_MODEL", "Role", "expected 'app.Model'"),
    ("E002", "APPROVAL_ROLE_MODEL", "nowhere.Role", "is not a model of an installed app"),
    ("E003", "APPROVAL_ROLE_MODEL", "testapp.LonelyRole", "no way from testapp.LonelyRole"),
    ("E004", "APPROVAL_ROLE_USERS_RESOLVER", "nowhere.function", "cannot be imported"),
    ("E004", "APPROVAL_ROLE_USERS_RESOLVER", f"{HERE}.not_callable", "is not callable"),
    ("E005", "APPROVAL_DYNAMIC_FORM_MODEL", "nowhere.Form", "is not a model"),
    ("E006", "APPROVAL_DYNAMIC_FORM_MODEL", "testapp.Document", "no field for its JSON Schema"),
    ("E006", "APPROVAL_FORM_SCHEMA_FIELD", "blueprint", "no field for its JSON Schema"),
    ("E007", "APPROVAL_HANDLERS", ["nowhere.Handler"], "cannot be imported"),
    ("E007", "APPROVAL_HANDLERS", [f"{HERE}.NoHandler"], "is not a subclass"),
    ("E009", "APPROVAL_ROLE_STRATEGIES", {"own": "nowhere.Strategy"}, "cannot be imported"),
    ("E009", "APPROVAL_ROLE_STRATEGIES", {"own": f"{HERE}.NoHandler"}, "is not a subclass"),
    ("E011", "APPROVAL_HEAD_MANAGER_FIELD", "chief", "the user model has no field 'chief'"),
    ("E011", "APPROVAL_SENIORITY_FIELD", "hired", "the user model has no field 'hired'"),
    ("E012", "APPROVAL_FUNCTIONS", {"own": "nowhere.function"}, "cannot be imported"),
    ("E013", "APPROVAL_REMIND_BEFORE", 24, "expected a timedelta or None"),
    ("E014", "APPROVAL_BUSINESS_CALENDAR", {"opening_hours": ()}, "has no key 'opening_hours'"),
    ("E014", "APPROVAL_BUSINESS_CALENDAR", {"timezone": "Mars"}, "there is no 'Mars'"),
    ("E014", "APPROVAL_BUSINESS_CALENDAR", {"working_days": [7]}, "numbers from 0 to 6"),
    ("E015", "APPROVAL_UNDO_PERIOD", 600, "expected a timedelta or None"),
    ("E012", "APPROVAL_FUNCTIONS", {"own": f"{HERE}.not_callable"}, "can be called"),
]

GOOD = [
    ("APPROVAL_ROLE_MODEL", None),
    ("APPROVAL_UNDO_PERIOD", timedelta(minutes=5)),
    ("APPROVAL_ROLE_MODEL", "purchasing.Role"),
    ("APPROVAL_ROLE_MODEL", "auth.Group"),
    ("APPROVAL_ROLE_MODEL", "testapp.PlainRole"),
    ("APPROVAL_ROLE_FIELD", "nothing_like_it"),
    ("APPROVAL_ROLE_USERS_RESOLVER", f"{HERE}.resolve"),
    ("APPROVAL_DYNAMIC_FORM_MODEL", None),
    ("APPROVAL_DYNAMIC_FORM_MODEL", "purchasing.DynamicForm"),
    ("APPROVAL_DYNAMIC_FORM_MODEL", "testapp.Questionnaire"),
    ("APPROVAL_FORM_SCHEMA_FIELD", "form_schema"),
    ("APPROVAL_HANDLERS", [f"{HERE}.Handler"]),
    ("APPROVAL_HANDLERS", []),
    ("APPROVAL_ROLE_STRATEGIES", {"own": f"{HERE}.Good"}),
    ("APPROVAL_HEAD_MANAGER_FIELD", "head_manager"),
    ("APPROVAL_SENIORITY_FIELD", "date_joined"),
    ("APPROVAL_FUNCTIONS", {"own": f"{HERE}.find"}),
]


def ids(messages):
    return [message.id.removeprefix("approval_workflow.") for message in messages]


@pytest.mark.parametrize(("check_id", "name", "value", "text"), BAD)
def test_bad_setting_is_told(settings, check_id, name, value, text):
    setattr(settings, name, value)
    messages = check_settings(None)
    assert ids(messages) == [check_id]
    assert text in messages[0].msg
    severity = checks.WARNING if check_id.startswith("W") else checks.ERROR
    assert messages[0].level == severity


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_good_setting_is_not_told(settings, name, value):
    setattr(settings, name, value)
    assert check_settings(None) == []


def test_settings_of_the_test_project_are_good():
    assert check_settings(None) == []


def test_defaults_are_good(settings):
    for name in DEFAULTS:
        if hasattr(settings, name):
            delattr(settings, name)
    assert check_settings(None) == []


def test_several_bad_settings_are_told_at_once(settings):
    settings.APPROVAL_ROLE_MODEL = "nowhere.Role"
    settings.APPROVAL_HANDLERS = ["nowhere.A", "nowhere.B"]
    assert ids(check_settings(None)) == ["E002", "E007", "E007"]


def test_role_without_users_is_good_with_a_resolver(settings):
    settings.APPROVAL_ROLE_MODEL = "testapp.LonelyRole"
    settings.APPROVAL_ROLE_USERS_RESOLVER = f"{HERE}.resolve"
    assert check_settings(None) == []


def test_resolver_that_does_not_import_is_told_once(settings):
    """It keeps the role's way to its users from being known, which is no error of its own."""
    settings.APPROVAL_ROLE_MODEL = "testapp.LonelyRole"
    settings.APPROVAL_ROLE_USERS_RESOLVER = "nowhere.function"
    assert ids(check_settings(None)) == ["E004"]


def test_handler_module_that_does_not_import_is_told(monkeypatch):
    """E008"""

    def fail(model):
        if model is Document:
            raise ImportError("no module named 'missing'")

    monkeypatch.setattr("approval_workflow.checks.handler_by_convention", fail)
    (message,) = check_settings(None)
    assert message.id == "approval_workflow.E008"
    assert "testapp.Document" in message.msg
    assert "testapp" in message.hint


def test_handler_module_that_fails_while_it_is_imported_raises_its_own_error(monkeypatch):
    """E008 has something to tell: the error is not taken for a missing module."""
    broken = types.ModuleType("tests.testapp.approval")
    monkeypatch.setitem(sys.modules, "tests.testapp.approval", broken)
    monkeypatch.setattr(handlers, "find_spec", lambda name: object())

    def fail(name):
        raise ImportError("cannot import name 'missing'")

    monkeypatch.setattr(handlers, "import_module", fail)
    handlers.handler_by_convention.cache_clear()
    try:
        with pytest.raises(ImportError, match="missing"):
            handlers.handler_by_convention(Document)
    finally:
        handlers.handler_by_convention.cache_clear()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["W010"]),
        ({"transaction_mode": None}, ["W010"]),
        ({"transaction_mode": "DEFERRED"}, ["W010"]),
        ({"transaction_mode": "deferred"}, ["W010"]),
        ({"transaction_mode": "IMMEDIATE"}, []),
        ({"transaction_mode": "exclusive"}, []),
    ],
)
def test_sqlite_that_locks_late_is_told(monkeypatch, options, expected):
    connection = connections["default"]
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    assert ids(check_databases(None, databases=["default"])) == expected


@pytest.mark.parametrize("databases", [None, []])
def test_databases_that_are_not_asked_for_are_not_looked_at(databases):
    assert check_databases(None, databases=databases) == []


def test_other_databases_need_no_mode(monkeypatch):
    connection = connections["default"]
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    assert check_databases(None, databases=["default"]) == []


@pytest.mark.django_db
def test_checks_are_registered(settings):
    """They run with `manage.py check`."""
    settings.APPROVAL_ROLE_MODEL = "nowhere.Role"
    with pytest.raises(Exception, match=r"approval_workflow\.E002"):
        call_command("check")


@pytest.mark.parametrize(("check_id", "name", "value", "text"), BAD)
def test_every_message_names_its_setting_and_has_a_hint(settings, check_id, name, value, text):
    """DESIGN 7"""
    setattr(settings, name, value)
    (message,) = check_settings(None)
    assert "APPROVAL_" in message.msg + message.hint
    assert message.hint
