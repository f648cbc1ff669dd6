"""Settings: their defaults, and that they are read when they are asked for."""

import pytest

from approval_workflow.conf import DEFAULTS, settings
from approval_workflow.exceptions import ApprovalMisconfigured
from purchasing.models import DynamicForm, Role


@pytest.fixture
def nothing_set(settings):
    """A project that sets none of them."""
    for name in DEFAULTS:
        if hasattr(settings, name):
            delattr(settings, name)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("role_model", None),  # S0-3
        ("role_field", "role"),  # S0-4
        ("dynamic_form_model", None),  # S0-5
        ("form_schema_field", None),
        ("role_users_resolver", None),
        ("handlers", ()),
        ("role_strategies", {}),
    ],
)
def test_defaults_are_as_printed(nothing_set, name, default):
    assert getattr(settings, name) == default


def test_models_are_named_by_app_and_model(settings):
    """S0-3, S0-5"""
    settings.APPROVAL_ROLE_MODEL = "purchasing.Role"
    settings.APPROVAL_DYNAMIC_FORM_MODEL = "purchasing.DynamicForm"
    assert live().role_model is Role
    assert live().dynamic_form_model is DynamicForm


def test_settings_are_read_when_they_are_asked_for(settings):
    """S0-4"""
    settings.APPROVAL_ROLE_FIELD = "position"
    assert live().role_field == "position"
    settings.APPROVAL_ROLE_FIELD = "rank"
    assert live().role_field == "rank"


@pytest.mark.parametrize("label", ["Role", "nowhere.Role", "purchasing.Nothing", "a.b.c"])
def test_model_that_is_not_there_is_misconfigured(settings, label):
    settings.APPROVAL_ROLE_MODEL = label
    with pytest.raises(ApprovalMisconfigured, match="APPROVAL_ROLE_MODEL") as caught:
        _ = live().role_model
    assert caught.value.details == {"setting": "APPROVAL_ROLE_MODEL"}


def live():
    """The view of the settings; in tests that take the fixture of the same name."""
    return SETTINGS


SETTINGS = settings
