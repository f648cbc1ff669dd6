"""Actions as forms: on the screen of their workflow, and by themselves (D-104, D-116)."""

import re

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains

from django_workflow_engine.choices import ActionType
from django_workflow_engine.function_paths import workflow_action
from django_workflow_engine.models import Stage, WorkFlow, WorkflowAction
from django_workflow_engine.services import attach_workflow_to_object
from tests.django_workflow_engine.admin_pages import (
    Page,
    address_of,
    staff_client,
    superuser_client,
)
from tests.factories import (
    PurchaseRequestFactory,
    UserFactory,
    by_user,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

HANDLERS = "django_workflow_engine.action_handlers"
APPROVED = f"{HANDLERS}.send_approval_notification"
OWN = "tests.django_workflow_engine.test_admin_actions.notify_warehouse"


def notify_warehouse(workflow_attachment, action_parameters, **context):
    """A function of a project."""


@workflow_action("test_admin_named")
def named(workflow_attachment, action_parameters, **context):
    """A function with a name."""


@pytest.fixture(autouse=True)
def own_functions_allowed(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {
        **settings.DJANGO_WORKFLOW_ENGINE,
        "ALLOWED_ACTION_MODULES": ["tests.django_workflow_engine"],
    }


@pytest.fixture
def client():
    return superuser_client()


@pytest.fixture
def stage():
    return stages_of(make_workflow([[by_user(UserFactory.create())]]))[0]


def add_page(client, query="?blank=1"):
    return Page(client, address_of(WorkflowAction, "add") + query, "workflowaction_form")


def change_page(client, action, query=""):
    address = address_of(WorkflowAction, "change", action.pk) + query
    return Page(client, address, "workflowaction_form")


def make_action(stage, **fields):
    return WorkflowAction.objects.create(
        **{
            "stage": stage,
            "action_type": ActionType.AFTER_APPROVE,
            "function_path": APPROVED,
            **fields,
        }
    )


def errors_of(response):
    assert response.status_code == 200, "the page was stored"
    form = response.context["adminform"].form
    rows = form.children["parameters"].forms
    return {row.add_prefix(name) for row in (form, *rows) for name in row.errors}


# E-mails


def test_an_email_is_set_up_without_writing_json(client, stage):  # D-104
    page = add_page(client).set(
        stage=stage.pk,
        action_type="after_reject",
        function=f"{HANDLERS}.send_rejection_notification",
        recipients=["creator", "current_approver"],
        other_recipients="boss@example.org, 7",
        cc="workflow_starter, audit@example.org",
        subject="Rejected",
        template="workflow_rejected",
        order=3,
    )

    response = page.send()

    assert response.status_code == 302, errors_of(response)
    action = WorkflowAction.objects.get(stage=stage)
    assert action.action_type == "after_reject"
    assert action.function_path == f"{HANDLERS}.send_rejection_notification"
    assert action.parameters == {
        "recipients": ["creator", "current_approver", "boss@example.org", 7],
        "cc": ["workflow_starter", "audit@example.org"],
        "subject": "Rejected",
        "template": "workflow_rejected",
    }
    assert (action.order, action.is_active, action.is_default) == (3, True, False)


def test_fields_of_an_email_that_are_empty_are_not_stored(client, stage):
    add_page(client).set(stage=stage.pk, action_type="after_approve").send()

    assert WorkflowAction.objects.get(stage=stage).parameters == {}


def test_a_stored_email_is_shown_in_its_fields(client, stage):
    parameters = {
        "recipients": "creator",
        "cc": "audit@example.org",
        "subject": "Approved",
        "retries": 2,
    }

    data = change_page(client, make_action(stage, parameters=parameters)).data

    assert data["function"] == [APPROVED]
    assert data["recipients"] == ["creator"]
    assert data["cc"] == ["audit@example.org"]
    assert data["subject"] == ["Approved"]
    assert data["parameters-0-name"] == ["retries"]
    assert data["parameters-0-kind"] == ["number"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"other_recipients": "no address"}, "other_recipients"),
        ({"cc": "boss@example.org, creatr"}, "cc"),
        ({"recipients": ["somebody"]}, "recipients"),
        ({"template": "no_such_template"}, "template"),
        ({"action_type": ""}, "action_type"),
        ({"order": "-1"}, "order"),
        ({"function": "os.system"}, "function"),
        ({"function": "", "function_path": ""}, "function_path"),
        ({"parameters-0-name": "n", "parameters-0-kind": "number"}, "parameters-0-value"),
        ({"parameters-0-name": "", "parameters-0-value": "lost"}, "parameters-0-name"),
        ({"parameters-0-name": "cc", "parameters-0-value": "x"}, "parameters-0-name"),
    ],
)
def test_an_error_stands_at_its_field(client, stage, values, field):
    page = add_page(client).set(stage=stage.pk, action_type="after_approve").fill(values)

    assert field in errors_of(page.send())
    assert not WorkflowAction.objects.filter(stage=stage).exists()


def test_a_template_that_only_the_projects_sender_knows_is_allowed(client, stage, settings):
    settings.WORKFLOW_SEND_EMAIL_FUNCTION = OWN
    page = add_page(client).set(stage=stage.pk, action_type="after_approve", template="d-4711")

    page.send()

    assert WorkflowAction.objects.get(stage=stage).parameters == {"template": "d-4711"}


# Functions of the project


def test_a_function_is_named_by_its_path_with_parameters_in_rows(client, stage):  # D-104
    page = add_page(client).set(
        stage=stage.pk,
        action_type="on_workflow_complete",
        function="",
        function_path=OWN,
        is_active=[],
    )
    page.row("parameters-0", name="retries", kind="number", value="3")
    response = page.send()
    assert response.status_code == 302, errors_of(response)
    action = WorkflowAction.objects.get(stage=stage)
    page = change_page(client, action, "?blank=1")
    page.row("parameters-1", name="notify", kind="yes_no", value="yes")
    page.send()

    action.refresh_from_db()
    assert (action.function_path, action.is_active) == (OWN, False)
    assert action.parameters == {"retries": 3, "notify": True}


def test_a_registered_function_is_picked_by_its_name(client, stage):
    page = add_page(client).set(
        stage=stage.pk, action_type="after_approve", function="test_admin_named"
    )

    page.send()

    assert WorkflowAction.objects.get(stage=stage).function_path == "test_admin_named"


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "subprocess.run",
        "builtins.eval",
        "no.such.module.function",
        "no_such_name",
        "django_workflow_engine.action_handlers.no_such_function",
    ],
)
def test_a_function_that_may_not_be_called_is_refused_at_its_field(client, stage, path):
    page = add_page(client).set(
        stage=stage.pk, action_type="after_approve", function="", function_path=path
    )

    response = page.send()

    assert errors_of(response) == {"function_path"}
    assert len(response.context["adminform"].form.errors["function_path"]) == 1


def test_turning_an_email_into_a_call_drops_what_only_emails_have(client, stage):
    action = make_action(stage, parameters={"recipients": ["creator"], "retries": 1})
    page = change_page(client, action).set(function="", function_path=OWN)

    page.send()

    action.refresh_from_db()
    assert (action.function_path, action.parameters) == (OWN, {"retries": 1})


def test_two_parameters_of_one_name_are_refused(client, stage):
    action = make_action(stage, function_path=OWN, parameters={"a": 1, "b": 2})
    page = change_page(client, action).row("parameters-1", name="a")

    assert errors_of(page.send()) == {"__all__", "parameters-0-name", "parameters-1-name"}


def test_a_parameter_is_removed(client, stage):
    action = make_action(stage, function_path=OWN, parameters={"a": 1, "b": 2})

    change_page(client, action).row("parameters-0", DELETE="on").send()

    action.refresh_from_db()
    assert action.parameters == {"b": 2}


# What comes with the engine


@pytest.fixture
def secret(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {
        **settings.DJANGO_WORKFLOW_ENGINE,
        "WEBHOOK_SECRETS": {"erp": "a long secret"},
    }


def test_a_webhook_is_set_up_without_writing_json(client, stage, secret):
    page = add_page(client).set(
        stage=stage.pk,
        action_type="after_approve",
        function=f"{HANDLERS}.call_webhook",
        url="https://example.org/hook",
        secret="erp",
        timeout=5,
        execution="celery",
        failure_policy="stop",
    )
    page.row("parameters-0", name="X-Token", kind="text", value="abc")
    page.row("conditions-0", path="amount", comparison="gte", kind="number", value="1000")
    response = page.send()
    assert response.status_code == 302, errors_of(response)

    action = WorkflowAction.objects.get(stage=stage)
    assert action.parameters == {
        "url": "https://example.org/hook",
        "secret": "erp",
        "timeout": 5,
        "headers": {"X-Token": "abc"},
    }
    assert action.conditions == {"amount__gte": 1000}
    assert (action.execution, action.failure_policy) == ("celery", "stop")
    before = action.parameters, action.conditions
    change_page(client, action).send()
    action.refresh_from_db()
    assert (action.parameters, action.conditions) == before


def test_a_field_is_set_to_a_value_of_its_kind(client, stage):
    page = add_page(client).set(
        stage=stage.pk,
        action_type="after_approve",
        function=f"{HANDLERS}.set_field",
        target_field="amount",
        value_kind="number",
        new_value="12.5",
    )
    response = page.send()
    assert response.status_code == 302, errors_of(response)

    action = WorkflowAction.objects.get(stage=stage)
    assert action.parameters == {"field": "amount", "value": 12.5}
    data = change_page(client, action).data
    assert (data["target_field"], data["value_kind"]) == (["amount"], ["number"])


def test_a_registered_function_is_called_with_its_parameters(client, stage):
    page = add_page(client).set(
        stage=stage.pk,
        action_type="after_approve",
        function=f"{HANDLERS}.call_function",
        called="test_admin_named",
    )
    page.row("parameters-0", name="retries", kind="number", value="3").send()

    action = WorkflowAction.objects.get(stage=stage)
    assert action.parameters == {"function": "test_admin_named", "kwargs": {"retries": 3}}


@pytest.mark.parametrize(
    ("function", "values", "field"),
    [
        ("call_webhook", {"secret": "erp"}, "url"),
        ("call_webhook", {"secret": "erp", "url": "ftp://example.org"}, "url"),
        ("call_webhook", {"url": "https://example.org"}, "secret"),
        (
            "call_webhook",
            {"url": "https://example.org", "secret": "erp", "timeout": 999},
            "timeout",
        ),
        ("set_field", {}, "target_field"),
        ("set_field", {"target_field": "a", "value_kind": "number", "new_value": "x"}, "new_value"),
        ("call_function", {}, "called"),
        ("call_function", {"called": "no_such_name"}, "called"),
        ("send_email", {}, "recipients"),
    ],
)
def test_mistakes_in_what_comes_with_the_engine_stand_at_their_field(
    client, stage, secret, function, values, field
):
    page = add_page(client).set(stage=stage.pk, action_type="after_approve")
    page.set(function=f"{HANDLERS}.{function}").fill(values)

    assert field in errors_of(page.send())


def test_a_header_that_cannot_be_sent_is_told_at_its_row(client, stage, secret):
    page = add_page(client).set(
        stage=stage.pk,
        action_type="after_approve",
        function=f"{HANDLERS}.call_webhook",
        url="https://example.org",
        secret="erp",
    )
    page.row("parameters-0", name="Host", kind="text", value="abc")

    assert "parameters-0-value" in errors_of(page.send())


# Conditions


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"amount__gte": 1000, "amount__lt": 5000},
        {"status__in": ["a", "b"], "pk__in": [1, 2]},
        {"requester__department__name": "Finance"},
        {"title__exact": "x", "requester__isnull": True, "title__startswith": "D"},
    ],
)
def test_conditions_stay_as_they_are_stored(client, stage, conditions):
    action = make_action(stage, conditions=conditions)

    page = change_page(client, action).set(subject="Hello")
    page.send()

    action.refresh_from_db()
    assert action.parameters == {"subject": "Hello"}
    assert action.conditions == conditions


# Two keys of one length keep their order on PostgreSQL.
def test_the_same_condition_twice_is_refused(client, stage):
    action = make_action(stage, conditions={"amount__gt": 1, "amount__lt": 5})
    page = change_page(client, action).row("conditions-1", comparison="gt")

    response = page.send()

    rows = response.context["adminform"].form.children["conditions"].forms
    assert all("path" in row.errors for row in rows)


def test_a_structure_is_kept_as_it_is_and_cannot_be_written(client, stage):
    action = make_action(stage, function_path=OWN, parameters={"deep": {"list": [1, None]}})
    page = change_page(client, action, "?blank=1").row("parameters-1", name="note", value="v")
    page.send()
    action.refresh_from_db()
    assert action.parameters == {"deep": {"list": [1, None]}, "note": "v"}

    page = change_page(client, action).row("parameters-1", kind="structure", value="{}")

    assert "parameters-1-kind" in errors_of(page.send())


# By themselves


@pytest.mark.parametrize("level", ["workflow", "pipeline", "stage"])
def test_an_action_is_on_the_level_that_was_chosen(client, stage, level):  # D-104
    place = {"workflow": stage.pipeline.workflow, "pipeline": stage.pipeline, "stage": stage}[level]

    response = add_page(client).set(**{level: place.pk}, action_type="on_workflow_start").send()

    assert response.status_code == 302, errors_of(response)
    assert place.actions.get(action_type="on_workflow_start").function_path == APPROVED


def test_an_action_belongs_to_one_level(client, stage):  # D-104
    page = add_page(client).set(action_type="after_approve")
    assert errors_of(page.send()) == {"__all__"}

    page.set(stage=stage.pk, workflow=stage.pipeline.workflow_id)
    assert errors_of(page.send()) == {"__all__"}


def test_an_action_without_a_place_gets_the_first(client, stage):
    add_page(client).set(stage=stage.pk, action_type="after_approve", order="").send()

    assert WorkflowAction.objects.get(stage=stage).order == 1


def test_a_change_here_gives_the_next_object_a_new_version(client, stage):
    action = make_action(stage)
    workflow = stage.pipeline.workflow
    old = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow).workflow

    change_page(client, action).set(subject="Hello").send()

    new = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow).workflow
    assert new.pk != old.pk


def test_actions_of_versions_are_neither_listed_nor_changed(client, stage):
    make_action(stage)
    version = attach_workflow_to_object(
        PurchaseRequestFactory.create(), stage.pipeline.workflow
    ).workflow
    copy = WorkflowAction.objects.get(stage__pipeline__workflow=version)
    listed = client.get(address_of(WorkflowAction, "changelist")).context["cl"].result_list

    assert copy not in list(listed)
    assert client.get(address_of(WorkflowAction, "change", copy.pk)).status_code == 302


def test_an_action_cannot_be_moved_into_a_version(client, stage):
    action = make_action(stage)
    version = attach_workflow_to_object(
        PurchaseRequestFactory.create(), stage.pipeline.workflow
    ).workflow
    inside = Stage.objects.get(pipeline__workflow=version)
    page = change_page(client, action)
    page.data["stage"] = inside.pk

    assert errors_of(page.send()) == {"stage"}
    action.refresh_from_db()
    assert action.stage == stage


def test_the_list_shows_what_each_action_is(client, stage):  # D-104
    make_action(stage)

    page = client.get(address_of(WorkflowAction, "changelist")).content.decode()

    columns = set(re.findall(r'class="field-(\w+)', page))
    assert columns >= {"scope", "action_type", "function", "order", "is_active"}


def test_the_list_says_where_each_action_belongs(client, stage):
    make_action(stage)

    page = client.get(address_of(WorkflowAction, "changelist"), {"scope": "stage"})

    assertContains(page, "Purchase approval / Pipeline 1 / Stage 1.1")
    assertContains(page, address_of(WorkFlow, "change", stage.pipeline.workflow_id))
    assert len(page.context["cl"].result_list) == 1


@pytest.mark.parametrize(("scope", "count"), [("workflow", 5), ("pipeline", 1), ("stage", 1)])
def test_the_list_is_filtered_by_level(client, stage, scope, count):
    make_action(stage)
    make_action(None, pipeline=stage.pipeline)

    page = client.get(address_of(WorkflowAction, "changelist"), {"scope": scope})

    assert len(page.context["cl"].result_list) == count


def test_the_list_takes_the_same_statements_for_any_number_of_actions(client, statements):
    address = address_of(WorkflowAction, "changelist")

    def count():
        client.get(address)
        with statements() as seen:
            client.get(address)
        return seen.count

    workflow = make_workflow([[by_user(UserFactory.create())]])
    make_action(stages_of(workflow)[0])
    few = count()
    for _number in range(6):
        workflow = make_workflow([[by_user(UserFactory.create())]])
        make_action(stages_of(workflow)[0])
        make_action(None, pipeline=workflow.pipelines.get())

    assert count() == few


@pytest.mark.parametrize("page", ["changelist", "add", "change", "delete"])
def test_staff_without_permission_are_refused(stage, page):
    args = [make_action(stage).pk] if page in ("change", "delete") else []

    assert staff_client().get(address_of(WorkflowAction, page, *args)).status_code == 403


def test_those_who_may_only_look_see_it_in_words(stage):
    action = make_action(stage, parameters={"subject": "Hello there"})
    client: Client = staff_client("view_workflowaction")

    response = client.get(address_of(WorkflowAction, "change", action.pk))

    assertContains(response, "Hello there")
    assertNotContains(response, 'name="subject"')
    assert client.post(address_of(WorkflowAction, "change", action.pk), {}).status_code == 403
