"""Decisions through the serializer. Covers D-59 to D-64, D-67 to D-69, K2, K26."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from rest_framework.exceptions import (
    APIException,
    NotAuthenticated,
    PermissionDenied,
    ValidationError,
)

from approval_workflow.choices import ApprovalStatus, RoleSelectionStrategy
from approval_workflow.models import ApprovalInstance
from django_workflow_engine.choices import ApprovalTypes, AttachmentStatus
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.serializers import (
    StageSerializer,
    WorkflowApprovalSerializer,
    WorkFlowSerializer,
)
from django_workflow_engine.services import (
    attach_workflow_to_object,
    get_workflow_attachment,
    get_workflow_progress,
)
from purchasing.models import PurchaseRequest, User
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    PurchaseRequestFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db


def serializer_for(obj: Any, user: Any, **data: Any) -> WorkflowApprovalSerializer:
    return WorkflowApprovalSerializer(
        instance=obj, data=data, context={"request": SimpleNamespace(user=user)}
    )


def decide(obj: Any, user: Any, **data: Any) -> WorkflowAttachment:
    serializer = serializer_for(obj, user, **data)
    assert serializer.is_valid(), serializer.errors
    return serializer.save()


@pytest.fixture
def ann() -> User:
    return UserFactory.create(username="ann")


@pytest.fixture
def bob() -> User:
    return UserFactory.create(username="bob")


@pytest.fixture
def template(ann: User, bob: User) -> WorkFlow:
    """Ann, then Bob; in the next pipeline Ann again."""
    return make_workflow([[by_user(ann), by_user(bob)], [by_user(ann)]])


@pytest.fixture
def request_(template: WorkFlow) -> PurchaseRequest:
    obj = PurchaseRequestFactory.create()
    attach_workflow_to_object(obj, template)
    return obj


class TestActions:
    @pytest.mark.parametrize("word", ["APPROVED", "approved", "approve", ApprovalStatus.APPROVED])
    def test_approval_moves_on(  # D-61, K2
        self, request_: PurchaseRequest, ann: User, word: str
    ) -> None:
        attachment = decide(request_, ann, action=word)
        assert attachment.current_stage.name_en == "Stage 1.2"
        assert attachment.pk == get_workflow_attachment(request_).pk

    @pytest.mark.parametrize("word", ["REJECTED", "rejected", "reject"])
    def test_rejection_ends_it_with_the_reason(  # D-60, D-61, D-67
        self, request_: PurchaseRequest, ann: User, word: str
    ) -> None:
        attachment = decide(request_, ann, action=word, reason="Too much")
        assert attachment.status == AttachmentStatus.REJECTED
        rejected = ApprovalInstance.objects.get(status=ApprovalStatus.REJECTED)
        assert (rejected.comment, rejected.action_user) == ("Too much", ann)

    @pytest.mark.parametrize("word", ["NEEDS_RESUBMISSION", "resubmission"])
    def test_resubmission_takes_a_stage_of_the_template(  # D-60, D-61, D-64, D-68, K26
        self, template: WorkFlow, request_: PurchaseRequest, ann: User, bob: User, word: str
    ) -> None:
        decide(request_, ann, action="approved")
        first = stages_of(template)[0]
        attachment = decide(request_, bob, action=word, stage_id=first.pk, reason="Details?")
        assert attachment.current_stage.cloned_from == first
        assert attachment.status == AttachmentStatus.IN_PROGRESS

    @pytest.mark.parametrize("word", ["DELEGATED", "delegate"])
    def test_delegation_hands_it_over(  # D-60, D-61, D-69
        self, request_: PurchaseRequest, ann: User, word: str
    ) -> None:
        carl = UserFactory.create()
        decide(request_, ann, action=word, user_id=carl.pk, reason="My limit")
        current = ApprovalInstance.objects.get(status=ApprovalStatus.CURRENT)
        assert (current.assigned_to, current.delegated_from.comment) == (carl, "My limit")

    def test_approval_needs_no_form_data_where_there_is_no_form(  # D-62
        self, request_: PurchaseRequest, ann: User
    ) -> None:
        assert decide(request_, ann, action="approved", form_data=None, reason=None)

    def test_saves_without_a_call_of_is_valid(  # D-63
        self, request_: PurchaseRequest, ann: User
    ) -> None:
        serializer_for(request_, ann, action="approved").save()
        assert get_workflow_attachment(request_).current_stage.name_en == "Stage 1.2"
        with pytest.raises(ValidationError):
            serializer_for(request_, ann).save()


class TestForms:
    @pytest.fixture
    def with_form(self, ann: User) -> PurchaseRequest:
        form = DynamicFormFactory.create()
        obj = PurchaseRequestFactory.create()
        attach_workflow_to_object(obj, make_workflow([[by_user(ann, required_form=form.pk)]]))
        return obj

    def test_data_is_kept(self, with_form: PurchaseRequest, ann: User) -> None:  # D-60, D-77
        attachment = decide(with_form, ann, action="approved", form_data={"note": "fine"})
        assert attachment.status == AttachmentStatus.COMPLETED
        assert ApprovalInstance.objects.get().form_data == {"note": "fine"}

    @pytest.mark.parametrize(
        ("form_data", "path"),
        [({"note": 5}, "note"), ({}, "note"), (None, "form_data"), (["x"], "form_data")],
    )
    def test_data_that_does_not_fit_is_told_by_path(  # D-77
        self, with_form: PurchaseRequest, ann: User, form_data: Any, path: str
    ) -> None:
        serializer = serializer_for(with_form, ann, action="approved", form_data=form_data)
        assert not serializer.is_valid()
        assert list(serializer.errors["form_data"]) == [path]
        assert serializer.errors["form_data"][path][0].code == "invalid_form_data"

    def test_data_of_somebody_who_holds_no_row_is_judged_when_saving(self) -> None:
        senior_role, form = make_role(), DynamicFormFactory.create()
        junior_role = make_role(parent=senior_role)
        obj = PurchaseRequestFactory.create()
        approval = by_role(junior_role, required_form=form.pk)
        attach_workflow_to_object(obj, make_workflow([[approval]]))
        serializer = serializer_for(
            obj, senior_role.users.get(), action="approved", form_data={"note": 5}
        )
        assert serializer.is_valid()
        with pytest.raises(ValidationError) as caught:
            serializer.save()
        assert caught.value.get_codes() == {"form_data": {"note": ["invalid_form_data"]}}
        assert get_workflow_attachment(obj).status == AttachmentStatus.IN_PROGRESS

    def test_first_act_of_check_in_and_verify_asks_for_none(self, ann: User) -> None:  # D-75
        form = DynamicFormFactory.create()
        obj = PurchaseRequestFactory.create()
        approval = by_user(ann, required_form=form.pk, step_approval_type="check_in_verify")
        attach_workflow_to_object(obj, make_workflow([[approval]]))
        decide(obj, ann, action="approved")
        assert not serializer_for(obj, ann, action="approved").is_valid()
        attachment = decide(obj, ann, action="approved", form_data={"note": "seen"})
        assert attachment.status == AttachmentStatus.COMPLETED


class TestErrors:
    def test_unknown_action(self, request_: PurchaseRequest, ann: User) -> None:
        serializer = serializer_for(request_, ann, action="applaud")
        assert not serializer.is_valid()
        assert serializer.errors["action"][0].code == "unknown_action"

    @pytest.mark.parametrize(
        ("data", "field", "code"),
        [
            ({"action": "resubmission", "stage_id": 0}, "stage_id", "unknown_stage"),
            ({"action": "delegated", "user_id": 0}, "user_id", "invalid_delegate"),
            ({"action": "delegated", "user_id": ["x"]}, "user_id", "invalid_delegate"),
            ({"action": "delegated"}, "user_id", "invalid_delegate"),
        ],
    )
    def test_come_at_their_field(
        self, request_: PurchaseRequest, ann: User, data: dict[str, Any], field: str, code: str
    ) -> None:
        with pytest.raises(ValidationError) as caught:
            serializer_for(request_, ann, **data).save()
        assert caught.value.get_codes() == {field: [code]}

    def test_resubmission_to_nowhere(self, request_: PurchaseRequest, ann: User) -> None:
        with pytest.raises(ValidationError) as caught:
            serializer_for(request_, ann, action="resubmission").save()
        assert "stage_id" in str(caught.value.detail)

    def test_somebody_else(self, request_: PurchaseRequest, bob: User) -> None:
        with pytest.raises(PermissionDenied) as caught:
            serializer_for(request_, bob, action="approved").save()
        assert caught.value.status_code == 403

    def test_nobody_signed_in(self, request_: PurchaseRequest) -> None:
        with pytest.raises(NotAuthenticated):
            serializer_for(request_, AnonymousUser(), action="approved").save()

    def test_object_without_a_workflow_is_a_conflict(self, ann: User) -> None:
        with pytest.raises(APIException) as caught:
            serializer_for(PurchaseRequestFactory.create(), ann, action="rejected").save()
        assert (caught.value.status_code, caught.value.get_codes()) == (409, "not_attached")

    def test_workflow_that_has_ended_is_a_conflict(
        self, request_: PurchaseRequest, ann: User
    ) -> None:
        decide(request_, ann, action="rejected")
        with pytest.raises(APIException) as caught:
            serializer_for(request_, ann, action="approved").save()
        assert caught.value.status_code == 409

    def test_wrong_setting_is_not_the_clients_fault(
        self, request_: PurchaseRequest, ann: User
    ) -> None:
        with (
            override_settings(APPROVAL_HANDLERS=["nowhere.Handler"]),
            pytest.raises(ImproperlyConfigured),
        ):
            serializer_for(request_, ann, action="approved").save()

    @pytest.mark.parametrize("kwargs", [{"context": {}}, {"instance": None}])
    def test_wrong_use_says_how_it_is_used(
        self, request_: PurchaseRequest, ann: User, kwargs: dict[str, Any]
    ) -> None:
        usual = {"instance": request_, "context": {"request": SimpleNamespace(user=ann)}}
        serializer = WorkflowApprovalSerializer(data={"action": "rejected"}, **{**usual, **kwargs})
        with pytest.raises(TypeError, match=r"WorkflowApprovalSerializer\("):
            serializer.save()


class Documented:
    """The names that the documented example uses, bound to rows of a test."""

    def __init__(self) -> None:
        self.company = UserFactory.create(username="company")
        self.requester = UserFactory.create(username="requester")
        self.cfo = UserFactory.create(username="cfo")
        self.senior = UserFactory.create(username="senior")
        self.reviewers = make_role(2)
        self.budget_managers = make_role(1)
        self.executives = make_role(2)
        self.finance, self.management = DepartmentFactory.create_batch(2)
        self.form = DynamicFormFactory.create(
            form_schema={"type": "object", "additionalProperties": {"type": "string"}}
        )
        self.template = self._build()
        self.purchase = PurchaseRequestFactory.create(requester=self.requester)
        attach_workflow_to_object(
            obj=self.purchase,
            workflow=self.template,
            user=self.requester,
            auto_start=True,
            metadata={"amount": 100.0, "priority": "normal", "department": "finance"},
        )

    def _build(self) -> WorkFlow:
        workflow_data = {
            "name_en": "Purchase Request Approval",
            "name_ar": "موافقة طلب الشراء",
            "company": self.company.pk,
            "is_active": True,
            "pipelines": [
                {
                    "name_en": "Finance Review",
                    "name_ar": "مراجعة مالية",
                    "department_id": self.finance.pk,
                    "order": 1,
                    "number_of_stages": 3,
                },
                {
                    "name_en": "Executive Approval",
                    "name_ar": "موافقة تنفيذية",
                    "department_id": self.management.pk,
                    "order": 2,
                    "number_of_stages": 1,
                },
            ],
        }
        context = {"request": SimpleNamespace(), "company_user": self.company}
        serializer = WorkFlowSerializer(data=workflow_data, context=context)
        assert serializer.is_valid(), serializer.errors
        result = serializer.save()
        workflow = WorkFlow.objects.get(id=result["id"])
        finance = workflow.pipelines.get(name_en="Finance Review")
        executive = workflow.pipelines.get(name_en="Executive Approval")
        self._configure(
            finance.stages.get(order=1),
            "Initial Review",
            {
                "approval_type": ApprovalTypes.ROLE,
                "user_role": self.reviewers.pk,
                "role_selection_strategy": RoleSelectionStrategy.ROUND_ROBIN,
                "required_form": self.form.pk,
            },
        )
        self._configure(
            finance.stages.get(order=2),
            "Budget Approval",
            {
                "approval_type": ApprovalTypes.ROLE,
                "user_role": self.budget_managers.pk,
                "role_selection_strategy": RoleSelectionStrategy.ANYONE,
                "required_form": self.form.pk,
            },
        )
        self._configure(
            finance.stages.get(order=3),
            "Final Finance Sign-off",
            {
                "approval_type": ApprovalTypes.USER,
                "approval_user": self.cfo.pk,
                "required_form": self.form.pk,
            },
        )
        self._configure(
            executive.stages.get(order=1),
            "Executive Approval",
            {
                "approval_type": ApprovalTypes.ROLE,
                "user_role": self.executives.pk,
                "role_selection_strategy": RoleSelectionStrategy.CONSENSUS,
            },
        )
        return workflow

    @staticmethod
    def _configure(stage: Any, name: str, approval: dict[str, Any]) -> None:
        config = {
            "name_en": name,
            "pipeline_id": stage.pipeline_id,
            "stage_info": {"color": "#3498db", "approvals": [approval]},
        }
        serializer = StageSerializer(stage, data=config, partial=True)
        assert serializer.is_valid(), serializer.errors
        serializer.save()

    def current(self) -> ApprovalInstance:
        return ApprovalInstance.objects.current().order_by("pk")[0]

    def act(self, **data: Any) -> WorkflowAttachment:
        return decide(self.purchase, self.current().assigned_to, **data)

    def progress(self) -> tuple[str, int]:
        attachment = get_workflow_attachment(self.purchase)
        progress = get_workflow_progress(attachment.workflow, self.purchase)
        return progress["status"], progress["progress_percentage"]


class TestDocumentedExample:
    """Steps 3 to 7 of the purchase request, in the words that are printed."""

    def test_goes_all_the_way(self) -> None:
        case = Documented()
        attachment = get_workflow_attachment(case.purchase)
        assert attachment.current_stage.name_en == "Initial Review"
        assert attachment.current_pipeline.name_en == "Finance Review"
        assert (attachment.status, attachment.started_by) == ("in_progress", case.requester)
        seen = [case.progress()]
        for form_data in (
            {"reviewer_comment": "verified", "budget_code": "BDG-2024-001"},
            {"budget_manager_comment": "sufficient", "allocated_budget": "50000.00"},
            {"cfo_comment": "ready", "finance_ref": "FIN-2024-PR-001"},
        ):
            attachment = case.act(action="APPROVED", form_data=form_data)
            seen.append(case.progress())
        assert attachment.current_pipeline.name_en == "Executive Approval"
        case.act(action="APPROVED")
        attachment = case.act(action="APPROVED")
        assert (attachment.status, attachment.next_stage) == ("completed", None)
        assert [*seen, case.progress()] == [
            ("in_progress", 0),
            ("in_progress", 25),
            ("in_progress", 50),
            ("in_progress", 75),
            ("completed", 100),
        ]

    def test_is_rejected_at_budget(self) -> None:
        case = Documented()
        case.act(action="APPROVED", form_data={})
        attachment = case.act(action="REJECTED", reason="Insufficient budget allocation")
        assert attachment.status == "rejected"
        assert case.progress() == ("rejected", 25)

    def test_is_sent_back_with_a_stage_of_the_template(self) -> None:  # D-64
        case = Documented()
        case.act(action="APPROVED", form_data={})
        pipeline = case.template.pipelines.get(name_en="Finance Review")
        stage = pipeline.stages.get(order=1)
        attachment = case.act(action="NEEDS_RESUBMISSION", stage_id=stage.id, reason="Breakdown?")
        assert attachment.current_stage.name_en == "Initial Review"

    def test_is_delegated(self) -> None:
        case = Documented()
        case.act(action="DELEGATED", user_id=case.senior.pk, reason="Exceeds my limit")
        assert case.current().assigned_to == case.senior
        attachment = case.act(action="approved", form_data={})
        assert attachment.current_stage.name_en == "Budget Approval"
