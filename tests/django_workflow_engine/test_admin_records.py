"""Pages for looking: attachments, executions, stages; and the configuration of models (D-83)."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from crm.models import Opportunity
from django_workflow_engine.choices import ActionType, ExecutionStatus
from django_workflow_engine.models import (
    ActionExecution,
    Pipeline,
    Stage,
    WorkFlow,
    WorkflowAttachment,
    WorkflowConfiguration,
)
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from purchasing.models import PurchaseRequest
from support.models import Ticket
from tests.django_workflow_engine.admin_pages import (
    Page,
    address_of,
    staff_client,
    superuser_client,
)
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow

pytestmark = pytest.mark.django_db

READ_ONLY = [WorkflowAttachment, ActionExecution, Pipeline, Stage]


@pytest.fixture
def client():
    return superuser_client()


def make_attachment(**purchase):
    """An object that has passed the first of two stages."""
    layla = UserFactory.create()
    workflow = make_workflow([[by_user(layla), by_user(UserFactory.create())]], name_en="Buying")
    obj = PurchaseRequestFactory.create(**purchase)
    attach_workflow_to_object(obj, workflow, user=layla)
    return act_on_object(obj, "approved", layla, reason="Looks fair")


def make_execution(attachment=None, **fields):
    return ActionExecution.objects.create(
        **{
            "attachment": attachment or make_attachment(),
            "action_type": ActionType.AFTER_APPROVE,
            "function_path": "django_workflow_engine.action_handlers.send_approval_notification",
            "transition": "7f0ff6ab-8a5b-4a4c-8f6a-0b7f6d6f5c11",
            "position": ActionExecution.objects.count() + 100,
            "run_after": timezone.now(),
            **fields,
        }
    )


def rows_for(model):
    attachment = make_attachment()
    make_execution(attachment)
    return model.objects.order_by("pk").first()


# All of them


@pytest.mark.parametrize("model", READ_ONLY)
def test_nobody_adds_changes_or_deletes(client, model):
    row = rows_for(model)
    before = list(model.objects.order_by("pk").values())

    assert client.get(address_of(model, "add")).status_code == 403
    assert client.post(address_of(model, "change", row.pk), {"status": "x"}).status_code == 403
    assert client.post(address_of(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert list(model.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("model", [*READ_ONLY, WorkflowConfiguration])
def test_staff_need_the_view_permission(model):
    address = address_of(model, "changelist")

    assert staff_client().get(address).status_code == 403
    assert staff_client(f"view_{model._meta.model_name}").get(address).status_code == 200


@pytest.mark.parametrize("model", READ_ONLY)
def test_a_list_takes_the_same_statements_for_any_number_of_rows(client, statements, model):
    address = address_of(model, "changelist")

    def count():
        client.get(address)
        with statements() as seen:
            client.get(address)
        return seen.count

    make_execution()
    few = count()
    for _number in range(8):
        make_execution()

    assert count() == few


@pytest.mark.parametrize("model", [Pipeline, Stage])
def test_parts_of_versions_are_not_listed(client, model):
    make_attachment()

    page = client.get(address_of(model, "changelist"))

    assert {row.template_id() for row in page.context["cl"].result_list} == set(
        WorkFlow.objects.templates().values_list("pk", flat=True)
    )
    assertContains(page, "Buying")


@pytest.mark.parametrize("model", [Pipeline, Stage])
def test_a_part_leads_to_the_workflow_that_it_is_edited_with(client, model):
    row = rows_for(model)

    page = client.get(address_of(model, "change", row.pk))

    assertContains(page, address_of(WorkFlow, "change", row.template_id()))


# Attachments


def test_an_attachment_shows_its_way_through_the_workflow(client):
    attachment = make_attachment(title="Desk lamps")

    page = client.get(address_of(WorkflowAttachment, "change", attachment.pk))

    assert [(visit.stage.name_en, visit.outcome) for visit in page.context["visits"]] == [
        ("Stage 1.1", "approved"),
        ("Stage 1.2", ""),
    ]
    assert len(page.context["steps"]) == 2
    assert "approved" in [row.event.kind for row in page.context["events"]]
    assert page.context["executions"]
    for text in ("Desk lamps", "Looks fair", "here now", "E-mail: approved", "Buying"):
        assertContains(page, text)
    template = attachment.workflow.cloned_from_id
    assertContains(page, address_of(WorkFlow, "change", template))
    assertContains(page, address_of(WorkFlow, "change", attachment.workflow_id))


@pytest.mark.filterwarnings("ignore:disable_clone")
def test_attachments_that_have_not_started_and_those_on_a_template_are_shown(client):
    attachment = attach_workflow_to_object(
        PurchaseRequestFactory.create(), make_workflow(), auto_start=False, disable_clone=True
    )

    page = client.get(address_of(WorkflowAttachment, "change", attachment.pk))

    assertContains(page, "Not started yet.")
    assertContains(page, "without a version of its own")


def test_the_list_names_the_workflow_as_people_know_it(client):
    make_attachment(title="Desk lamps")

    page = client.get(address_of(WorkflowAttachment, "changelist"))

    assertContains(page, "Desk lamps")
    assertContains(page, "Buying")
    assertNotContains(page, "Buying (Copy)")


def test_the_page_of_an_attachment_takes_the_same_statements_for_any_history(client, statements):
    def count(stages):
        people = [UserFactory.create() for _number in range(stages + 1)]
        obj = PurchaseRequestFactory.create()
        attachment = attach_workflow_to_object(
            obj, make_workflow([[by_user(person) for person in people]])
        )
        for person in people[:-1]:
            act_on_object(obj, "approved", person)
        address = address_of(WorkflowAttachment, "change", attachment.pk)
        client.get(address)
        with statements() as seen:
            client.get(address)
        return seen.count

    assert count(2) == count(7)


# Executions


def run_again(client, *executions):
    return client.post(
        address_of(ActionExecution, "changelist"),
        {"action": "run_again", "_selected_action": [row.pk for row in executions]},
        follow=True,
    )


def test_failed_actions_are_run_again_and_others_are_left_alone(client):
    dead = make_execution(status=ExecutionStatus.DEAD, attempts=5, error="refused")
    failed = make_execution(dead.attachment, status=ExecutionStatus.FAILED, attempts=2)
    done = make_execution(dead.attachment, status=ExecutionStatus.DONE, attempts=1)

    page = run_again(client, dead, failed, done)

    statuses = {row.pk: row.status for row in ActionExecution.objects.all()}
    assert statuses[dead.pk] == statuses[failed.pk] == ExecutionStatus.PENDING
    assert statuses[done.pk] == ExecutionStatus.DONE
    assertContains(page, "2 actions will be run again.")


def test_an_action_that_is_run_again_really_runs(client, django_capture_on_commit_callbacks):
    dead = make_execution(status=ExecutionStatus.DEAD, attempts=5)

    with django_capture_on_commit_callbacks(execute=True):
        run_again(client, dead)

    dead.refresh_from_db()
    assert dead.status == ExecutionStatus.DONE


@pytest.mark.parametrize("may_run", [True, False])
def test_running_again_takes_a_permission(may_run):
    dead = make_execution(status=ExecutionStatus.DEAD)
    more = ["change_actionexecution"] if may_run else []
    client = staff_client("view_actionexecution", *more)

    page = client.get(address_of(ActionExecution, "change", dead.pk))
    run_again(client, dead)

    assert (b"Run again" in page.content) is may_run
    dead.refresh_from_db()
    assert (dead.status == ExecutionStatus.PENDING) is may_run


def test_the_button_is_there_for_failed_actions_only(client):
    done = make_execution(status=ExecutionStatus.DONE)

    assertNotContains(client.get(address_of(ActionExecution, "change", done.pk)), "Run again")


def test_an_error_is_shown_as_text(client):
    dead = make_execution(status=ExecutionStatus.DEAD, error="<script>alert(1)</script>")

    page = client.get(address_of(ActionExecution, "change", dead.pk))

    assertContains(page, "&lt;script&gt;alert(1)")
    assertNotContains(page, "<script>alert(1)")


def test_executions_are_filtered_by_status(client):
    make_execution(status=ExecutionStatus.DEAD)

    page = client.get(address_of(ActionExecution, "changelist"), {"status__exact": "dead"})

    assert [row.status for row in page.context["cl"].result_list] == ["dead"]


# Configuration of models


def configuration_page(client, configuration=None):
    address = (
        address_of(WorkflowConfiguration, "add")
        if configuration is None
        else address_of(WorkflowConfiguration, "change", configuration.pk)
    )
    return Page(client, address, "workflowconfiguration_form")


def type_of(model):
    return ContentType.objects.get_for_model(model)


def test_a_model_is_configured_with_its_status_values(client):  # D-83
    workflow = make_workflow()
    page = configuration_page(client).set(
        content_type=type_of(Opportunity).pk,
        status_field="status",
        start_status_value="in_progress",
        completion_status_value="won",
        rejection_status_value="lost",
        stage_field="current_stage",
        auto_start="on",
        default_workflow=workflow.pk,
    )

    response = page.send()

    assert response.status_code == 302, response.context["adminform"].form.errors
    stored = WorkflowConfiguration.objects.get(content_type=type_of(Opportunity))
    assert (stored.status_field, stored.start_status_value) == ("status", "in_progress")
    assert (stored.completion_status_value, stored.rejection_status_value) == ("won", "lost")
    assert (stored.stage_field, stored.auto_start, stored.default_workflow) == (
        "current_stage",
        True,
        workflow,
    )


def test_the_labels_are_those_that_the_documentation_names(client):  # D-83
    page = configuration_page(client).response

    for label in ("Status field", "Completion status value", "Rejection status value"):
        assertContains(page, label)


@pytest.mark.parametrize(
    ("values", "field", "hint"),
    [
        ({"status_field": "statsu"}, "status_field", "status"),
        ({"status_field": "owner"}, "status_field", ""),
        ({"status_field": "id"}, "status_field", ""),
        ({"stage_field": "current_stge"}, "stage_field", "current_stage"),
        (
            {"status_field": "status", "completion_status_value": "x" * 60},
            "completion_status_value",
            "",
        ),
    ],
)
def test_fields_and_values_are_checked_against_the_model(client, values, field, hint):
    page = configuration_page(client).set(content_type=type_of(Opportunity).pk, **values)

    errors = page.send().context["adminform"].form.errors

    assert list(errors) == [field]
    assert hint in errors[field][0]


def test_the_model_of_a_configuration_stays(client):  # D-83
    configuration = WorkflowConfiguration.objects.create(content_type=type_of(Opportunity))
    page = configuration_page(client, configuration)
    assert "content_type" not in page.data
    page.data["content_type"] = type_of(Ticket).pk

    page.set(status_field="statsu")
    assert "status_field" in page.send().context["adminform"].form.errors
    page.set(status_field="status").send()

    configuration.refresh_from_db()
    assert (configuration.content_type, configuration.status_field) == (
        type_of(Opportunity),
        "status",
    )


def test_only_models_that_are_enabled_and_not_configured_are_offered(client, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {
        "ENABLED_MODELS": ["crm.Opportunity", "purchasing.PurchaseRequest"]
    }
    WorkflowConfiguration.objects.create(content_type=type_of(PurchaseRequest))

    form = configuration_page(client).response.context["adminform"].form

    assert list(form.fields["content_type"].queryset) == [type_of(Opportunity)]


def test_every_model_is_offered_where_none_is_named(client, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {}

    form = configuration_page(client).response.context["adminform"].form

    assert {type_of(Opportunity), type_of(Ticket)} <= set(form.fields["content_type"].queryset)


def test_the_list_of_configurations_takes_the_same_statements(client, statements):
    address = address_of(WorkflowConfiguration, "changelist")

    def count():
        client.get(address)
        with statements() as seen:
            client.get(address)
        return seen.count

    WorkflowConfiguration.objects.create(
        content_type=type_of(Ticket), default_workflow=make_workflow()
    )
    few = count()
    for model in (Opportunity, PurchaseRequest, WorkFlow):
        WorkflowConfiguration.objects.create(
            content_type=type_of(model), default_workflow=make_workflow()
        )

    assert count() == few
