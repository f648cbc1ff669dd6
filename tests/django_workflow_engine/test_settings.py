"""Each setting that the documents print has the effect that they promise (D-1 to D-15)."""

import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from packaging.requirements import Requirement
from packaging.version import Version

from approval_workflow.exceptions import InvalidFormData
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow
from django_workflow_engine.conf import settings as engine_settings
from django_workflow_engine.exceptions import WorkflowMisconfigured
from django_workflow_engine.models import Pipeline, WorkFlow, WorkflowAction, WorkflowAttachment
from django_workflow_engine.serializers import WorkFlowSerializer
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_current_stage,
)
from purchasing.models import DynamicForm
from tests.factories import (
    DepartmentFactory,
    PurchaseRequestFactory,
    UserFactory,
    by_role,
    by_user,
    make_workflow,
)
from tests.testapp.models import PlainRole, Questionnaire

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


def test_names_of_app_and_distribution():  # D-1
    assert apps.get_app_config("django_workflow_engine").name == "django_workflow_engine"
    installed = django_settings.INSTALLED_APPS
    assert installed.index("approval_workflow") < installed.index("django_workflow_engine")
    project = ROOT / "packages/django_workflow_engine/pyproject.toml"
    name = tomllib.loads(project.read_text("utf-8"))["project"]["name"]
    assert name == "django-dynamic-workflows"
    assert version(name)


def test_what_the_distribution_depends_on():  # D-2, L11
    parsed = map(Requirement, requires_of_the_engine())
    needed = {each.name.lower(): each.specifier for each in parsed}
    assert Version("5.2") in needed["django"]
    assert Version("3.2") not in needed["django"]
    assert Version("2.0.0") in needed["django-approval-workflow"]
    assert Version("0.7.9") not in needed["django-approval-workflow"]


def requires_of_the_engine():
    return [each for each in requires("django-dynamic-workflows") or () if "extra ==" not in each]


@pytest.mark.parametrize(
    ("handlers", "stage"),
    [(["django_workflow_engine.handlers.WorkflowApprovalHandler"], "Stage 1.2"), ([], "Stage 1.1")],
)
def test_the_engines_handler_moves_objects_on(settings, handlers, stage):  # D-3
    settings.APPROVAL_HANDLERS = handlers
    user, request = UserFactory.create(), PurchaseRequestFactory.create()
    attach_workflow_to_object(request, make_workflow([[by_user(user), by_user(user)]]))
    advance_flow(request, "approved", user)
    assert get_current_stage(request).name_en == stage


class TestDepartmentModel:
    """D-4."""

    def test_pipelines_point_at_objects_of_the_model(self):
        department = DepartmentFactory.create()
        pipelines = [{"name_en": "Finance", "department_id": department.pk}]
        WorkFlowSerializer(data={"name_en": "Purchase", "pipelines": pipelines}).save()
        assert Pipeline.objects.get().department == department

    def test_it_is_optional(self, settings):
        settings.DJANGO_WORKFLOW_ENGINE = {}
        assert engine_settings.department_model is None
        created = WorkFlowSerializer(data={"name_en": "A", "pipelines": [{"name_en": "B"}]}).save()
        assert created.pipelines.get().department is None

    def test_another_model_can_be_named(self, settings):
        settings.DJANGO_WORKFLOW_ENGINE = {"DEPARTMENT_MODEL": "auth.Group"}
        group = Group.objects.create(name="Finance")
        pipelines = [{"name_en": "Finance", "department_id": group.pk}]
        WorkFlowSerializer(data={"name_en": "Purchase", "pipelines": pipelines}).save()
        assert Pipeline.objects.get().department == group

    def test_what_is_no_model_is_told(self, settings):
        settings.DJANGO_WORKFLOW_ENGINE = {"DEPARTMENT_MODEL": "shop.Department"}
        with pytest.raises(WorkflowMisconfigured, match="DEPARTMENT_MODEL"):
            engine_settings.department_model  # noqa: B018


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("MODEL_WORKFLOW_MAPPINGS", ["crm.Opportunity"], "model_workflow_mappings"),
        ("MODEL_WORKFLOW_MAPPINGS", {"crm.Opportunity": "slug"}, "model_workflow_mappings"),
        ("AUTO_START_WORKFLOWS", "slug", "auto_start_workflows"),
        ("AUTO_START_WORKFLOWS", {"crm.Opportunity": {}}, "auto_start_workflows"),
    ],
)
def test_what_is_malformed_is_an_error_that_names_the_key(settings, key, value, name):
    settings.DJANGO_WORKFLOW_ENGINE = {key: value}
    with pytest.raises(ImproperlyConfigured, match=key):
        getattr(engine_settings, name)


def test_roles_can_be_groups(settings):  # D-11
    settings.APPROVAL_ROLE_MODEL = "auth.Group"
    user, group = UserFactory.create(), Group.objects.create(name="Managers")
    user.groups.add(group)
    assert asked_in(by_role(group)) == [user]


def test_roles_can_be_of_a_plain_model(settings):  # D-12
    settings.APPROVAL_ROLE_MODEL = "testapp.PlainRole"
    user, role = UserFactory.create(), PlainRole.objects.create(name="Managers")
    role.users.add(user)
    assert list(user.approval_roles.all()) == [role]
    assert asked_in(by_role(role)) == [user]


def test_forms_with_a_form_schema(settings):  # D-13, K8
    settings.APPROVAL_DYNAMIC_FORM_MODEL = "testapp.Questionnaire"
    settings.APPROVAL_FORM_SCHEMA_FIELD = "form_schema"
    form = Questionnaire.objects.create(form_schema={"required": ["note"]})
    user = UserFactory.create()
    asked_in(by_user(user, required_form=form.pk))
    step = ApprovalInstance.objects.current().get()
    with pytest.raises(ValueError, match="note"):
        advance_flow(step, "approved", user, form_data={})
    assert advance_flow(step, "approved", user, form_data={"note": "fine"}) is None


def test_forms_as_printed_need_no_name_of_a_field(settings):  # D-13
    settings.APPROVAL_DYNAMIC_FORM_MODEL = "purchasing.DynamicForm"
    schema = {"required": ["note"]}
    form = DynamicForm.objects.create(name="Review", description="Why", form_schema=schema)
    user = UserFactory.create()
    asked_in(by_user(user, required_form=form.pk))
    step = ApprovalInstance.objects.current().get()
    with pytest.raises(InvalidFormData, match="note"):
        advance_flow(step, "approved", user, form_data={})


def asked_in(approval):
    """Who is asked in a workflow with this approval."""
    attach_workflow_to_object(PurchaseRequestFactory.create(), make_workflow([[approval]]))
    return [step.assigned_to for step in ApprovalInstance.objects.current()]


def test_migrations_need_no_setting(settings):  # D-14
    settings.DJANGO_WORKFLOW_ENGINE = {}
    settings.APPROVAL_ROLE_MODEL = settings.APPROVAL_DYNAMIC_FORM_MODEL = None
    call_command("migrate", "django_workflow_engine", verbosity=0)
    call_command("makemigrations", "django_workflow_engine", check=True, dry_run=True, verbosity=0)


class TestTopLevel:
    """D-15."""

    def test_defaults(self):
        assert engine_settings.auto_create_actions is True
        assert engine_settings.disable_emails is False
        assert engine_settings.send_email_function is None
        assert engine_settings.auto_cleanup_completed is False

    @pytest.mark.parametrize(("value", "number"), [(True, 5), (False, 0)])
    def test_default_actions_are_made_or_not(self, settings, value, number):
        settings.WORKFLOW_AUTO_CREATE_ACTIONS = value
        workflow = WorkFlow.objects.create(name_en="Purchase")
        assert WorkflowAction.objects.filter(workflow=workflow, is_default=True).count() == number

    @pytest.mark.parametrize(("disabled", "sent"), [(False, 1), (True, 0)])
    def test_e_mails_go_out_or_not(
        self, settings, django_capture_on_commit_callbacks, disabled, sent
    ):
        settings.WORKFLOW_DISABLE_EMAILS = disabled
        decide(django_capture_on_commit_callbacks)
        assert len(mail.outbox) == sent

    def test_a_function_of_the_project_sends_them(
        self, settings, django_capture_on_commit_callbacks, monkeypatch
    ):
        seen = []
        monkeypatch.setattr(
            "tests.testapp.mailing.send_email",
            lambda name, email, subject, context, user=None: seen.append(email),
            raising=False,
        )
        settings.WORKFLOW_SEND_EMAIL_FUNCTION = "tests.testapp.mailing.send_email"
        decide(django_capture_on_commit_callbacks)
        assert len(seen) == 1
        assert mail.outbox == []

    @pytest.mark.parametrize(("value", "left"), [(False, 1), (True, 0)])
    def test_ended_workflows_are_deleted_or_not(
        self, settings, django_capture_on_commit_callbacks, value, left
    ):
        settings.WORKFLOW_AUTO_CLEANUP_COMPLETED = value
        decide(django_capture_on_commit_callbacks)
        assert WorkflowAttachment.objects.count() == left


def decide(commit):
    """Approve a request whose only stage asks one person; its creator gets an e-mail."""
    user = UserFactory.create()
    request = PurchaseRequestFactory.create()
    with commit(execute=True):
        attach_workflow_to_object(request, make_workflow([[by_user(user)]]))
        act_on_object(request, "approved", user)
