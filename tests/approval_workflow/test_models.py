"""What the database itself guards, and what the app ships."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import ProtectedError

import approval_workflow
from approval_workflow.choices import (
    ApprovalStatus,
    ApprovalType,
    FlowStatus,
    RoleSelectionStrategy,
)
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, start_flow
from tests.approval_workflow.flows import make_document, make_flow, the_current
from tests.testapp.models import SlugDocument


def test_app_and_distribution_have_the_printed_names():
    """S0-1"""
    assert apps.get_app_config("approval_workflow").name == "approval_workflow"
    assert distribution("django-approval-workflow").metadata["Name"] == "django-approval-workflow"


def test_core_imports_neither_mptt_nor_rest_framework_but_in_its_api():
    """S0-2, K7: both are optional."""
    package = Path(approval_workflow.__file__).parent
    optional = re.compile(r"^\s*(from|import) (mptt|rest_framework)\b", re.MULTILINE)
    modules = [path for path in package.rglob("*.py") if "api" not in path.parts]
    assert len(modules) > 50
    assert [path.name for path in modules if optional.search(path.read_text())] == []


def test_licence_is_mit():
    """S0-59"""
    core = distribution("django-approval-workflow")
    assert core.metadata["License-Expression"] == "MIT"
    assert (core.read_text("licenses/LICENSE") or "").startswith("MIT License")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PENDING", "pending"),
        ("CURRENT", "current"),
        ("APPROVED", "approved"),
        ("REJECTED", "rejected"),
        ("NEEDS_RESUBMISSION", "resubmission"),
        ("CANCELLED", "cancelled"),
        ("COMPLETED", "completed"),
        ("DELEGATED", "delegated"),
    ],
)
def test_statuses_have_the_printed_names(name, value):
    """S0-17, K2"""
    assert ApprovalStatus[name] == value


def test_choices_that_others_import_are_there():
    """D-121"""
    assert set(ApprovalType.values) == {"approve", "submit", "check_in_verify", "move"}
    assert {"anyone", "consensus", "round_robin"} <= set(RoleSelectionStrategy.values)
    assert set(FlowStatus.values) == {
        "in_progress",
        "on_hold",
        "completed",
        "rejected",
        "cancelled",
    }


def test_migrations_depend_on_nothing_of_the_project_but_its_users():
    """S0-6: optional role and form models are no dependencies."""
    migrations = {
        name: migration
        for (label, name), migration in MigrationLoader(None).disk_migrations.items()
        if label == "approval_workflow"
    }
    assert "0001_suite" in migrations
    needed = [other for migration in migrations.values() for other in migration.dependencies]
    of_projects = [
        other for other in needed if other[0] not in {"contenttypes", "approval_workflow"}
    ]
    assert {getattr(other, "setting", other) for other in of_projects} == {settings.AUTH_USER_MODEL}


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", "approval_workflow", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("approval_inst_flow_status", ["flow_id", "status", "step_number"]),
        ("approval_inst_person_status", ["assigned_to_id", "status"]),
        (
            "approval_inst_role_status",
            ["assigned_role_content_type_id", "assigned_role_object_id", "status"],
        ),
    ],
)
def test_core_step_table_has_the_three_indexes_for_its_queries(name, columns):
    """S0-48, K12"""
    with connection.cursor() as cursor:
        table = ApprovalInstance._meta.db_table
        stored = connection.introspection.get_constraints(cursor, table)
    assert (stored[name]["index"], stored[name]["columns"]) == (True, columns)


# What the database refuses, whoever writes


def refuses(write):
    with pytest.raises(IntegrityError), transaction.atomic():
        write()


@pytest.mark.django_db
def test_step_needs_a_flow(ann):
    """S0-16, K11: integrity wins."""
    refuses(lambda: ApprovalInstance.objects.create(assigned_to=ann, step_number=1))


@pytest.mark.django_db
def test_step_needs_somebody(ann):
    flow = make_flow(ann)
    refuses(lambda: ApprovalInstance.objects.create(flow=flow, step_number=2))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "is_open"), [("in_progress", None), ("completed", True), ("cancelled", True)]
)
def test_flow_is_open_exactly_while_it_is_in_progress(ann, status, is_open):
    flow = make_flow(ann)
    flows = ApprovalFlow.objects.filter(pk=flow.pk)
    refuses(lambda: flows.update(status=status, is_open=is_open))


@pytest.mark.django_db
def test_person_has_one_current_row_in_a_step(ann):
    """S0-49, K6

    MariaDB has no partial indexes; there the lock of the flow and the services see to it.
    """
    twin = the_current(make_flow(ann))
    twin.pk = None
    if connection.features.supports_partial_indexes:
        refuses(lambda: twin.save(force_insert=True))
    else:
        twin.save(force_insert=True)
        assert connection.vendor == "mysql"


@pytest.mark.django_db
def test_person_may_have_one_current_row_on_each_track(ann):
    flow = make_flow(
        {"step": 1, "assigned_to": ann, "parallel_group": "a"},
        {"step": 1, "assigned_to": ann, "parallel_group": "b"},
    )
    assert flow.instances.current().count() == 2


@pytest.mark.django_db
def test_ended_flows_do_not_collide(ann):
    document = make_document()
    for _flow in range(3):
        start_flow(document, [{"assigned_to": ann}])
        advance_flow(document, "approved", ann)
    assert ApprovalFlow.objects.for_object(document).filter(is_open=None).count() == 3


@pytest.mark.django_db
def test_person_who_is_asked_cannot_be_deleted(ann):
    make_flow(ann)
    with pytest.raises(ProtectedError):
        ann.delete()


# What models say of themselves


@pytest.mark.django_db
def test_flow_and_step_name_themselves(ann):
    flow = make_flow(ann)
    assert str(flow) == f"Testapp | document {flow.object_id}: In progress"
    assert str(the_current(flow)) == "1: Current"
    assert str(flow.events.in_order().first()) == "1. Started"


@pytest.mark.django_db
def test_flow_of_an_object_with_a_long_text_key(ann):
    obj = SlugDocument.objects.create(slug="x" * 100)
    assert start_flow(obj, [{"assigned_to": ann}]).target == obj


@pytest.mark.django_db
def test_delegated_to_is_nobody_for_a_row_that_was_not_handed_on(ann):
    assert the_current(make_flow(ann)).delegated_to is None
