"""The e-mail actions that templates have by default (D-92, K15, L23)."""

import pytest
from django.core import serializers

from django_workflow_engine import action_handlers
from django_workflow_engine.actions import defaults
from django_workflow_engine.actions.defaults import HANDLERS
from django_workflow_engine.choices import ActionType
from django_workflow_engine.function_paths import load_function
from django_workflow_engine.models import WorkFlow, WorkflowAction
from django_workflow_engine.versions import current_snapshot

pytestmark = pytest.mark.django_db

EXPECTED = {
    ("after_approve", f"{HANDLERS}.send_approval_notification", ("creator",)),
    ("after_reject", f"{HANDLERS}.send_rejection_notification", ("creator",)),
    (
        "after_resubmission",
        f"{HANDLERS}.send_resubmission_notification",
        ("creator", "current_approver"),
    ),
    ("after_delegate", f"{HANDLERS}.send_delegation_notification", ("delegated_to", "creator")),
    ("after_move_stage", f"{HANDLERS}.send_stage_move_notification", ("creator",)),
}


def actions_of(workflow):
    return {
        (action.action_type, action.function_path, tuple(action.parameters["recipients"]))
        for action in WorkflowAction.objects.filter(workflow=workflow, is_default=True)
    }


WAYS = {
    "create": lambda: WorkFlow.objects.create(name_en="Leave"),
    "save": lambda: _saved(WorkFlow(name_en="Leave")),
    "get_or_create": lambda: WorkFlow.objects.get_or_create(name_en="Leave")[0],
    "update_or_create": lambda: WorkFlow.objects.update_or_create(name_en="Leave")[0],
    "bulk_create": lambda: WorkFlow.objects.bulk_create([WorkFlow(name_en="Leave")])[0],
}


def _saved(workflow):
    workflow.save()
    return workflow


@pytest.mark.parametrize("way", WAYS)
def test_new_template_gets_them_however_it_is_made(way):  # D-92
    assert actions_of(WAYS[way]()) == EXPECTED


def test_bulk_creation_that_passes_over_conflicts_gives_them_to_new_templates_only():
    old = WorkFlow.objects.create(name_en="Old", slug="old")
    WorkFlow.objects.bulk_create(
        [WorkFlow(name_en="Again", slug="old"), WorkFlow(name_en="New", slug="new")],
        ignore_conflicts=True,
    )
    assert WorkflowAction.objects.filter(workflow=old).count() == len(EXPECTED)
    assert actions_of(WorkFlow.objects.get(slug="new")) == EXPECTED


@pytest.mark.parametrize("size", [1, 10])
def test_they_are_made_in_one_statement_for_any_number_of_templates(statements, size):
    workflows = [WorkFlow(name_en=f"Leave {number}") for number in range(size)]
    with statements() as seen:
        WorkFlow.objects.bulk_create(workflows)
    inserts = [sql for sql in seen.sql if "workflowaction" in sql]
    assert len(inserts) == 1, str(seen)


def test_setting_switches_them_off(settings):  # D-92
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False
    WorkFlow.objects.create(name_en="Leave")
    WorkFlow.objects.bulk_create([WorkFlow(name_en="Contracts")])
    assert not WorkflowAction.objects.exists()


def test_saving_again_makes_no_more():
    workflow = WorkFlow.objects.create(name_en="Leave")
    workflow.name_en = "Holidays"
    workflow.save()
    assert WorkflowAction.objects.count() == len(EXPECTED)


def test_those_that_were_deleted_stay_deleted():
    workflow = WorkFlow.objects.create(name_en="Leave")
    WorkflowAction.objects.filter(workflow=workflow).delete()
    workflow.save()
    assert not WorkflowAction.objects.exists()


def test_fixtures_bring_their_own():
    workflow = WorkFlow.objects.create(name_en="Leave")
    text = serializers.serialize("json", [workflow, *WorkflowAction.objects.all()])
    WorkflowAction.objects.all().delete()
    workflow.delete()
    for item in serializers.deserialize("json", text):
        item.save()
    assert WorkFlow.objects.count() == 1
    assert WorkflowAction.objects.count() == len(EXPECTED)


def test_snapshot_has_copies_of_the_templates_and_no_others():
    workflow = WorkFlow.objects.create(name_en="Leave")
    WorkflowAction.objects.filter(action_type=ActionType.AFTER_REJECT).delete()
    snapshot = current_snapshot(workflow, using="default")
    assert actions_of(snapshot) == {row for row in EXPECTED if row[0] != "after_reject"}


def test_they_lead_to_functions_that_may_be_called():
    for _event, path, _recipients in EXPECTED:
        name = path.rpartition(".")[2]
        assert load_function(path) is getattr(action_handlers, name)


def test_recipients_of_a_default_cannot_be_changed_from_outside():
    defaults.default_recipients(ActionType.AFTER_APPROVE).append("mallory@example.org")
    assert defaults.default_recipients(ActionType.AFTER_APPROVE) == ["creator"]
