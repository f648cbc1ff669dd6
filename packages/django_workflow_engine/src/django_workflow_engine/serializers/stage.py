"""Stages with their actions."""

from django.core.validators import RegexValidator
from rest_framework.fields import CharField
from rest_framework.relations import PrimaryKeyRelatedField

from django_workflow_engine.definition.grouping import CODE, CODE_EXPECTED, LONGEST_CODE
from django_workflow_engine.models import Pipeline, Stage
from django_workflow_engine.schemas import parse_form_info, parse_stage_info
from django_workflow_engine.serializers.action import WorkflowActionSerializer
from django_workflow_engine.serializers.base import PartsListSerializer, TemplatePartSerializer
from django_workflow_engine.serializers.fields import ConfigurationField


class StageSerializer(TemplatePartSerializer[Stage]):
    """A stage: names, order, configuration, form and actions; `pipeline_id` says where it is."""

    parts = ("actions",)
    parent_fields = {"pipeline": "pipeline_id"}

    pipeline_id = PrimaryKeyRelatedField(
        source="pipeline",
        queryset=Pipeline.objects.filter(workflow__is_hidden=False),
        required=False,
    )
    code = CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_CODE,
        validators=[RegexValidator(CODE, CODE_EXPECTED)],
    )
    stage_info = ConfigurationField(parse=parse_stage_info, required=False)
    form_info = ConfigurationField(parse=parse_form_info, required=False)
    actions = WorkflowActionSerializer(many=True, required=False)

    class Meta:
        model = Stage
        list_serializer_class = PartsListSerializer
        fields = [
            "id",
            "name_en",
            "name_ar",
            "code",
            "order",
            "pipeline_id",
            "stage_info",
            "form_info",
            "actions",
        ]
