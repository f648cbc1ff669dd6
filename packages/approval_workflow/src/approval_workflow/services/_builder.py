"""The one place where step instances are constructed."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone

from approval_workflow.choices import ApprovalStatus
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.querysets import key_of
from approval_workflow.statements import Insert
from approval_workflow.types import StepSpec

# What the rows of one step have in common, whoever they are assigned to.
SHARED_BY_STEP = (
    "step_number",
    "round",
    "approval_type",
    "assigned_role_content_type_id",
    "assigned_role_object_id",
    "role_selection_strategy",
    "quorum_count",
    "percentage_required",
    "hierarchy_levels",
    "hierarchy_base_user_id",
    "dynamic_source",
    "allow_higher_level",
    "rejection_policy",
    "exclude_starter",
    "exclude_deciders",
    "parallel_group",
    "parallel_required",
    "form_content_type_id",
    "form_object_id",
    "max_escalation_level",
    "sla_duration",
    "due_at",
    "timeout_action",
    "timeout_delegate_to_id",
    "extra_fields",
)


insert = Insert(ApprovalInstance)


def build_instance(flow: ApprovalFlow, spec: StepSpec, *, round_number: int) -> ApprovalInstance:
    """Return an unsaved pending row for the step."""
    role_type, role_key = _generic_key(spec.assigned_role)
    form_type, form_key = _generic_key(spec.form)
    return ApprovalInstance(
        flow=flow,
        step_number=spec.step,
        round=round_number,
        approval_type=str(spec.approval_type),
        assigned_to=spec.assigned_to,
        assigned_role_content_type=role_type,
        assigned_role_object_id=role_key,
        role_selection_strategy=str(spec.role_selection_strategy),
        quorum_count=spec.quorum_count,
        percentage_required=spec.percentage_required,
        hierarchy_levels=spec.hierarchy_levels,
        hierarchy_base_user=spec.hierarchy_base_user,
        dynamic_source=spec.dynamic_source,
        allow_higher_level=spec.allow_higher_level,
        rejection_policy=str(spec.rejection_policy),
        exclude_starter=spec.exclude_starter,
        exclude_deciders=spec.exclude_deciders,
        parallel_group=spec.parallel_group,
        parallel_required=spec.parallel_required,
        form_content_type=form_type,
        form_object_id=form_key,
        max_escalation_level=spec.max_escalation_level,
        sla_duration=spec.sla_duration,
        timeout_action=str(spec.timeout_action),
        timeout_delegate_to=spec.timeout_delegate_to,
        extra_fields=dict(spec.extra_fields),
    )


def build_for(
    instance: ApprovalInstance, user: Any, *, voice: int | None = None, taken_over: bool = False
) -> ApprovalInstance:
    """Return an unsaved current row of the same step for another person.

    `taken_over` links it to `instance`, whose part the person takes over.
    """
    row = ApprovalInstance(
        flow=instance.flow,
        assigned_to=user,
        status=ApprovalStatus.CURRENT,
        started_at=timezone.now(),
        voice=instance.voice if taken_over else voice,
        delegated_from=instance if taken_over else None,
    )
    for name in SHARED_BY_STEP:
        setattr(row, name, getattr(instance, name))
    return row


def _generic_key(obj: Model | None) -> tuple[ContentType | None, str | None]:
    if obj is None:
        return None, None
    return ContentType.objects.get_for_model(obj), key_of(obj)
