"""The API's own description: what drf-spectacular cannot see by itself."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import TextChoices
from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentIdentity, ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, OpenApiParameter
from rest_framework import serializers

from approval_workflow.api.filters import LONGEST_OBJECT_KEY
from approval_workflow.api.keys import LARGEST_KEY, MODEL_NAME, key_schema
from django_workflow_engine.choices import (
    ActionExecutionMode,
    ActionType,
    FailurePolicy,
    WorkflowStatus,
    WorkflowStrategy,
)
from django_workflow_engine.conf import settings
from django_workflow_engine.definition.grouping import LONGEST_CODE
from django_workflow_engine.serializers import (
    PipelineSerializer,
    StageSerializer,
    WorkflowActionSerializer,
    WorkFlowSerializer,
)
from django_workflow_engine.serializers.base import TemplatePartSerializer
from django_workflow_engine.serializers.fields import DepartmentKeyField
from django_workflow_engine.views.drawing import PICTURES
from django_workflow_engine.views.fields import ActionWord, Named, PlaceNamed

# Parts of templates, by names that do not meet those of other apps.
NAMES: Mapping[type[serializers.BaseSerializer[Any]], str] = {
    WorkFlowSerializer: "WorkFlow",
    PipelineSerializer: "WorkflowPipeline",
    StageSerializer: "WorkflowStage",
    WorkflowActionSerializer: "WorkflowAction",
}
ENUMERATIONS: Mapping[frozenset[str], type[TextChoices]] = {
    frozenset(enumeration.values): enumeration
    for enumeration in (
        ActionExecutionMode,
        ActionType,
        FailurePolicy,
        WorkflowStatus,
        WorkflowStrategy,
    )
}
# What Django's fields are described as wrongly, or not at all.
PROPERTIES: Mapping[str, dict[str, Any]] = {
    "id": {"type": "integer", "minimum": 1, "maximum": LARGEST_KEY},
    # Letters of any language, which patterns of JSON Schema do not know.
    "slug": {"type": "string", "nullable": True, "maxLength": 200},
}
COMPANY = OpenApiParameter(
    "company",
    key_schema(get_user_model()),
    description="only templates of this company; without the permission to view workflows, yours",
)
WORKFLOW = OpenApiParameter(
    "workflow_id",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_KEY},
    description="only this template, in all its versions, or only this version",
)
SINCE = OpenApiParameter("since", OpenApiTypes.DATETIME, description="from this moment on")
UNTIL = OpenApiParameter("until", OpenApiTypes.DATETIME, description="before this moment")
OBJECT_TYPE = OpenApiParameter(
    "object_type",
    {"type": "string", "pattern": MODEL_NAME.pattern.replace(r"\Z", "$")},
    required=True,
    description="app.model",
)
OBJECT_ID = OpenApiParameter(
    "object_id",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_OBJECT_KEY},
    required=True,
    description="key of the object",
)
FORMAT = OpenApiParameter("format", enum=list(PICTURES), default="mermaid")
DRAWN = {(200, content_type): str for content_type in PICTURES.values()}
NO_TEXT = {"type": "string", "maxLength": 0}


def component_of(enumeration: Any) -> str:
    """Return what an enumeration of the engine is called in the schema."""
    name = str(enumeration.__name__)
    return name if name.startswith("Workflow") else f"Workflow{name}"


class NamedEnumeration(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """An enumeration is one named component, however many fields have it."""

    target_class = Named
    # Before that of the core, which matches too.
    priority = 1

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        references = [
            _reference(auto_schema, enumeration, blank=self.target.allow_blank)
            for enumeration in self.target.enumerations
        ]
        return references[0] if len(references) == 1 else {"oneOf": references}


class WordOfAction(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = ActionWord

    def get_name(self) -> str:
        return "WorkflowActionWord"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        return {"type": "string", "enum": self.target.words()}


class PlaceByKeyOrCode(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = PlaceNamed

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        code = {"type": "string", "minLength": 1, "maxLength": LONGEST_CODE}
        return {"oneOf": [dict(PROPERTIES["id"]), code]}


class DepartmentKey(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A key of the model in `DEPARTMENT_MODEL`."""

    target_class = DepartmentKeyField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        return key_schema(settings.department_model)


class TemplatePart(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A row of a template, with names for what it is and for its enumerations."""

    target_class = TemplatePartSerializer
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str | None:
        return NAMES.get(type(self.target))

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        mapped: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call] # noqa: SLF001
            self.target, direction, bypass_extensions=True
        )
        for name, field in self.target.fields.items():
            if name in mapped["properties"]:
                found = mapped["properties"][name]
                mapped["properties"][name] = _property(auto_schema, name, field, found)
        return mapped


def _property(
    auto_schema: AutoSchema, name: str, field: Any, found: dict[str, Any]
) -> dict[str, Any]:
    if name in PROPERTIES:
        return dict(PROPERTIES[name])
    if isinstance(field, serializers.JSONField):
        # All that templates store as JSON are objects.
        return {"type": "object", "additionalProperties": {}}
    if isinstance(field, serializers.ChoiceField):
        enumeration = ENUMERATIONS[frozenset(field.choices) - {""}]
        return _reference(auto_schema, enumeration, blank="" in field.choices or field.allow_blank)
    return found


def _reference(
    auto_schema: AutoSchema, enumeration: type[TextChoices], *, blank: bool
) -> dict[str, Any]:
    name = component_of(enumeration)
    component = ResolvedComponent(  # type: ignore[no-untyped-call]
        name=name,
        type=ResolvedComponent.SCHEMA,
        schema={"type": "string", "enum": list(enumeration.values)},
        object=ComponentIdentity(name),  # type: ignore[no-untyped-call]
    )
    auto_schema.registry.register_on_missing(component)
    reference: dict[str, Any] = component.ref
    return {"oneOf": [reference, NO_TEXT]} if blank else reference
