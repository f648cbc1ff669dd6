"""Actions of workflows, pipelines and stages."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.relations import PrimaryKeyRelatedField

from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.serializers.base import PartsListSerializer, TemplatePartSerializer
from django_workflow_engine.serializers.fields import FunctionPathField, ObjectField


class CustomActionsSerializer(PartsListSerializer):
    """The actions of a row that people made; default actions are not part of the list."""

    def to_representation(self, data: Any) -> list[Any]:
        if self.parent is not None:
            data = [action for action in data.all() if not action.is_default]
        return super().to_representation(data)


class WorkflowActionSerializer(TemplatePartSerializer[WorkflowAction]):
    """One action. By itself it says what it is on: one of the three keys."""

    needed = ("action_type", "function_path")
    parent_fields = {"workflow": "workflow_id", "pipeline": "pipeline_id", "stage": "stage_id"}

    function_path = FunctionPathField(max_length=300)
    parameters = ObjectField(required=False)
    conditions = ObjectField(required=False)
    workflow_id = PrimaryKeyRelatedField(
        source="workflow", queryset=WorkFlow.objects.templates(), required=False, allow_null=True
    )
    pipeline_id = PrimaryKeyRelatedField(
        source="pipeline",
        queryset=Pipeline.objects.filter(workflow__is_hidden=False),
        required=False,
        allow_null=True,
    )
    stage_id = PrimaryKeyRelatedField(
        source="stage",
        queryset=Stage.objects.filter(pipeline__workflow__is_hidden=False),
        required=False,
        allow_null=True,
    )

    class Meta:
        model = WorkflowAction
        list_serializer_class = CustomActionsSerializer
        fields = [
            "id",
            "action_type",
            "function_path",
            "parameters",
            "conditions",
            "when",
            "compensation",
            "execution",
            "failure_policy",
            "order",
            "is_active",
            "workflow_id",
            "pipeline_id",
            "stage_id",
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        levels = [name for name in self.parent_fields if attrs.get(name) is not None]
        if self.is_top and len(levels) != 1 and (levels or self.instance is None):
            raise serializers.ValidationError(
                _("Expected exactly one of workflow_id, pipeline_id and stage_id."), code="level"
            )
        if levels:
            attrs = {**attrs, **{name: attrs.get(name) for name in self.parent_fields}}
        return super().validate(attrs)
