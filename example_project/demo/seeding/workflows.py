"""The workflow templates, made through the engine's serializers as a project would."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from approval_workflow.choices import RoleSelectionStrategy
from demo import roster
from demo.seeding import forms
from demo.seeding.tally import Tally
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.models import Pipeline, Stage, WorkFlow
from django_workflow_engine.serializers import StageSerializer, WorkFlowSerializer
from purchasing.models import Department, DynamicForm, Role, User

PURCHASE_APPROVAL = "purchase_approval"
SALES_PROCESS = "sales_process"
TICKET_RESOLUTION = "ticket_resolution"


def seed_workflows(tally: Tally) -> None:
    """Make the templates that are missing; an edited template stays as it was edited."""
    builders: dict[str, Callable[[], None]] = {
        PURCHASE_APPROVAL: _build_purchase_approval,
        SALES_PROCESS: _build_sales_process,
        TICKET_RESOLUTION: _build_ticket_resolution,
    }
    for slug, build in builders.items():
        missing = not WorkFlow.objects.filter(slug=slug).exists()
        if missing:
            build()
        tally.add("workflow templates", missing)


def _build_purchase_approval() -> None:
    workflow = _create_workflow(
        slug=PURCHASE_APPROVAL,
        name_en="Purchase Request Approval",
        name_ar="موافقة طلب الشراء",
        pipelines=[
            _pipeline("Finance Review", "مراجعة مالية", roster.FINANCE, order=1, stages=3),
            _pipeline("Executive Approval", "موافقة تنفيذية", roster.MANAGEMENT, order=2, stages=1),
        ],
    )
    finance = workflow.pipelines.get(name_en="Finance Review")
    executive = workflow.pipelines.get(name_en="Executive Approval")
    _configure_finance(finance)
    _configure_stage(
        executive.stages.get(order=1),
        name_en="Executive Approval",
        name_ar="موافقة تنفيذية",
        color="#8e44ad",
        approval=_by_role(roster.EXECUTIVE, RoleSelectionStrategy.CONSENSUS),
    )


def _configure_finance(finance: Pipeline) -> None:
    _configure_stage(
        finance.stages.get(order=1),
        name_en="Initial Review",
        name_ar="المراجعة الأولية",
        color="#3498db",
        approval=_by_role(roster.FINANCE_REVIEWER, RoleSelectionStrategy.ROUND_ROBIN)
        | _with_form(forms.INITIAL_REVIEW),
    )
    _configure_stage(
        finance.stages.get(order=2),
        name_en="Budget Approval",
        name_ar="موافقة الميزانية",
        color="#f39c12",
        approval=_by_role(roster.BUDGET_MANAGER, RoleSelectionStrategy.ANYONE)
        | _with_form(forms.BUDGET_APPROVAL),
    )
    _configure_stage(
        finance.stages.get(order=3),
        name_en="Final Finance Sign-off",
        name_ar="الموافقة المالية النهائية",
        color="#27ae60",
        approval=_by_person("faisal") | _with_form(forms.FINAL_APPROVAL),
    )


def _build_sales_process() -> None:
    workflow = _create_workflow(
        slug=SALES_PROCESS,
        name_en="Sales Process",
        name_ar="عملية البيع",
        pipelines=[_pipeline("Deal Review", "مراجعة الصفقة", roster.SALES, order=1, stages=2)],
    )
    review = workflow.pipelines.get(name_en="Deal Review")
    _configure_stage(
        review.stages.get(order=1),
        name_en="Qualification",
        name_ar="تأهيل الصفقة",
        color="#2980b9",
        approval=_by_role(roster.SALES_DIRECTOR, RoleSelectionStrategy.ANYONE),
    )
    _configure_stage(
        review.stages.get(order=2),
        name_en="Contract Review",
        name_ar="مراجعة العقد",
        color="#16a085",
        approval=_by_person("faisal"),
    )


def _build_ticket_resolution() -> None:
    workflow = _create_workflow(
        slug=TICKET_RESOLUTION,
        name_en="Ticket Resolution",
        name_ar="معالجة التذكرة",
        pipelines=[_pipeline("Resolution", "المعالجة", roster.SUPPORT, order=1, stages=2)],
    )
    resolution = workflow.pipelines.get(name_en="Resolution")
    _configure_stage(
        resolution.stages.get(order=1),
        name_en="Triage",
        name_ar="الفرز",
        color="#d35400",
        approval=_by_role(roster.SUPPORT_AGENT, RoleSelectionStrategy.ROUND_ROBIN),
    )
    _configure_stage(
        resolution.stages.get(order=2),
        name_en="Closing",
        name_ar="الإغلاق",
        color="#7f8c8d",
        approval=_by_role(roster.SUPPORT_LEAD, RoleSelectionStrategy.ANYONE),
    )


def _pipeline(
    name_en: str, name_ar: str, department: str, *, order: int, stages: int
) -> dict[str, Any]:
    return {
        "name_en": name_en,
        "name_ar": name_ar,
        "department_id": Department.objects.get(name=department).pk,
        "order": order,
        "number_of_stages": stages,
    }


def _create_workflow(
    *, slug: str, name_en: str, name_ar: str, pipelines: list[dict[str, Any]]
) -> WorkFlow:
    company = User.objects.get(username=roster.COMPANY_USERNAME)
    serializer = WorkFlowSerializer(
        data={
            "slug": slug,
            "name_en": name_en,
            "name_ar": name_ar,
            "company": company.pk,
            "is_active": True,
            "pipelines": pipelines,
        },
        context={"request": _request_of_admin(), "company_user": company},
    )
    serializer.is_valid(raise_exception=True)
    return WorkFlow.objects.get(pk=serializer.save()["id"])


def _request_of_admin() -> HttpRequest:
    request = HttpRequest()
    request.user = User.objects.get(username=roster.ADMIN_USERNAME)
    return request


def _configure_stage(
    stage: Stage, *, name_en: str, name_ar: str, color: str, approval: dict[str, Any]
) -> None:
    serializer = StageSerializer(
        stage,
        data={
            "name_en": name_en,
            "name_ar": name_ar,
            "pipeline_id": stage.pipeline_id,
            "stage_info": {"color": color, "approvals": [approval]},
        },
        partial=True,
    )
    serializer.is_valid(raise_exception=True)
    serializer.save()


def _by_role(role: str, strategy: RoleSelectionStrategy) -> dict[str, Any]:
    return {
        "approval_type": ApprovalTypes.ROLE,
        "user_role": Role.objects.get(name=role).pk,
        "role_selection_strategy": strategy,
    }


def _by_person(username: str) -> dict[str, Any]:
    return {
        "approval_type": ApprovalTypes.USER,
        "approval_user": User.objects.get(username=username).pk,
    }


def _with_form(name: str) -> dict[str, Any]:
    return {"required_form": DynamicForm.objects.get(name=name).pk}
