"""Pipelines with their stages and actions."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override
from rest_framework import serializers
from rest_framework.relations import PrimaryKeyRelatedField

from django_workflow_engine.models import Pipeline, WorkFlow
from django_workflow_engine.schemas import parse_pipeline_info
from django_workflow_engine.serializers.action import WorkflowActionSerializer
from django_workflow_engine.serializers.base import PartsListSerializer, TemplatePartSerializer
from django_workflow_engine.serializers.fields import ConfigurationField, DepartmentKeyField
from django_workflow_engine.serializers.stage import StageSerializer

# More stages than this are not made by number.
MOST_STAGES = 100


class PipelineSerializer(TemplatePartSerializer[Pipeline]):
    """A pipeline: names, order, department, and its stages.

    A new pipeline takes either `stages` or `number_of_stages`, which makes that many stages, "Stage
    1" and so on, numbered from 1. `workflow_id` says where the pipeline is. Where pipelines ask
    people, `pipeline_info` says whom, and there are no stages.
    """

    parts = ("actions", "stages__actions")
    parent_fields = {"workflow": "workflow_id"}

    workflow_id = PrimaryKeyRelatedField(
        source="workflow", queryset=WorkFlow.objects.templates(), required=False
    )
    pipeline_info = ConfigurationField(parse=parse_pipeline_info, required=False)
    department_id = DepartmentKeyField(max_length=255, required=False, allow_null=True)
    number_of_stages = serializers.IntegerField(
        min_value=1, max_value=MOST_STAGES, required=False, write_only=True
    )
    stages = StageSerializer(many=True, required=False)
    actions = WorkflowActionSerializer(many=True, required=False)

    class Meta:
        model = Pipeline
        list_serializer_class = PartsListSerializer
        fields = [
            "id",
            "name_en",
            "name_ar",
            "order",
            "workflow_id",
            "department_id",
            "pipeline_info",
            "number_of_stages",
            "stages",
            "actions",
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        number = attrs.pop("number_of_stages", None)
        if number is not None:
            if "stages" in attrs:
                raise _number_error(_("Expected either stages or number_of_stages, not both."))
            if self.is_stored(attrs):
                raise _number_error(_("Only a new pipeline takes a number of stages."))
            attrs["stages"] = [_numbered_stage(order) for order in range(1, number + 1)]
        return super().validate(attrs)


def _numbered_stage(order: int) -> dict[str, Any]:
    names = {}
    for language in ("en", "ar"):
        with override(language):
            names[f"name_{language}"] = _("Stage %(number)d") % {"number": order}
    return {**names, "order": order}


def _number_error(message: str) -> serializers.ValidationError:
    return serializers.ValidationError({"number_of_stages": [message]})
