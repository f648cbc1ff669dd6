"""What the tables promise: company scope, two languages, configurations.

D-7, D-16 to D-20, D-25 to D-27.
"""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, models, transaction
from django.utils.translation import override

import django_workflow_engine
from crm.models import Opportunity
from django_workflow_engine.choices import ActionType
from django_workflow_engine.models import (
    Pipeline,
    Stage,
    WorkFlow,
    WorkflowAction,
    WorkflowConfiguration,
)
from django_workflow_engine.services import (
    get_detailed_workflow_data,
    get_workflow_statistics,
)
from tests.factories import UserFactory, make_workflow, stages_of

pytestmark = pytest.mark.django_db


class TestCompany:
    def test_it_is_a_user_whose_workflows_outlive_it(self):  # D-16, K25
        field = WorkFlow._meta.get_field("company")
        assert field.related_model is get_user_model()
        assert field.remote_field.on_delete is models.SET_NULL
        assert field.remote_field.related_name == "workflow_company"
        company = UserFactory.create()
        workflow = make_workflow(company=company)
        assert list(company.workflow_company.all()) == [workflow]
        company.delete()
        workflow.refresh_from_db()
        assert workflow.company is None

    def test_snapshots_outlive_it_too(self):  # D-16
        company = UserFactory.create()
        workflow = make_workflow(company=company)
        snapshot = WorkFlow(name_en="x", is_hidden=True, cloned_from=workflow, company=company)
        models.QuerySet(WorkFlow).bulk_create([snapshot])
        company.delete()
        assert models.QuerySet(WorkFlow).get(pk=snapshot.pk).company is None

    def test_a_workflow_needs_only_a_company_and_a_name(self):  # D-17
        company = UserFactory.create()
        workflow = WorkFlow.objects.create(company=company, name_en="Company Workflow")
        assert (workflow.company, workflow.name_ar) == (company, "")
        workflow.full_clean()

    def test_workflows_are_found_by_it(self):  # D-18
        company, other = UserFactory.create(), UserFactory.create()
        workflow = make_workflow(company=company)
        make_workflow(company=other)
        make_workflow()
        assert list(WorkFlow.objects.filter(company=company)) == [workflow]

    def test_data_can_be_had_of_one_company(self):  # D-18, D-118
        company = UserFactory.create(username="acme")
        workflow = make_workflow(company=company)
        make_workflow(company=UserFactory.create())
        found = get_detailed_workflow_data(company_id=company.pk)["workflows"]
        assert [data["id"] for data in found] == [workflow.pk]
        assert get_workflow_statistics(company_id=company.pk)["overview"]["total_workflows"] == 1


class TestUserModel:
    def test_every_relation_to_people_follows_the_setting(self):  # D-19
        assert django_settings.AUTH_USER_MODEL != "auth.User"
        relations = [
            field
            for model in apps.get_app_config("django_workflow_engine").get_models()
            for field in model._meta.fields
            if field.is_relation and issubclass(field.related_model, AbstractBaseUser)
        ]
        assert len(relations) >= 3
        for field in relations:
            target = field.deconstruct()[3]["to"]
            assert (target, target.setting_name) == ("purchasing.user", "AUTH_USER_MODEL")

    def test_no_module_names_a_user_model(self):  # D-19
        root = Path(str(django_workflow_engine.__file__)).parent
        for path in root.rglob("*.py"):
            assert named_in(path).isdisjoint({"User", "auth.user", "purchasing.user"}), path


def named_in(path: Path) -> set[str]:
    """What the code of a module imports or reaches by name, and its texts in lower case."""
    named = set[str]()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.alias):
            named.add(node.name)
        elif isinstance(node, ast.Attribute):
            named.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named.add(node.value.lower())
    return named


class TestNames:
    """D-20, D-27."""

    @pytest.mark.parametrize("language", ["en", "ar"])
    def test_both_are_kept_and_the_active_one_is_shown(self, language):
        names = {"name_en": "Purchase approval", "name_ar": "الموافقة على الشراء"}
        workflow = WorkFlow.objects.create(**names)
        pipeline = Pipeline.objects.create(workflow=workflow, **names)
        stage = Stage.objects.create(pipeline=pipeline, **names)
        for row in (workflow, pipeline, stage):
            row.refresh_from_db()
            assert (row.name_en, row.name_ar) == (names["name_en"], names["name_ar"])
            with override(language):
                assert row.name == names[f"name_{language}"] == str(row)

    def test_the_english_one_stands_in_for_the_arabic_one(self):
        with override("ar"):
            assert str(WorkFlow(name_en="Purchase")) == "Purchase"

    def test_look_ups_by_the_arabic_name(self):
        workflow = WorkFlow.objects.create(name_en="Purchase", name_ar="الشراء")
        assert WorkFlow.objects.get(name_ar="الشراء") == workflow


def test_a_new_workflow_is_a_template_that_can_be_attached():  # D-20
    workflow = WorkFlow.objects.create(name_en="Purchase")
    assert (workflow.is_active, workflow.status, workflow.cloned_from) == (True, "active", None)
    pipeline = workflow.pipelines.create(name_en="Finance")
    assert list(WorkFlow.objects.get().pipelines.all()) == [pipeline]


class TestSlug:
    """D-7, D-20: settings name a template by it."""

    def test_it_is_made_from_the_name_and_stays_when_that_changes(self):
        workflow = WorkFlow.objects.create(name_en="Purchase approval")
        assert workflow.slug == "purchase-approval"
        workflow.name_en = "Buying"
        workflow.save()
        assert WorkFlow.objects.get().slug == "purchase-approval"

    def test_templates_of_one_name_have_their_own(self):
        workflows = [WorkFlow.objects.create(name_en="Purchase") for _number in range(3)]
        assert [workflow.slug for workflow in workflows] == ["purchase", "purchase-2", "purchase-3"]

    def test_it_names_one_template(self):
        make_workflow(slug="purchase")
        with pytest.raises(IntegrityError), transaction.atomic():
            make_workflow(slug="purchase")


def test_an_action_is_set_on_a_stage_by_its_key():  # D-26
    stage = stages_of(make_workflow())[0]
    values = {
        "action_type": ActionType.AFTER_APPROVE,
        "function_path": "django_workflow_engine.action_handlers.send_approval_notification",
        "parameters": {"recipients": ["creator"]},
        "order": 2,
        "is_active": False,
    }
    action = WorkflowAction.objects.create(stage_id=stage.pk, **values)
    action.refresh_from_db()
    assert (action.stage, action.pipeline, action.workflow) == (stage, None, None)
    assert {name: getattr(action, name) for name in values} == values
    assert not stage.actions.active().exists()


class TestConfiguration:
    """D-25."""

    def test_its_fields_are_empty_until_they_are_given(self):
        content_type = ContentType.objects.get_for_model(Opportunity)
        configuration = WorkflowConfiguration.objects.create(content_type=content_type)
        assert (
            configuration.status_field,
            configuration.completion_status_value,
            configuration.rejection_status_value,
        ) == ("", "", "")

    def test_there_is_one_for_a_model(self):
        content_type = ContentType.objects.get_for_model(Opportunity)
        WorkflowConfiguration.objects.create(content_type=content_type)
        with pytest.raises(IntegrityError), transaction.atomic():
            WorkflowConfiguration.objects.create(content_type=content_type)
