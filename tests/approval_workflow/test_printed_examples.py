"""The examples of the documentation that the core starts from, run as they are printed."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from approval_workflow.choices import ApprovalStatus, FlowStatus
from approval_workflow.handlers import BaseApprovalHandler
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, start_flow
from approval_workflow.utils import (
    ApprovalRepository,
    can_user_approve,
    get_approval_flow,
    get_approval_repository,
    get_approval_summary,
    get_current_approval,
    get_full_approvals,
    get_next_approval,
)
from purchasing.models import Role
from tests.approval_workflow.flows import make_document, statuses
from tests.testapp.approval import SlugDocumentApprovalHandler
from tests.testapp.models import SlugDocument

pytestmark = pytest.mark.django_db

User = get_user_model()


@pytest.fixture
def employee():
    return User.objects.create(username="employee")


@pytest.fixture
def manager():
    return User.objects.create(username="manager")


@pytest.fixture
def flow(document, employee, manager):
    return start_flow(
        obj=document,
        steps=[
            {"step": 1, "assigned_to": employee},
            {"step": 2, "assigned_to": manager},
        ],
    )


# Basic example: S0-9, S0-14, S0-19 to S0-22, S0-35, S0-36


def test_start_flow_returns_the_flow_of_the_object(flow, document):
    """S0-10, S0-11, S0-13, S0-20"""
    assert isinstance(flow, ApprovalFlow)
    assert flow.target == document
    assert timezone.now() - flow.created_at < timedelta(minutes=1)
    assert flow.object_id == str(document.pk)
    assert flow.content_type.model_class() is type(document)


def test_first_step_is_current_and_the_next_is_pending(flow):
    """S0-12, S0-18, S0-21"""
    assert flow.instances.count() == 2
    assert flow.instances.get(step_number=1).status == ApprovalStatus.CURRENT
    assert flow.instances.get(step_number=2).status == ApprovalStatus.PENDING


def test_basic_example_moves_from_the_employee_to_the_manager(flow, document, employee, manager):
    """S0-15, S0-22, S0-35, S0-36"""
    current_step = get_current_approval(document)
    assert can_user_approve(current_step, employee)
    next_step = advance_flow(
        instance=current_step, action="approved", user=employee, comment="Looks good to me!"
    )
    assert (next_step.step_number, next_step.assigned_to) == (2, manager)
    assert (current_step.status, current_step.comment) == ("approved", "Looks good to me!")
    assert current_step.action_user == employee


def test_basic_example_prints_the_next_approver_of_a_document(flow, document, manager):
    """S0-36: before the first approval, the step after the current one is the manager's."""
    assert get_next_approval(document).assigned_to == manager


def test_advance_flow_returns_none_when_the_flow_is_finished(flow, document, employee, manager):
    """S0-22"""
    advance_flow(
        instance=get_current_approval(document), action="approved", user=employee, comment="1"
    )
    last = get_current_approval(document)
    assert advance_flow(instance=last, action="approved", user=manager, comment="2") is None
    assert get_approval_flow(document).status == FlowStatus.COMPLETED
    assert get_next_approval(document) is None


# Role-based approval and permission control: S0-8, S0-16, S0-29 to S0-34


@pytest.fixture
def roles_as_printed():
    senior_role = Role.objects.create(name="Senior Manager")
    junior_role = Role.objects.create(name="Junior Manager", parent=senior_role)
    return (
        User.objects.create(username="senior", role=senior_role),
        User.objects.create(username="junior", role=junior_role),
    )


def test_permission_helper_judges_an_instance_without_a_flow(roles_as_printed):
    """S0-16, S0-30, S0-31, S0-32, K11"""
    senior_user, junior_user = roles_as_printed
    instance = ApprovalInstance(assigned_to=junior_user)
    assert can_user_approve(instance, senior_user) is True
    assert can_user_approve(instance, senior_user, allow_higher_level=True) is True
    assert can_user_approve(instance, senior_user, allow_higher_level=False) is False
    assert can_user_approve(instance, junior_user, allow_higher_level=False) is True


def test_permission_helper_has_the_printed_parameter_names(roles_as_printed):
    """S0-33"""
    senior_user, junior_user = roles_as_printed
    instance = ApprovalInstance(assigned_to=senior_user)
    assert not can_user_approve(instance=instance, acting_user=junior_user, allow_higher_level=True)


def test_senior_for_whom_the_helper_says_true_can_act(roles_as_printed, document):
    """S0-34"""
    senior_user, junior_user = roles_as_printed
    start_flow(obj=document, steps=[{"step": 1, "assigned_to": junior_user}])
    step = get_current_approval(document)
    assert can_user_approve(step, senior_user)
    assert advance_flow(instance=step, action="approved", user=senior_user) is None
    assert step.action_user == senior_user


# Resubmission: S0-23 to S0-26


@pytest.fixture
def sent_back(flow, manager):
    """The printed example: step 1 asks for a legal review before the director's approval."""
    legal_reviewer = User.objects.create(username="legal")
    director = User.objects.create(username="director")
    current_step = flow.instances.get(step_number=1)
    next_step = advance_flow(
        instance=current_step,
        action="resubmission",
        user=current_step.assigned_to,
        comment="Legal review required before approval",
        resubmission_steps=[
            {"step": 2, "assigned_to": legal_reviewer},
            {"step": 3, "assigned_to": director},
        ],
    )
    return current_step, next_step


def test_resubmission_marks_the_object_passed_in_and_returns_the_first_new_step(sent_back):
    """S0-24, S0-25"""
    current_step, next_step = sent_back
    assert current_step.status == ApprovalStatus.NEEDS_RESUBMISSION
    assert next_step.step_number == 2
    assert next_step.assigned_to.username == "legal"


def test_resubmission_retires_the_pending_steps_whose_numbers_come_again(sent_back, flow):
    """S0-18, S0-26"""
    assert statuses(flow) == [
        (1, "resubmission"),
        (2, "cancelled"),
        (2, "current"),
        (3, "pending"),
    ]


# Handlers: S0-50 to S0-55


def test_handler_module_prints_its_base_class():
    """S0-50: the four printed hooks exist and do nothing by default."""
    handler = BaseApprovalHandler()
    for hook in ("on_approve", "on_final_approve", "on_reject", "on_resubmission"):
        assert getattr(handler, hook)(object()) is None


def test_handler_is_found_by_module_and_class_name(employee, manager):
    """S0-51, S0-52, S0-55: <app>.approval.<Model>ApprovalHandler"""
    SlugDocumentApprovalHandler.told.clear()
    report = SlugDocument.objects.create(slug="annual-report")
    start_flow(report, [{"step": 1, "assigned_to": employee}, {"step": 2, "assigned_to": manager}])
    advance_flow(report, "approved", employee)
    advance_flow(report, "approved", manager)
    assert SlugDocumentApprovalHandler.told == [
        ("on_approve", 1),
        ("on_approve", 2),
        ("on_final_approve", 2),
    ]


# Utilities: S0-35 to S0-40


def test_utilities_tell_about_the_flow_of_any_object(flow, document):
    """S0-35 to S0-40"""
    assert get_current_approval(document).step_number == 1
    assert get_next_approval(document).step_number == 2
    assert [step.step_number for step in get_full_approvals(document)] == [1, 2]
    assert get_approval_flow(document) == flow


def test_utilities_answer_nothing_for_an_object_without_a_flow(document):
    """S0-37, S0-38"""
    assert get_current_approval(document) is None
    assert get_next_approval(document) is None
    assert get_full_approvals(document) == []
    assert get_approval_flow(document) is None


# Repository: S0-41 to S0-45, S0-60


def test_repository_reads_once_and_answers_everything(flow, document, statements):
    """S0-41, S0-42, S0-43, S0-47"""
    repo = get_approval_repository(document)
    assert isinstance(repo, ApprovalRepository)
    assert repo.get_current_approval().step_number == 1
    with statements() as seen:
        assert repo.get_next_approval().step_number == 2
        assert [step.step_number for step in repo.instances] == [1, 2]
        assert repo.flow == flow
        assert len(repo.get_pending_approvals()) == 1
        assert repo.get_workflow_progress()["progress_percentage"] == 0
        assert repo.get_current_approval().assigned_to.username == "employee"
    assert seen.count == 0


def test_summary_gives_progress_and_current_step(flow, document, employee):
    """S0-44, S0-60"""
    advance_flow(document, "approved", employee)
    summary = get_approval_summary(document)
    assert summary["progress_percentage"] == 50
    assert summary["current_step"].step_number == 2


def test_cache_of_an_object_can_be_cleared(flow, document, statements):
    """S0-45"""
    assert get_approval_repository(document).instances
    ApprovalRepository.clear_cache_for_object(document)
    with statements() as seen:
        assert get_approval_repository(document).instances
    assert seen.count == 2


def test_objects_do_not_see_the_flows_of_others(flow):
    """S0-39"""
    assert get_approval_flow(make_document()) is None
