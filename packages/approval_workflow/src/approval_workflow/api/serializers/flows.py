"""Flows, as lists and pages show them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approval_workflow.api.fields import Enumerated
from approval_workflow.api.serializers.shown import ShownPerson, shown_target
from approval_workflow.api.serializers.steps import ApprovalStepSerializer
from approval_workflow.choices import FlowStatus
from approval_workflow.models import ApprovalFlow
from approval_workflow.queries import progress


class ApprovalFlowSerializer(serializers.Serializer[ApprovalFlow]):
    """The approvals of one object, from start to end."""

    id = serializers.IntegerField()
    target = shown_target()
    status = Enumerated(FlowStatus)
    version = serializers.IntegerField()
    started_by = ShownPerson("started_by")
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    held_at = serializers.DateTimeField(allow_null=True)


class ApprovalProgressSerializer(serializers.Serializer[Any]):
    """How far a flow has come, in steps of the rounds that still stand."""

    total_steps = serializers.IntegerField()
    completed_steps = serializers.IntegerField()
    pending_steps = serializers.IntegerField()
    progress_percentage = serializers.IntegerField()


class ApprovalFlowDetailSerializer(ApprovalFlowSerializer):
    """A flow with all its steps, which the view hands in as `steps` of the context."""

    progress = serializers.SerializerMethodField()
    steps = serializers.SerializerMethodField()

    @extend_schema_field(ApprovalProgressSerializer)
    def get_progress(self, flow: ApprovalFlow) -> Any:
        return ApprovalProgressSerializer(progress(flow, self.context["steps"])).data

    @extend_schema_field(ApprovalStepSerializer(many=True))
    def get_steps(self, flow: ApprovalFlow) -> Any:
        return ApprovalStepSerializer(self.context["steps"], many=True).data
