"""Fields of the object that follow its workflow (D-78 to D-84, D-122)."""

import logging

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db.models.signals import post_save

from crm.models import Opportunity
from django_workflow_engine.models import WorkflowConfiguration
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    register_model_for_workflow,
)
from purchasing.models import PurchaseRequest
from tests.factories.objects import OpportunityFactory, PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import by_user, make_workflow

pytestmark = pytest.mark.django_db

LOGGER = "django_workflow_engine"


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def template(ann):
    return make_workflow([[by_user(ann), by_user(ann)]])


def configure(**values):
    return WorkflowConfiguration.objects.get_or_create(
        content_type=ContentType.objects.get_for_model(Opportunity), defaults=values
    )[0]


def run(template, ann, *actions):
    """Let an opportunity go through the actions; return what is stored then."""
    opportunity = OpportunityFactory.create(status="in_progress")
    attach_workflow_to_object(opportunity, template)
    for action in actions:
        act_on_object(opportunity, action, ann)
    return Opportunity.objects.get(pk=opportunity.pk).status


FULL = {
    "status_field": "status",
    "completion_status_value": "won",
    "rejection_status_value": "lost",
}


@pytest.mark.parametrize(
    ("values", "completed", "rejected"),
    [
        (FULL, "won", "lost"),
        ({**FULL, "status_field": ""}, "in_progress", "in_progress"),
        ({**FULL, "completion_status_value": ""}, "in_progress", "lost"),
        ({**FULL, "rejection_status_value": ""}, "won", "in_progress"),
        ({**FULL, "status_field": "no_such_field"}, "in_progress", "in_progress"),
    ],
)
def test_status_follows_completion_and_rejection(template, ann, values, completed, rejected):
    """D-78, D-79, D-80, D-81."""
    configure(**values)
    assert run(template, ann, "approved", "approved") == completed
    assert run(template, ann, "rejected") == rejected


def test_configuration_is_made_once_and_may_name_no_values():
    """D-84, D-25."""
    first = configure(**FULL)
    assert configure(status_field="other") == first
    assert first.completion_status_value == "won"
    first.delete()
    empty = configure()
    assert (empty.status_field, empty.stage_field) == ("", "")
    assert (empty.completion_status_value, empty.rejection_status_value) == ("", "")


def test_status_follows_the_start_where_configured(template, ann):
    configure(**FULL, start_status_value="draft")
    assert run(template, ann) == "draft"


def test_without_configuration_nothing_happens(template, ann):
    assert run(template, ann, "approved", "approved") == "in_progress"


@pytest.mark.parametrize(
    ("actions", "text"),
    [
        (["approved"] * 2, "status from 'in_progress' to 'won' on workflow completion"),
        (["rejected"], "status from 'in_progress' to 'lost' on workflow rejection"),
    ],
)
def test_the_log_names_model_key_field_and_values(template, ann, caplog, actions, text):
    """D-82, D-122."""
    configure(**FULL)
    with caplog.at_level(logging.INFO, LOGGER):
        run(template, ann, *actions)
    key = Opportunity.objects.get().pk
    assert (LOGGER, logging.INFO, f"Updated Opportunity({key}).{text}") in caplog.record_tuples


def test_the_log_warns_of_a_field_that_is_not_there(template, ann, caplog):
    """D-82."""
    configure(**{**FULL, "status_field": "state"})
    run(template, ann, "approved", "approved")
    text = "Model Opportunity does not have field 'state', cannot update status on completion"
    assert (LOGGER, logging.WARNING, text) in caplog.record_tuples


@pytest.mark.parametrize("configured", [False, True])
def test_the_log_tells_that_no_field_is_configured(template, ann, caplog, configured):
    """D-80, D-82."""
    if configured:
        configure(**{**FULL, "status_field": ""})
    with caplog.at_level(logging.DEBUG, LOGGER):
        run(template, ann, "rejected")
    text = "No status_field configured for Opportunity, skipping status update"
    assert (LOGGER, logging.DEBUG, text) in caplog.record_tuples
    assert {level for _name, level, _text in caplog.record_tuples} == {logging.DEBUG}


def test_only_the_configured_field_is_written(template, ann):
    """D-81: what somebody else changed meanwhile stays."""
    configure(**FULL, start_status_value="in_progress")
    opportunity = OpportunityFactory.create(status="new", name="Old")
    Opportunity.objects.filter(pk=opportunity.pk).update(name="New")
    attach_workflow_to_object(opportunity, template)
    stored = Opportunity.objects.get(pk=opportunity.pk)
    assert (stored.name, stored.status) == ("New", "in_progress")


@pytest.mark.parametrize(("action", "status"), [("approved", "won"), ("rejected", "lost")])
def test_an_end_saves_the_configured_field_alone(ann, action, status):
    """D-81"""
    configure(**FULL)
    opportunity = OpportunityFactory.create(status="in_progress")
    attach_workflow_to_object(opportunity, make_workflow([[by_user(ann)]]))
    saved = []

    def note(update_fields, **_kwargs):
        saved.append(update_fields)

    post_save.connect(note, sender=Opportunity)
    try:
        act_on_object(opportunity, action, ann)
    finally:
        post_save.disconnect(note, sender=Opportunity)
    assert saved == [{"status"}]
    assert opportunity.status == status


def test_the_stage_field_gets_the_english_name(template, ann):
    """D-28, K10, L27."""
    register_model_for_workflow(PurchaseRequest, stage_field="current_stage")
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template)
    assert PurchaseRequest.objects.get().current_stage == "Stage 1.1"
    act_on_object(request, "approved", ann)
    assert PurchaseRequest.objects.get().current_stage == "Stage 1.2"
    assert request.current_stage == "Stage 1.2"
    act_on_object(request, "approved", ann)
    assert PurchaseRequest.objects.get().current_stage == ""
