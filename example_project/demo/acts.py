"""What people do in the cases, through the public API of the two packages."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from approval_workflow.models import ApprovalInstance
from demo.errors import CaseFailed
from demo.narrator import Narrator
from django_workflow_engine.choices import AttachmentStatus, StageKind
from django_workflow_engine.models import Stage, WorkFlow
from django_workflow_engine.serializers import WorkflowApprovalSerializer
from django_workflow_engine.services import (
    attach_workflow_to_object,
    get_current_stage,
    get_workflow_attachment,
    update_stage_status,
)
from django_workflow_engine.workflows import Workflow
from purchasing.models import PurchaseRequest, User


def person(username: str) -> User:
    """Return one of the people of the roster."""
    return User.objects.get(username=username)


def whose_turn(obj: Model) -> list[User]:
    """Return the people whose decision on the object is awaited now."""
    steps = ApprovalInstance.objects.for_object(obj).current().in_order()
    people = [step.assigned_to for step in steps.select_related("assigned_to")]
    if not people:
        raise CaseFailed(f"{obj}: somebody should be asked now, and nobody is.")
    return people


def next_person(obj: Model) -> User:
    """Return the first of the people whose decision is awaited."""
    return whose_turn(obj)[0]


def ask_for(requester: User, title: str, amount: str, narrator: Narrator) -> PurchaseRequest:
    """Create a purchase request; from an amount on its approval starts by itself."""
    request = PurchaseRequest.objects.create(
        title=title,
        amount=Decimal(amount),
        description=f"{title}, as discussed in the department",
        requester=requester,
    )
    narrator.act(f"{_name(requester)} asks for {title}, {request.amount:,.2f}")
    return request


def hand_in(obj: Model, slug: str, starter: User, narrator: Narrator, **metadata: Any) -> None:
    """Start the workflow of this slug on the object."""
    attach_workflow_to_object(
        obj=obj,
        workflow=WorkFlow.objects.get(slug=slug),
        user=starter,
        auto_start=True,
        metadata=metadata,
    )
    narrator.act(f"{_name(starter)} hands it in; {_situation(obj)}")


def start(obj: Model, workflow: type[Workflow], starter: User, narrator: Narrator) -> None:
    """Start a workflow in code on the object."""
    workflow.start(obj, starter)
    narrator.act(f"{_name(starter)} hands it in; {_situation(obj)}")


def set_status(
    obj: Model,
    status: str,
    actor: User,
    narrator: Narrator,
    context_data: Mapping[str, Any] | None = None,
) -> None:
    """Set the status of the object's stage; what the context says counts for conditions."""
    stage = _stage_name(obj)
    update_stage_status(obj, status, actor, context_data=context_data)
    obj.refresh_from_db()
    narrator.act(f"{_name(actor)} sets {stage} to '{status}'; {_situation(obj)}")


def approve(
    obj: Model,
    approver: User,
    narrator: Narrator,
    form_data: dict[str, str] | None = None,
    comment: str = "",
) -> None:
    """Approve the object's current step, with the data of its form where it has one."""
    stage = _stage_name(obj)
    _decide(obj, approver, {"action": "APPROVED", "form_data": form_data, "reason": comment})
    narrator.act(f"{_name(approver)} approves {stage}; {_situation(obj)}")


def reject(obj: Model, approver: User, narrator: Narrator, reason: str) -> None:
    """Reject the object for good."""
    stage = _stage_name(obj)
    _decide(obj, approver, {"action": "REJECTED", "reason": reason})
    narrator.act(f"{_name(approver)} rejects {stage}; {_situation(obj)}")


def send_back(obj: Model, approver: User, narrator: Narrator, stage: Stage, reason: str) -> None:
    """Send the object back to a stage, which may be the template's."""
    _decide(obj, approver, {"action": "NEEDS_RESUBMISSION", "stage_id": stage.pk, "reason": reason})
    narrator.act(f"{_name(approver)} sends it back; {_situation(obj)}")


def delegate(obj: Model, approver: User, narrator: Narrator, to: User, reason: str) -> None:
    """Hand the decision to another person."""
    _decide(obj, approver, {"action": "DELEGATED", "user_id": to.pk, "reason": reason})
    narrator.act(f"{_name(approver)} delegates to {_name(to)}; {_situation(obj)}")


def form_is_refused(
    obj: Model, approver: User, narrator: Narrator, form_data: dict[str, str]
) -> None:
    """Try to approve with a form that is not filled in as it must be."""
    serializer = _serializer(obj, approver, {"action": "APPROVED", "form_data": form_data})
    if serializer.is_valid():
        raise CaseFailed(f"{obj}: a form that breaks its schema was accepted.")
    narrator.act(f"{_name(approver)} leaves a field of the form out, and is told so")


def _decide(obj: Model, approver: User, data: dict[str, Any]) -> None:
    given = {key: value for key, value in data.items() if value is not None}
    serializer = _serializer(obj, approver, given)
    serializer.is_valid(raise_exception=True)
    serializer.save()
    obj.refresh_from_db()


def _serializer(obj: Model, approver: User, data: dict[str, Any]) -> WorkflowApprovalSerializer:
    request = HttpRequest()
    request.user = approver
    return WorkflowApprovalSerializer(instance=obj, data=data, context={"request": request})


def _situation(obj: Model) -> str:
    attachment = get_workflow_attachment(obj)
    if attachment.status != AttachmentStatus.IN_PROGRESS:
        return f"the workflow is {attachment.get_status_display().lower()}"
    stage = attachment.current_stage
    if stage.stage_info.get("kind") == StageKind.STATUS:
        return f"{stage.name_en} waits for a status"
    asked = ", ".join(user.first_name for user in whose_turn(obj))
    return f"{_stage_name(obj)} waits for {asked}"


def _stage_name(obj: Model) -> str:
    stage = get_current_stage(obj)
    if stage is None:
        raise CaseFailed(f"{obj}: it should be at a stage, and is at none.")
    return stage.name_en


def _name(user: User) -> str:
    return user.get_full_name()
