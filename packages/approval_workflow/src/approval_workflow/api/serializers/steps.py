"""Steps, as lists and pages show them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approval_workflow.api.fields import Enumerated
from approval_workflow.api.serializers.shown import (
    ApprovalObjectSerializer,
    ApprovalPersonSerializer,
    ShownPerson,
    shown_object,
    shown_person,
    shown_role,
    shown_target,
)
from approval_workflow.choices import ApprovalStatus, ApprovalType, FlowStatus, RejectionPolicy
from approval_workflow.forms import schema_field, schema_of
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.permissions import can_act
from approval_workflow.targets import object_of
from approval_workflow.types import Permission


class ApprovalStepSerializer(serializers.Serializer[ApprovalInstance]):
    """One person's part in a step of a flow."""

    id = serializers.IntegerField()
    step_number = serializers.IntegerField()
    round = serializers.IntegerField()
    parallel_group = serializers.CharField()
    status = Enumerated(ApprovalStatus)
    approval_type = Enumerated(ApprovalType)
    assigned_to = ShownPerson("assigned_to")
    assigned_role = shown_role()
    role_selection_strategy = serializers.CharField()
    action_user = ShownPerson("action_user")
    comment = serializers.CharField()
    delegated_from = serializers.IntegerField(source="delegated_from_id", allow_null=True)
    escalation_level = serializers.IntegerField()
    started_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    claimed_at = serializers.DateTimeField(allow_null=True)
    checked_in_at = serializers.DateTimeField(allow_null=True)
    acted_at = serializers.DateTimeField(allow_null=True)


class ApprovalFlowSummarySerializer(serializers.Serializer[ApprovalFlow]):
    """The flow that a step belongs to."""

    id = serializers.IntegerField()
    status = Enumerated(FlowStatus)
    version = serializers.IntegerField()
    target = shown_target()
    started_by = ShownPerson("started_by")


class ApprovalSerializer(ApprovalStepSerializer):
    """One person's part in a step, with the flow that it belongs to."""

    flow = ApprovalFlowSummarySerializer()


class ApprovalPermissionSerializer(serializers.Serializer[Permission]):
    """Whether a person may act on a step, and why or why not."""

    allowed = serializers.BooleanField()
    code = serializers.CharField()
    reason = serializers.CharField()
    on_behalf_of = serializers.SerializerMethodField()

    @extend_schema_field(ApprovalPersonSerializer(allow_null=True))
    def get_on_behalf_of(self, permission: Permission) -> Any:
        person = permission.on_behalf_of
        return None if person is None else shown_person(person, person.pk)


class ApprovalFormSerializer(ApprovalObjectSerializer):
    """The form that a step carries; its schema is null when the form is gone."""

    schema = serializers.JSONField(allow_null=True, help_text="JSON Schema of the form data")


class ApprovalDetailSerializer(ApprovalSerializer):
    """A step with its rules and its form, and whether the person who asks may act on it."""

    quorum_count = serializers.IntegerField(allow_null=True)
    percentage_required = serializers.DecimalField(max_digits=5, decimal_places=2, allow_null=True)
    rejection_policy = Enumerated(RejectionPolicy)
    allow_higher_level = serializers.BooleanField()
    exclude_starter = serializers.BooleanField()
    exclude_deciders = serializers.BooleanField()
    parallel_required = serializers.BooleanField()
    max_escalation_level = serializers.IntegerField(allow_null=True)
    timeout_action = serializers.CharField()
    form = serializers.SerializerMethodField()
    form_data = serializers.DictField(allow_null=True)
    permission = serializers.SerializerMethodField()

    @extend_schema_field(ApprovalFormSerializer(allow_null=True))
    def get_form(self, step: ApprovalInstance) -> Any:
        shown = shown_object(step, "form", "form_content_type", "form_object_id")
        if shown is None:
            return None
        form = object_of(step, "form", "form_content_type")
        has_schema = form is not None and schema_field(type(form)) is not None
        return {**shown, "schema": schema_of(form) if form is not None and has_schema else None}

    @extend_schema_field(ApprovalPermissionSerializer)
    def get_permission(self, step: ApprovalInstance) -> Any:
        return ApprovalPermissionSerializer(can_act(step, self.context["request"].user)).data
