"""Each system check speaks up for what is wrong, and is silent when all is well."""

from pathlib import Path

import pytest
from django.core.checks import run_checks

HANDLER = "django_workflow_engine.handlers.WorkflowApprovalHandler"


def ids():
    found = (message.id for message in run_checks())
    return {each for each in found if each and each.startswith("django_workflow_engine.")}


def test_the_settings_of_the_tests_are_in_order():
    assert ids() == set()


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ([], set()),
        ("text", {"E001"}),
        ({"ENABLED_MODEL": []}, {"W002"}),
        ({"PERMISSIONS": {"REQUIRE_PERMISSION_TO_STRAT": True}}, {"W003"}),
        ({"ENABLED_MODELS": ["purchasing.Nothing"]}, {"E005"}),
        ({"MODEL_WORKFLOW_MAPPINGS": {"nothing": []}}, {"E005"}),
        ({"AUTO_START_WORKFLOWS": {"no.Model": {"workflow_slug": "x"}}}, {"E005"}),
        ({"DEPARTMENT_MODEL": "purchasing.Nothing"}, {"E006"}),
        ({"ACTION_EXECUTION": "later"}, {"E007"}),
        ({"AUTO_START_WORKFLOWS": {"crm.Opportunity": {}}}, {"E009"}),
        ({"AUTO_START_WORKFLOWS": {"crm.Opportunity": "sales"}}, {"E009"}),
        ({"AUTO_START_WORKFLOWS": {"default": {"workflow_slug": 5}}}, {"E009"}),
        ({"AUTO_START_WORKFLOWS": {"default": [{"workflow_slug": "x"}, {}]}}, {"E009"}),
        (
            {"AUTO_START_WORKFLOWS": {"default": {"workflow_slug": "x", "condition": {}}}},
            {"E009"},
        ),
        (
            {"AUTO_START_WORKFLOWS": {"default": {"workflow_slug": "x", "conditions": ["a"]}}},
            {"E009"},
        ),
        (
            {
                "AUTO_START_WORKFLOWS": {
                    "crm.Opportunity": {"workflow_slug": "x", "conditions": {"size": 1}}
                }
            },
            {"E013"},
        ),
        (
            {"AUTO_START_WORKFLOWS": {"crm.Opportunity": {"workflow_slug": "x", "when": 5}}},
            {"E009"},
        ),
        (
            {"AUTO_START_WORKFLOWS": {"crm.Opportunity": {"workflow_slug": "x", "when": "a >"}}},
            {"E025"},
        ),
        (
            {
                "AUTO_START_WORKFLOWS": {
                    "purchasing.PurchaseRequest": {
                        "workflow_slug": "x",
                        "when": "object.amuont > 5",
                    }
                }
            },
            {"E025"},
        ),
        ({"CONDITION_NAMES": "claim"}, {"E011"}),
        ({"CONDITION_NAMES": ["a claim"]}, {"E026"}),
        ({"CONDITION_NAMES": ["object"]}, {"E026"}),
        ({"LOOP_LIMIT": 0}, {"E022"}),
        ({"AUTO_START_WORKFLOWS": ["crm.Opportunity"]}, {"E011"}),
        ({"MODEL_WORKFLOW_MAPPINGS": ["crm.Opportunity"]}, {"E011"}),
        ({"PERMISSIONS": ["REQUIRE_PERMISSION_TO_START"]}, {"E011"}),
        ({"PERMISSIONS": {"REQUIRE_PERMISSION_TO_START": "no"}}, {"E011"}),
        ({"ENABLED_MODELS": "crm.Opportunity"}, {"E011"}),
        ({"ENABLED_MODELS": [5]}, {"E011"}),
        ({"ENABLED_MODELS": ["default"]}, {"E005"}),
        ({"ALLOWED_ACTION_MODULES": "shop"}, {"E011"}),
        ({"CREATOR_FIELDS": "owner"}, {"E011"}),
        ({"MODEL_WORKFLOW_MAPPINGS": {"crm.Opportunity": "sales"}}, {"E012"}),
        ({"MODEL_WORKFLOW_MAPPINGS": {"default": [5]}}, {"E012"}),
        (
            {
                "DEPARTMENT_MODEL": "purchasing.Department",
                "ENABLED_MODELS": ["crm.Opportunity"],
                "MODEL_WORKFLOW_MAPPINGS": {"crm.Opportunity": ["sales"], "default": ["any"]},
                "AUTO_START_WORKFLOWS": {
                    "crm.Opportunity": [
                        {"workflow_slug": "large", "conditions": {"amount__gte": 1000}},
                        {"workflow_slug": "sales"},
                    ],
                    "default": {"workflow_slug": "sales", "conditions": {"anything": 1}},
                },
                "PERMISSIONS": {"REQUIRE_PERMISSION_TO_APPROVE": True},
                "ACTION_EXECUTION": "inline",
                "DEFAULT_STATUS_FIELD": "status",
            },
            set(),
        ),
    ],
)
def test_the_dictionary_of_settings(settings, configured, expected):
    settings.DJANGO_WORKFLOW_ENGINE = configured
    assert ids() == {f"django_workflow_engine.{each}" for each in expected}


@pytest.mark.parametrize(
    "configured",
    [
        "text",
        {"DEPARTMENT_MODEL": "purchasing.Nothing"},
        {"ACTION_EXECUTION": "later"},
        {"ENABLED_MODELS": "crm.Opportunity"},
    ],
)
def test_each_error_has_a_hint(settings, configured):
    settings.DJANGO_WORKFLOW_ENGINE = configured
    settings.WORKFLOW_SEND_EMAIL_FUNCTION = "no.such.function"
    messages = [found for found in run_checks() if found.id.startswith("django_workflow_engine.")]
    assert messages
    assert all(message.hint for message in messages)


def test_a_misspelt_key_of_a_rule_is_told_with_the_nearest_known_one(settings):
    rule = {"workflow_slug": "x", "condition": {}}
    settings.DJANGO_WORKFLOW_ENGINE = {"AUTO_START_WORKFLOWS": {"crm.Opportunity": rule}}
    (message,) = [found for found in run_checks() if found.id.endswith("engine.E009")]
    assert message.msg.endswith("has no key 'condition'. Did you mean 'conditions'?")


def test_a_misspelt_key_is_told_with_the_nearest_known_one(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"DEPARTMENT_MODLE": "purchasing.Department"}
    texts = [message.msg for message in run_checks() if message.id.endswith("engine.W002")]
    assert texts == [
        "DJANGO_WORKFLOW_ENGINE has no key 'DEPARTMENT_MODLE'. Did you mean 'DEPARTMENT_MODEL'?"
    ]


def test_misspelt_settings_at_the_top_level(settings):
    settings.WORKFLOW_DISABLE_EMAIL = True
    assert ids() == {"django_workflow_engine.W004"}


@pytest.mark.parametrize("path", ["no.such.function", "nodots", None, "tests.urls.urlpatterns"])
def test_a_resolver_that_cannot_be_called(settings, path):
    settings.DJANGO_WORKFLOW_ENGINE = {"ASSIGNMENT_RESOLVERS": {"owner": path}}
    assert ids() == {"django_workflow_engine.E018"}


def test_resolvers_that_are_no_dictionary(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ASSIGNMENT_RESOLVERS": ["owner"]}
    assert ids() == {"django_workflow_engine.E011"}


@pytest.mark.parametrize("path", ["no.such.function", "nodots"])
def test_a_sender_that_cannot_be_imported(settings, path):
    settings.WORKFLOW_SEND_EMAIL_FUNCTION = path
    assert ids() == {"django_workflow_engine.E008"}


def test_a_project_without_the_engines_handler(settings):
    """D-3."""
    settings.APPROVAL_HANDLERS = []
    assert ids() == {"django_workflow_engine.E010"}
    settings.APPROVAL_HANDLERS = [HANDLER]
    assert ids() == set()


@pytest.mark.parametrize("value", [1, "", ["a"], __file__])
def test_archive_that_is_no_directory_is_an_error(settings, value):
    settings.WORKFLOW_AUTO_CLEANUP_ARCHIVE_DIR = value
    assert ids() == {"django_workflow_engine.E024"}


@pytest.mark.parametrize("value", [None, "/nowhere/yet", Path(__file__).parent])
def test_archive_directory_need_not_be_there(settings, value):
    settings.WORKFLOW_AUTO_CLEANUP_ARCHIVE_DIR = value
    assert ids() == set()
