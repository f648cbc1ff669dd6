"""Permissions that a template asks for: they exist with it, and hold at every door (V-4, V-7)."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from approval_workflow.exceptions import ApprovalPermissionDenied
from approval_workflow.inbox import waiting_for
from approval_workflow.models import ApprovalInstance
from approval_workflow.permissions import can_act
from django_workflow_engine.exceptions import WorkflowPermissionDenied
from django_workflow_engine.models import (
    Stage,
    WorkFlow,
    WorkflowAttachment,
    WorkflowPermission,
)
from django_workflow_engine.serializers import WorkFlowSerializer
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_workflow_attachment,
    start_workflow_for_object,
    update_stage_status,
)
from tests.django_workflow_engine.admin_pages import Page, address_of, superuser_client
from tests.django_workflow_engine.api.calls import grant, post
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow
from tests.factories.workflows import asking, make_flat_workflow, make_staged

pytestmark = pytest.mark.django_db

STATUSES = [{"name": "Open", "default": True}, {"name": "Signed", "completes": True}]


@pytest.fixture
def ann() -> Any:
    return UserFactory.create(username="ann")


@pytest.fixture
def workflow(ann: Any) -> WorkFlow:
    """Two stages, both for Ann, with permissions of their own."""
    made = make_staged({"check": asking(by_user(ann)), "decide": asking(by_user(ann))})
    made.name_en, made.slug, made.creates_permissions = "Purchases", "purchases", True
    made.save()
    return made


@pytest.fixture
def run(workflow: WorkFlow) -> WorkflowAttachment:
    return attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)


def names() -> list[str]:
    rows = Permission.objects.filter(workflowpermission__isnull=False)
    return sorted(rows.values_list("codename", flat=True))


def step_of(run: WorkflowAttachment) -> ApprovalInstance:
    return ApprovalInstance.objects.for_object(run.target).current().get()


# V-7
def test_permissions_exist_where_they_are_asked_for(workflow: WorkFlow) -> None:
    make_workflow()
    assert names() == [
        "act:purchases",
        "act:purchases:check",
        "act:purchases:decide",
        "start:purchases",
        "view:purchases",
    ]
    made = Permission.objects.get(codename="act:purchases:check")
    assert (made.name, made.content_type.model) == ("Can decide in Purchases: Check", "workflow")


def test_permissions_are_renamed_with_slug_and_codes_and_keep_their_holders(
    workflow: WorkFlow, ann: Any
) -> None:
    ann = grant(ann, "act:purchases:check")
    check, decide = Stage.objects.filter(pipeline__workflow=workflow).order_by("order")
    check.code, decide.code = decide.code, check.code
    check.save()
    decide.save()
    workflow.slug = "orders"
    workflow.save()
    ann = type(ann).objects.get(pk=ann.pk)
    assert ann.has_perm("django_workflow_engine.act:orders:decide")
    assert not ann.has_perm("django_workflow_engine.act:orders:check")
    assert not any("purchases" in name for name in names())


def test_permissions_go_with_the_stage_and_with_the_template(workflow: WorkFlow) -> None:
    Stage.objects.get(code="decide").delete()
    assert "act:purchases:decide" not in names()
    workflow.delete()
    assert names() == []


def test_permissions_go_when_they_are_asked_for_no_more(workflow: WorkFlow) -> None:
    workflow.creates_permissions = False
    workflow.save()
    assert names() == []


def test_a_new_stage_has_its_permission_with_the_next_version(workflow: WorkFlow, ann: Any) -> None:
    pipeline = workflow.pipelines.get()
    stage = asking(by_user(ann))
    Stage.objects.create(pipeline=pipeline, name_en="Pay", code="pay", order=9, stage_info=stage)
    attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)
    assert "act:purchases:pay" in names()


def test_stages_written_with_the_template_have_theirs_at_once(ann: Any) -> None:
    stage = {"name_en": "Check", "stage_info": asking(by_user(ann))}
    data = {
        "name_en": "Orders",
        "creates_permissions": True,
        "pipelines": [{"name_en": "Finance", "stages": [stage]}],
    }
    WorkFlowSerializer(data=data).save()
    assert "act:orders:check" in names()


def test_stages_written_in_the_admin_have_theirs_at_once(workflow: WorkFlow) -> None:
    address = address_of(WorkFlow, "change", workflow.pk)
    page = Page(superuser_client(), address, "workflow_form")
    assert page.data["creates_permissions"] == ["on"]
    page.row("pipelines-0-stages-0", code="verify").send()
    assert "act:purchases:verify" in names()
    page = Page(superuser_client(), address, "workflow_form")
    del page.data["creates_permissions"]
    page.send()
    assert names() == []


def test_names_too_long_are_cut_and_told_apart(ann: Any) -> None:
    for end in "ab":
        slug = "x" * 120 + end
        make_staged({"check": asking(by_user(ann))}, slug=slug, creates_permissions=True).save()
    assert len(set(names())) == 8
    assert {len(name) for name in names()} == {100}


# V-4
def test_starting_takes_the_permission(workflow: WorkFlow) -> None:
    clerk, obj = UserFactory.create(), PurchaseRequestFactory.create()
    with pytest.raises(WorkflowPermissionDenied):
        attach_workflow_to_object(obj, workflow, clerk)
    waiting = attach_workflow_to_object(obj, workflow, auto_start=False)
    with pytest.raises(WorkflowPermissionDenied):
        start_workflow_for_object(obj, clerk)
    clerk = grant(clerk, "start:purchases")
    assert start_workflow_for_object(obj, clerk).pk == waiting.pk


@pytest.mark.parametrize("permission", ["act:purchases:check", "act:purchases"])
def test_deciding_takes_the_permission_at_every_door(
    permission: str, run: WorkflowAttachment, ann: Any
) -> None:
    step = step_of(run)
    refusal = can_act(step, ann)
    assert (refusal.allowed, refusal.code) == (False, "missing_permission")
    assert not waiting_for(ann).exists()
    with pytest.raises(ApprovalPermissionDenied):
        act_on_object(run.target, "approve", ann)
    assert post(ann, "attachment-act", run.pk, action="approved").status_code == 403
    ann = grant(ann, permission)
    assert can_act(step, ann)
    assert waiting_for(ann).get() == step
    assert post(ann, "attachment-act", run.pk, action="approved").status_code == 200


def test_the_permission_for_one_stage_is_none_for_another(
    run: WorkflowAttachment, ann: Any
) -> None:
    ann = grant(ann, "act:purchases:check")
    act_on_object(run.target, "approve", ann)
    assert not can_act(step_of(run), ann)
    assert not waiting_for(ann).exists()


def test_a_permission_of_a_group_counts_and_a_superuser_needs_none(
    run: WorkflowAttachment, ann: Any
) -> None:
    group = Group.objects.create(name="buyers")
    group.permissions.add(Permission.objects.get(codename="act:purchases:check"))
    ann.groups.add(group)
    assert can_act(step_of(run), ann)
    ann.groups.clear()
    ann.is_superuser = True
    ann.save()
    assert can_act(step_of(run), ann)
    assert waiting_for(ann).exists()


def test_running_objects_go_on_when_the_permissions_are_gone(
    run: WorkflowAttachment, ann: Any
) -> None:
    template = run.workflow.cloned_from
    template.creates_permissions = False
    template.save()
    assert can_act(step_of(run), ann)
    assert waiting_for(ann).exists()


def test_where_no_stage_asks_the_permission_for_the_whole_counts(ann: Any) -> None:
    flat = make_flat_workflow(by_user(ann), slug="flat", creates_permissions=True)
    run = attach_workflow_to_object(PurchaseRequestFactory.create(), flat)
    assert not can_act(step_of(run), ann)
    assert can_act(step_of(run), grant(ann, "act:flat"))


def test_a_status_takes_the_permission_of_its_stage(ann: Any) -> None:
    sign = {"kind": "status", "statuses": STATUSES}
    workflow = make_staged({"sign": sign}, slug="claims", creates_permissions=True)
    # Its stages have been written after it.
    workflow.save()
    obj = PurchaseRequestFactory.create()
    attach_workflow_to_object(obj, workflow)
    with pytest.raises(WorkflowPermissionDenied):
        update_stage_status(obj, "Signed", ann)
    run = get_workflow_attachment(obj)
    ann = grant(ann, "view_workflowattachment")
    assert post(ann, "attachment-status", run.pk, status="Signed").status_code == 403
    ann = grant(ann, "act:claims:sign")
    answer = post(ann, "attachment-status", run.pk, status="Signed")
    assert answer.json()["status"] == "completed"


def test_lists_show_what_the_permission_to_view_is_for(
    workflow: WorkFlow, run: WorkflowAttachment
) -> None:
    other = attach_workflow_to_object(PurchaseRequestFactory.create(), make_workflow())
    auditor = UserFactory.create()
    assert not WorkflowAttachment.objects.visible_to(auditor).exists()
    auditor = grant(auditor, "view:purchases")
    assert list(WorkflowAttachment.objects.visible_to(auditor)) == [run]
    assert list(WorkFlow.objects.templates().visible_to(auditor)) == [workflow]
    assert other.workflow not in WorkFlow.objects.visible_to(auditor)


def test_workflows_without_permissions_ask_nothing_more(ann: Any, statements: Any) -> None:
    run = attach_workflow_to_object(
        PurchaseRequestFactory.create(), make_workflow([[by_user(ann)]])
    )
    step = step_of(run)
    with statements() as seen:
        assert can_act(step, ann)
    assert not any("workflowpermission" in sql.lower() for sql in seen.sql)


def test_templates_without_permissions_make_none(ann: Any) -> None:
    make_workflow([[by_user(ann)]]).save()
    assert not WorkflowPermission.objects.exists()
