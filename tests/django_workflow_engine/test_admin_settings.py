"""The builder in projects that are set up otherwise: other roles, no forms, no search."""

import uuid

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import RequestFactory
from pytest_django.asserts import assertContains, assertNotContains

from approval_workflow.strategies.role import Anyone
from django_workflow_engine.admin.builder import Vocabulary
from django_workflow_engine.models import WorkFlow
from tests.django_workflow_engine.admin_pages import Page, address_of, superuser_client
from tests.factories import UserFactory, by_role, by_user, make_role, make_workflow, stages_of
from tests.testapp.models import PlainRole, UuidDocument

pytestmark = pytest.mark.django_db

APPROVAL = "pipelines-0-stages-0-approvals-0"


class Dice(Anyone):
    """A strategy of a project."""

    value = "dice"
    label = "Whoever the dice pick"


@pytest.fixture
def client():
    return superuser_client()


def add_page(client):
    page = Page(client, address_of(WorkFlow, "add") + "?blank=1", "workflow_form")
    page.set(name_en="Leave").row("pipelines-0", name_en="Team")
    return page.row("pipelines-0-stages-0", name_en="Lead")


def stored_approval(page):
    response = page.send()
    assert response.status_code == 302, response.context["adminform"].form.errors
    return stages_of(WorkFlow.objects.templates().get())[0].stage_info["approvals"][0]


@pytest.mark.parametrize("model", [Group, PlainRole])
def test_roles_of_any_model_are_offered(client, settings, model):
    settings.APPROVAL_ROLE_MODEL = model._meta.label
    settings.APPROVAL_ROLE_FIELD = "groups"
    role = model.objects.create(name="Reviewers")

    approval = stored_approval(add_page(client).row(APPROVAL, user_role=role.pk))

    assert approval["user_role"] == role.pk


def test_without_roles_only_people_are_asked(client, settings):
    settings.APPROVAL_ROLE_MODEL = None
    person = UserFactory.create()
    page = add_page(client)
    assertNotContains(page.response, 'value="ROLE"')

    approval = stored_approval(page.row(APPROVAL, approval_user=person.pk))

    assert approval["approval_user"] == person.pk
    assertNotContains(page.response, "People with a role")


def test_without_forms_there_is_no_field_for_one_and_nothing_to_submit(client, settings):
    settings.APPROVAL_DYNAMIC_FORM_MODEL = None
    page = add_page(client)

    assert f"{APPROVAL}-required_form" not in page.data
    assertNotContains(page.response, 'value="submit"')
    assert stored_approval(page.row(APPROVAL, user_role=make_role().pk))


def test_keys_that_are_no_numbers_are_stored_as_json_can_hold_them(client, settings):
    settings.APPROVAL_DYNAMIC_FORM_MODEL = "testapp.UuidDocument"
    form = UuidDocument.objects.create(id=uuid.uuid4())
    page = add_page(client).row(APPROVAL, user_role=make_role().pk, required_form=form.pk)

    assert stored_approval(page)["required_form"] == str(form.pk)


def test_without_departments_there_is_no_field_for_one(client, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {}

    assert "pipelines-0-department" not in add_page(client).data


def test_strategies_of_the_project_are_offered(client, settings):
    settings.APPROVAL_ROLE_STRATEGIES = {"dice": f"{__name__}.Dice"}
    page = add_page(client)
    assertContains(page.response, "Whoever the dice pick")

    page.row(APPROVAL, user_role=make_role().pk, role_selection_strategy="dice")

    assert stored_approval(page)["role_selection_strategy"] == "dice"


def test_all_strategies_are_offered_in_their_order_with_what_they_need():
    vocabulary = Vocabulary(admin.site, RequestFactory().get("/"))
    offered = [value for value, _label in vocabulary.strategies]

    assert offered[:3] == ["anyone", "consensus", "round_robin"]
    assert {"quorum", "percentage", "hierarchy_up", "dynamic_function"} <= set(offered)
    assert vocabulary.fields_of_strategies["quorum"] == {"user_role", "quorum_count"}
    assert vocabulary.fields_of_strategies["hierarchy_up"] == {
        "hierarchy_levels",
        "hierarchy_base_user",
    }


def test_a_strategy_that_is_gone_stays_visible_until_another_one_is_picked(client, settings):
    settings.APPROVAL_ROLE_STRATEGIES = {"dice": f"{__name__}.Dice"}
    workflow = make_workflow([[by_role(make_role(), "dice")]])
    settings.APPROVAL_ROLE_STRATEGIES = {}
    page = Page(client, address_of(WorkFlow, "change", workflow.pk), "workflow_form")

    assertContains(page.response, "dice (not available)")
    assert page.send().status_code == 302


@pytest.mark.parametrize("registered", [True, False])
def test_users_that_the_admin_does_not_search_are_named_by_key(client, registered, monkeypatch):
    model = get_user_model()
    if registered:
        monkeypatch.setattr(type(admin.site.get_model_admin(model)), "search_fields", ())
    else:
        monkeypatch.delitem(admin.site._registry, model)
    person = UserFactory.create()
    workflow = make_workflow([[by_user(UserFactory.create())]])
    page = Page(client, address_of(WorkFlow, "change", workflow.pk), "workflow_form")
    assertContains(page.response, f'<input type="text" name="{APPROVAL}-approval_user"')

    page.row(APPROVAL, approval_user=person.pk).set(company=person.pk)

    assert page.send().status_code == 302
    workflow.refresh_from_db()
    assert workflow.company == person
    assert stages_of(workflow)[0].stage_info["approvals"][0]["approval_user"] == person.pk


@pytest.mark.parametrize("automatic", [True, False])
def test_the_page_says_that_the_usual_emails_come_by_themselves(client, settings, automatic):
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = automatic

    said = b"added by themselves" in add_page(client).response.content

    assert said is automatic


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_the_page_is_there_in_both_directions(client, language, direction):
    workflow = make_workflow(name_ar="موافقة الشراء")

    page = client.get(
        address_of(WorkFlow, "change", workflow.pk), headers={"Accept-Language": language}
    )

    assertContains(page, f'dir="{direction}"')
    assertContains(page, "موافقة الشراء")
