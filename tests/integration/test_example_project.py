"""The printed purchase example, steps 1 to 7, on the models of the example project.

Everything goes through what the example prints: serializers with `result["id"]`, actions in upper
and lower case, `stages.get(order=1)`, `purchase_request.workflow`, the helpers of step 7.
"""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from approval_workflow.choices import ApprovalStatus, RoleSelectionStrategy
from approval_workflow.models import ApprovalInstance
from demo.seeding.forms import BUDGET_APPROVAL, FINAL_APPROVAL, INITIAL_REVIEW, seed_forms
from demo.seeding.people import seed_people
from demo.seeding.tally import Tally
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.models import WorkFlow, WorkflowAttachment, WorkflowConfiguration
from django_workflow_engine.serializers import (
    StageSerializer,
    WorkflowApprovalSerializer,
    WorkFlowSerializer,
)
from django_workflow_engine.services import (
    attach_workflow_to_object,
    get_current_stage,
    get_workflow_attachment,
    get_workflow_progress,
    register_model_for_workflow,
)
from purchasing.models import Department, DynamicForm, PurchaseRequest, Role, User
from tests.integration.example_site import PURCHASE, person, request_of, use_example

pytestmark = pytest.mark.django_db

REVIEW_FORM = {
    "reviewer_comment": "Initial review passed - budget code verified",
    "budget_code": "BDG-2024-001",
}
BUDGET_FORM = {
    "budget_manager_comment": "Budget approved - sufficient funds available",
    "allocated_budget": "50000.00",
}
SIGN_OFF_FORM = {
    "cfo_comment": "Financially approved - ready for executive review",
    "finance_ref": "FIN-2024-PR-001",
}
EXECUTIVES = ("layla", "omar", "grace")


@pytest.fixture(autouse=True)
def example(settings: Any, tmp_path: Path) -> None:
    """The example's people, forms and settings; the template is made by each test's steps."""
    use_example(settings, tmp_path)
    settings.DJANGO_WORKFLOW_ENGINE |= {
        "MODEL_WORKFLOW_MAPPINGS": {PURCHASE: ["purchase-request-approval"]},
        "AUTO_START_WORKFLOWS": {},
    }
    tally = Tally()
    seed_people(tally)
    seed_forms(tally)


@pytest.fixture
def template() -> WorkFlow:
    _register()
    workflow = _create_template()
    _configure_stages(workflow)
    return workflow


def _register() -> None:
    """Step 2."""
    register_model_for_workflow(PurchaseRequest, auto_start=True, status_field="workflow_status")


def _create_template() -> WorkFlow:
    """Step 3, first half: pipelines with stages that are made by number."""
    company = person("acme")
    data = {
        "name_en": "Purchase Request Approval",
        "name_ar": "موافقة طلب الشراء",
        "company": company.pk,
        "is_active": True,
        "pipelines": [
            {
                "name_en": "Finance Review",
                "name_ar": "مراجعة مالية",
                "department_id": Department.objects.get(name="Finance").pk,
                "order": 1,
                "number_of_stages": 3,
            },
            {
                "name_en": "Executive Approval",
                "name_ar": "موافقة تنفيذية",
                "department_id": Department.objects.get(name="Management").pk,
                "order": 2,
                "number_of_stages": 1,
            },
        ],
    }
    context = {"request": request_of(person("admin")), "company_user": company}
    serializer = WorkFlowSerializer(data=data, context=context)
    assert serializer.is_valid(), serializer.errors
    result = serializer.save()
    return WorkFlow.objects.get(id=result["id"])


def _configure_stages(workflow: WorkFlow) -> None:
    """Step 3, second half: each stage by its number."""
    finance = workflow.pipelines.get(name_en="Finance Review")
    executive = workflow.pipelines.get(name_en="Executive Approval")
    _configure(
        finance.stages.get(order=1),
        ("Initial Review", "المراجعة الأولية", "#3498db"),
        _role("Finance Reviewer", RoleSelectionStrategy.ROUND_ROBIN, INITIAL_REVIEW),
    )
    _configure(
        finance.stages.get(order=2),
        ("Budget Approval", "موافقة الميزانية", "#f39c12"),
        _role("Budget Manager", RoleSelectionStrategy.ANYONE, BUDGET_APPROVAL),
    )
    _configure(
        finance.stages.get(order=3),
        ("Final Finance Sign-off", "الموافقة المالية النهائية", "#27ae60"),
        {
            "approval_type": ApprovalTypes.USER,
            "approval_user": person("faisal").pk,
            "required_form": DynamicForm.objects.get(name=FINAL_APPROVAL).pk,
        },
    )
    _configure(
        executive.stages.get(order=1),
        ("Executive Approval", "موافقة تنفيذية", "#8e44ad"),
        _role("Executive", RoleSelectionStrategy.CONSENSUS),
    )


def _role(name: str, strategy: RoleSelectionStrategy, form: str = "") -> dict[str, Any]:
    approval = {
        "approval_type": ApprovalTypes.ROLE,
        "user_role": Role.objects.get(name=name).pk,
        "role_selection_strategy": strategy,
    }
    if form:
        approval["required_form"] = DynamicForm.objects.get(name=form).pk
    return approval


def _configure(stage: Any, names: tuple[str, str, str], approval: dict[str, Any]) -> None:
    name_en, name_ar, color = names
    data = {
        "name_en": name_en,
        "name_ar": name_ar,
        "pipeline_id": stage.pipeline.id,
        "stage_info": {"color": color, "approvals": [approval]},
    }
    serializer = StageSerializer(stage, data=data, partial=True)
    assert serializer.is_valid(), serializer.errors
    serializer.save()


def _create_request(template: WorkFlow) -> PurchaseRequest:
    """Step 4."""
    hana = person("hana")
    request = PurchaseRequest.objects.create(
        title="Laptops", amount="50000.00", description="For the new team", requester=hana
    )
    attach_workflow_to_object(
        obj=request,
        workflow=template,
        user=hana,
        auto_start=True,
        metadata={"amount": 50000.0, "priority": "normal", "department": "finance"},
    )
    return request


def _act(request: PurchaseRequest, user: User, **data: Any) -> PurchaseRequest:
    """Steps 5 and 6: one decision; returns the request as the database has it then."""
    serializer = WorkflowApprovalSerializer(
        instance=request, data=data, context={"request": request_of(user)}
    )
    assert serializer.is_valid(), serializer.errors
    serializer.save()
    return PurchaseRequest.objects.get(id=request.id)


def _reviewer(request: PurchaseRequest) -> User:
    """Whose turn it is among the reviewers."""
    reviewers = User.objects.filter(role__name="Finance Reviewer")
    return next(user for user in reviewers if _requires_action(request, user))


def _to_budget(request: PurchaseRequest) -> PurchaseRequest:
    return _act(request, _reviewer(request), action="APPROVED", form_data=REVIEW_FORM)


def _requires_action(request: PurchaseRequest, user: User) -> bool:
    """Step 7, second half."""
    return ApprovalInstance.objects.filter(
        assigned_to=user,
        status=ApprovalStatus.CURRENT,
        flow__content_type=ContentType.objects.get_for_model(PurchaseRequest),
        flow__object_id=str(request.id),
    ).exists()


def _status(request: PurchaseRequest) -> dict[str, Any]:
    """Step 7, first half."""
    attachment = get_workflow_attachment(request)
    progress = get_workflow_progress(attachment.workflow, request)
    stage, pipeline = attachment.current_stage, attachment.current_pipeline
    return {
        "current_stage": stage.name_en if stage else None,
        "current_pipeline": pipeline.name_en if pipeline else None,
        "progress_percentage": progress["progress_percentage"],
        "status": progress["status"],
        "next_stage": attachment.next_stage.name_en if attachment.next_stage else "Complete",
        "started_by": attachment.started_by.username,
        "metadata": attachment.metadata,
        "workflow_name": attachment.workflow.name_en,
    }


def test_step_2_registers_the_model() -> None:
    """D-28, D-29"""
    _register()

    content_type = ContentType.objects.get_for_model(PurchaseRequest)
    configuration = WorkflowConfiguration.objects.get(content_type=content_type)
    assert configuration.status_field == "workflow_status"
    assert configuration.auto_start
    assert configuration.stage_field == ""


def test_step_3_makes_pipelines_and_numbered_stages(template: WorkFlow) -> None:
    """D-51 to D-53, D-56, D-57"""
    found = {
        pipeline.name_en: list(pipeline.stages.values_list("order", "name_en", "name_ar"))
        for pipeline in template.pipelines.order_by("order")
    }

    assert found == {
        "Finance Review": [
            (1, "Initial Review", "المراجعة الأولية"),
            (2, "Budget Approval", "موافقة الميزانية"),
            (3, "Final Finance Sign-off", "الموافقة المالية النهائية"),
        ],
        "Executive Approval": [(1, "Executive Approval", "موافقة تنفيذية")],
    }
    departments = [pipeline.department.name for pipeline in template.pipelines.order_by("order")]
    assert departments == ["Finance", "Management"]


def test_step_4_stands_at_the_first_stage(template: WorkFlow) -> None:
    """D-30, D-31"""
    request = _create_request(template)

    assert _status(request) == {
        "current_stage": "Initial Review",
        "current_pipeline": "Finance Review",
        "progress_percentage": 0,
        "status": "in_progress",
        "next_stage": "Budget Approval",
        "started_by": "hana",
        "metadata": {"amount": 50000.0, "priority": "normal", "department": "finance"},
        "workflow_name": "Purchase Request Approval (Copy)",
    }


def test_step_5_goes_all_the_way(template: WorkFlow) -> None:
    """D-59 to D-62, D-66"""
    request = _create_request(template)
    stages = [get_current_stage(request).name_en]
    for user, form_data in (
        (_reviewer(request), REVIEW_FORM),
        (person("maria"), BUDGET_FORM),
        (person("faisal"), SIGN_OFF_FORM),
    ):
        request = _act(request, user, action="APPROVED", form_data=form_data)
        stages.append(get_current_stage(request).name_en)
    for username in EXECUTIVES:
        request = _act(request, person(username), action="approved")

    assert stages == [
        "Initial Review",
        "Budget Approval",
        "Final Finance Sign-off",
        "Executive Approval",
    ]
    status = _status(request)
    assert (status["status"], status["progress_percentage"]) == ("completed", 100)
    assert (status["current_stage"], status["next_stage"]) == (None, "Complete")
    kept = ApprovalInstance.objects.filter(status=ApprovalStatus.APPROVED).exclude(form_data=None)
    assert [step.form_data for step in kept.order_by("pk")] == [
        REVIEW_FORM,
        BUDGET_FORM,
        SIGN_OFF_FORM,
    ]


def test_step_5_waits_for_the_last_executive(template: WorkFlow) -> None:
    """D-58, D-71"""
    request = _to_budget(_create_request(template))
    request = _act(request, person("yusuf"), action="APPROVED", form_data=BUDGET_FORM)
    request = _act(request, person("faisal"), action="APPROVED", form_data=SIGN_OFF_FORM)

    for username in EXECUTIVES[:2]:
        request = _act(request, person(username), action="APPROVED")

    assert _status(request)["current_stage"] == "Executive Approval"
    assert _status(request)["status"] == "in_progress"
    waiting = [name for name in EXECUTIVES if _requires_action(request, person(name))]
    assert waiting == ["grace"]


def test_step_6_rejects(template: WorkFlow) -> None:
    """D-67"""
    request = _to_budget(_create_request(template))
    reason = "Insufficient budget allocation for this quarter"

    request = _act(request, person("maria"), action="REJECTED", reason=reason)

    assert _status(request)["status"] == "rejected"
    rejected = ApprovalInstance.objects.get(status=ApprovalStatus.REJECTED)
    assert (rejected.comment, rejected.action_user) == (reason, person("maria"))


def test_step_6_sends_back_to_a_stage_of_the_running_workflow(template: WorkFlow) -> None:
    """D-65, D-68"""
    request = _to_budget(_create_request(template))
    stage = request.workflow.pipelines.get(name_en="Finance Review").stages.get(order=1)

    request = _act(
        request,
        person("maria"),
        action="NEEDS_RESUBMISSION",
        stage_id=stage.id,
        reason="Please provide additional cost breakdown details",
    )

    assert request.workflow.cloned_from == template
    assert _status(request)["current_stage"] == "Initial Review"
    assert _reviewer(request).role.name == "Finance Reviewer"


def test_step_6_sends_back_to_a_stage_of_the_template(template: WorkFlow) -> None:
    """D-64"""
    request = _to_budget(_create_request(template))
    stage = template.pipelines.get(name_en="Finance Review").stages.get(order=1)

    request = _act(
        request, person("maria"), action="NEEDS_RESUBMISSION", stage_id=stage.id, reason="Details"
    )

    current = get_current_stage(request)
    assert current.name_en == "Initial Review"
    assert current.cloned_from == stage


def test_step_6_delegates(template: WorkFlow) -> None:
    """D-69"""
    request = _to_budget(_create_request(template))
    salma = person("salma")

    request = _act(
        request,
        person("maria"),
        action="DELEGATED",
        user_id=salma.id,
        reason="Amount exceeds my approval limit",
    )

    assert _requires_action(request, salma)
    assert not _requires_action(request, person("maria"))
    request = _act(request, salma, action="APPROVED", form_data=BUDGET_FORM)
    assert _status(request)["current_stage"] == "Final Finance Sign-off"


def test_step_7_tells_who_must_act(template: WorkFlow) -> None:
    """D-76"""
    request = _to_budget(_create_request(template))

    waiting = {user.username for user in User.objects.all() if _requires_action(request, user)}

    assert waiting == {"maria", "yusuf"}


@pytest.mark.django_db(transaction=True)
def test_a_registered_model_starts_by_itself_and_attaching_again_adds_metadata(
    template: WorkFlow,
) -> None:
    """D-9, L5: step 2 says auto_start=True, and step 4 attaches nevertheless."""
    request = _create_request(template)

    attachment = WorkflowAttachment.objects.get()
    assert attachment.target == request
    assert attachment.metadata["priority"] == "normal"
    assert attachment.status == "in_progress"
