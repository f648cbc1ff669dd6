"""Registering models (D-28, D-29), and what starts by itself (D-8, D-9, L13)."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.management import call_command

from crm.models import Opportunity
from django_workflow_engine.models import WorkflowAttachment, WorkflowConfiguration
from django_workflow_engine.services import (
    get_workflow_attachment,
    register_model_for_workflow,
    registration,
    workflows_for,
)
from django_workflow_engine.services.auto_start import rules_for
from purchasing.models import PurchaseRequest
from support.models import Ticket
from tests.factories.objects import OpportunityFactory, PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import by_user, make_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(registration, "_registered", set())
    monkeypatch.setattr(registration, "_waiting", {})


@pytest.fixture
def template():
    return make_workflow([[by_user(UserFactory.create())]], slug="purchase_approval")


@pytest.fixture
def created(django_capture_on_commit_callbacks):
    """Create an object, let its transaction commit, and return its attachment."""

    def create(factory=PurchaseRequestFactory, **fields):
        with django_capture_on_commit_callbacks(execute=True):
            obj = factory.create(**fields)
        return get_workflow_attachment(obj)

    return create


def test_registering_makes_the_configuration():
    """D-28, D-29: it can be fetched right after."""
    register_model_for_workflow(Opportunity, status_field="status", stage_field="current_stage")
    content_type = ContentType.objects.get_for_model(Opportunity)
    configuration = WorkflowConfiguration.objects.get(content_type=content_type)
    assert (configuration.status_field, configuration.stage_field) == ("status", "current_stage")


def test_registering_again_keeps_the_values_that_are_not_given():
    register_model_for_workflow(Opportunity, status_field="status")
    WorkflowConfiguration.objects.update(completion_status_value="won")
    configuration = register_model_for_workflow(Opportunity)
    assert configuration.status_field == "status"
    assert configuration.completion_status_value == "won"


def test_the_default_status_field_counts_where_none_is_given(settings):
    """D-6."""
    settings.DJANGO_WORKFLOW_ENGINE = {"DEFAULT_STATUS_FIELD": "workflow_status"}
    assert register_model_for_workflow(PurchaseRequest).status_field == "workflow_status"
    assert register_model_for_workflow(Opportunity, status_field="status").status_field == "status"


def test_registering_while_apps_load_waits_for_migrate(monkeypatch):
    monkeypatch.setattr(apps, "ready", False)
    assert register_model_for_workflow(Opportunity, status_field="status") is None
    monkeypatch.setattr(apps, "ready", True)
    assert not WorkflowConfiguration.objects.exists()
    call_command("migrate", verbosity=0)
    assert WorkflowConfiguration.objects.get().status_field == "status"


def test_what_was_registered_while_apps_load_is_made_when_first_needed(monkeypatch):
    monkeypatch.setattr(apps, "ready", False)
    register_model_for_workflow(Opportunity, status_field="status")
    monkeypatch.setattr(apps, "ready", True)
    content_type = ContentType.objects.get_for_model(Opportunity)
    assert registration.configuration_of(content_type, "default").status_field == "status"


def test_workflows_mapped_to_a_model_are_offered_in_their_order(settings, template):
    """D-7, L12."""
    other = make_workflow(slug="emergency_approval")
    make_workflow(slug="off", is_active=False)
    slugs = ["emergency_approval", "off", "purchase_approval", "no_such"]
    settings.DJANGO_WORKFLOW_ENGINE = {
        "MODEL_WORKFLOW_MAPPINGS": {"purchasing.PurchaseRequest": slugs}
    }
    assert workflows_for(PurchaseRequest) == [other, template]
    assert workflows_for(Opportunity) == []


@pytest.mark.parametrize(("amount", "starts"), [("999.99", False), ("1000", True), ("5000", True)])
def test_objects_that_satisfy_the_conditions_start(settings, template, created, amount, starts):
    """D-8, D-9."""
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {
            "purchasing.PurchaseRequest": {
                "workflow_slug": "purchase_approval",
                "conditions": {"amount__gte": 1000},
            }
        }
    }
    attachment = created(amount=Decimal(amount))
    assert (attachment is not None) == starts
    if starts:
        assert attachment.status == "in_progress"
        assert attachment.started_by == attachment.target.requester


class TestDefaultEntries:
    """The entry `default` counts for models without one of their own."""

    def test_workflows_are_offered_to_every_model_that_may_have_them(self, settings, template):
        """D-5, D-7."""
        make_workflow(slug="other")
        settings.DJANGO_WORKFLOW_ENGINE = {
            "ENABLED_MODELS": ["purchasing.PurchaseRequest", "crm.Opportunity"],
            "MODEL_WORKFLOW_MAPPINGS": {
                "default": ["purchase_approval"],
                "crm.Opportunity": ["other"],
            },
        }
        assert [offered.slug for offered in workflows_for(PurchaseRequest)] == ["purchase_approval"]
        assert [offered.slug for offered in workflows_for(Opportunity)] == ["other"]
        assert workflows_for(Ticket) == []

    def test_an_empty_entry_of_its_own_offers_nothing(self, settings, template):
        settings.DJANGO_WORKFLOW_ENGINE = {
            "MODEL_WORKFLOW_MAPPINGS": {
                "default": ["purchase_approval"],
                "crm.Opportunity": [],
            }
        }
        assert workflows_for(Opportunity) == []

    def test_known_models_start_by_it(self, settings, template, created):
        settings.DJANGO_WORKFLOW_ENGINE = {
            "ENABLED_MODELS": ["purchasing.PurchaseRequest"],
            "AUTO_START_WORKFLOWS": {"default": {"workflow_slug": "purchase_approval"}},
        }
        assert created() is not None
        assert created(OpportunityFactory) is None

    def test_models_that_nothing_names_do_not_start_by_it(self, settings, template, created):
        settings.DJANGO_WORKFLOW_ENGINE = {
            "AUTO_START_WORKFLOWS": {"default": {"workflow_slug": "purchase_approval"}},
        }
        assert created() is None
        register_model_for_workflow(PurchaseRequest)
        assert created() is not None

    def test_what_the_models_configuration_starts_counts_before_it(
        self, settings, template, created
    ):
        make_workflow(slug="other")
        settings.DJANGO_WORKFLOW_ENGINE = {
            "AUTO_START_WORKFLOWS": {"default": {"workflow_slug": "other"}},
        }
        register_model_for_workflow(Opportunity, auto_start=True, default_workflow=template)
        assert created(OpportunityFactory).workflow.cloned_from == template

    def test_no_rules_of_its_own_start_nothing(self, settings, template, created):
        settings.DJANGO_WORKFLOW_ENGINE = {
            "AUTO_START_WORKFLOWS": {
                "default": {"workflow_slug": "purchase_approval"},
                "crm.Opportunity": [],
            },
        }
        assert created(OpportunityFactory) is None


@pytest.mark.parametrize(
    ("amount", "slug"), [("5000", "emergency"), ("1000", "purchase_approval"), ("1", None)]
)
def test_the_first_rule_that_holds_counts(settings, template, created, amount, slug):
    make_workflow(slug="emergency")
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {
            "purchasing.PurchaseRequest": [
                {"workflow_slug": "emergency", "conditions": {"amount__gt": 1000}},
                {"workflow_slug": "purchase_approval", "conditions": {"amount__gt": 10}},
            ]
        }
    }
    attachment = created(amount=Decimal(amount))
    assert (attachment.workflow.cloned_from.slug if attachment else None) == slug


def test_the_rules_take_the_same_statements_however_many(settings, template, statements):
    request = PurchaseRequestFactory.create(amount=Decimal(5000))
    counts = []
    for number in (1, 20):
        rules = [{"workflow_slug": f"slug-{index}"} for index in range(number)]
        settings.DJANGO_WORKFLOW_ENGINE = {
            "AUTO_START_WORKFLOWS": {"purchasing.PurchaseRequest": rules}
        }
        with statements() as seen:
            rules_for(type(request))
        counts.append(seen.count)
    assert counts == [1, 1]


@pytest.mark.parametrize(("amount", "slug"), [("1500", "purchase_approval"), ("15", "small")])
def test_a_condition_in_cel_chooses_the_rule(settings, template, created, amount, slug):
    make_workflow([[by_user(UserFactory.create())]], slug="small")
    large = {"workflow_slug": "purchase_approval", "when": "object.amount > 1000"}
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {"purchasing.PurchaseRequest": [large, {"workflow_slug": "small"}]}
    }
    assert created(amount=Decimal(amount)).workflow.cloned_from.slug == slug


def test_a_condition_without_an_answer_starts_nothing_and_is_logged(
    settings, template, created, caplog
):
    unclear = {"workflow_slug": "purchase_approval", "when": "metadata.urgent"}
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {
            "purchasing.PurchaseRequest": [unclear, {"workflow_slug": "purchase_approval"}]
        }
    }
    assert created() is None
    assert "No workflow could be started" in caplog.text


def test_conditions_that_the_model_cannot_be_asked_are_logged(settings, template, created, caplog):
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {
            "purchasing.PurchaseRequest": {
                "workflow_slug": "purchase_approval",
                "conditions": {"size__gte": 1},
            }
        }
    }
    assert created() is None
    assert "cannot be asked for {'size__gte': 1}" in caplog.text


def test_nothing_starts_before_the_transaction_commits(settings, template):
    """D-9."""
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {
            "purchasing.PurchaseRequest": {"workflow_slug": "purchase_approval"}
        }
    }
    PurchaseRequestFactory.create()
    assert not WorkflowAttachment.objects.exists()


def test_a_registered_model_starts_on_its_default_workflow(template, created):
    """D-9, L13."""
    register_model_for_workflow(Opportunity, auto_start=True, default_workflow=template)
    assert created(OpportunityFactory).workflow.cloned_from == template


def test_a_registered_model_starts_on_the_first_mapped_workflow(settings, template, created):
    """L13."""
    settings.DJANGO_WORKFLOW_ENGINE = {
        "MODEL_WORKFLOW_MAPPINGS": {"crm.Opportunity": ["purchase_approval"]}
    }
    register_model_for_workflow(Opportunity, auto_start=True)
    assert created(OpportunityFactory).workflow.cloned_from == template


def test_a_registered_model_without_any_workflow_starts_nothing(created):
    """L13: and that is no error."""
    register_model_for_workflow(Opportunity, auto_start=True)
    assert created(OpportunityFactory) is None


def test_a_model_that_was_configured_by_another_process_starts(settings, template, created):
    settings.DJANGO_WORKFLOW_ENGINE = {"ENABLED_MODELS": ["crm.Opportunity"]}
    WorkflowConfiguration.objects.create(
        content_type=ContentType.objects.get_for_model(Opportunity),
        auto_start=True,
        default_workflow=template,
    )
    assert created(OpportunityFactory) is not None


def test_changing_an_object_starts_nothing(template, created, django_capture_on_commit_callbacks):
    opportunity = OpportunityFactory.create()
    register_model_for_workflow(Opportunity, auto_start=True, default_workflow=template)
    with django_capture_on_commit_callbacks(execute=True):
        opportunity.save()
    assert get_workflow_attachment(opportunity) is None


def test_objects_from_fixtures_start_nothing(template, django_capture_on_commit_callbacks):
    register_model_for_workflow(Opportunity, auto_start=True, default_workflow=template)
    text = serializers.serialize("json", [OpportunityFactory.create()])
    Opportunity.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        for loaded in serializers.deserialize("json", text):
            loaded.save()
    assert Opportunity.objects.exists()
    assert not WorkflowAttachment.objects.exists()


def test_a_workflow_that_cannot_start_is_logged_and_the_object_stays(settings, created, caplog):
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {"purchasing.PurchaseRequest": {"workflow_slug": "gone"}}
    }
    assert created() is None
    assert PurchaseRequest.objects.exists()
    assert "No workflow could be started on PurchaseRequest" in caplog.text


def test_automatic_start_asks_for_no_permission(settings, template, created):
    settings.DJANGO_WORKFLOW_ENGINE = {
        "PERMISSIONS": {"REQUIRE_PERMISSION_TO_START": True},
        "AUTO_START_WORKFLOWS": {
            "purchasing.PurchaseRequest": {"workflow_slug": "purchase_approval"}
        },
    }
    assert created() is not None
