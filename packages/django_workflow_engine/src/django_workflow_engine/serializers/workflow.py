"""Whole workflows: pipelines, stages and actions as one tree."""

from typing import Any

from django.db import router

from django_workflow_engine.created_permissions import keep_permissions
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.schemas import parse_approvals_info
from django_workflow_engine.serializers.action import WorkflowActionSerializer
from django_workflow_engine.serializers.base import PartsListSerializer, TemplatePartSerializer
from django_workflow_engine.serializers.fields import ConfigurationField
from django_workflow_engine.serializers.pipeline import PipelineSerializer


class WorkFlowSerializer(TemplatePartSerializer[WorkFlow]):
    """A workflow with everything in it. `save()` returns the `WorkFlow`.

    `strategy` says where people are asked: in stages, in pipelines or in the workflow itself, whose
    `workflow_info` says whom. A new workflow without `company` is that of
    `context["company_user"]`, where there is one.
    """

    parts = ("actions", "pipelines__actions", "pipelines__stages__actions")

    workflow_info = ConfigurationField(parse=parse_approvals_info, required=False)
    pipelines = PipelineSerializer(many=True, required=False)
    actions = WorkflowActionSerializer(many=True, required=False)

    class Meta:
        model = WorkFlow
        list_serializer_class = PartsListSerializer
        fields = [
            "id",
            "slug",
            "name_en",
            "name_ar",
            "company",
            "status",
            "is_active",
            "strategy",
            "creates_permissions",
            "workflow_info",
            "pipelines",
            "actions",
            "created_at",
            "updated_at",
        ]

    def validate_slug(self, slug: str | None) -> str | None:
        """An empty slug is none; saving makes one from the name."""
        return slug or None

    def create(self, validated_data: dict[str, Any]) -> WorkFlow:
        validated_data.setdefault("company", self.context.get("company_user"))
        return self._with_permissions(super().create(validated_data))

    def update(self, instance: WorkFlow, validated_data: dict[str, Any]) -> WorkFlow:
        return self._with_permissions(super().update(instance, validated_data))

    def _with_permissions(self, workflow: WorkFlow) -> WorkFlow:
        """The stages have been written after the row, and may have permissions of their own."""
        if workflow.creates_permissions:
            keep_permissions(workflow, router.db_for_write(WorkFlow))
        return workflow
