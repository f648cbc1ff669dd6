"""The API's own description: what drf-spectacular cannot see by itself."""

from typing import Any

from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter

from approval_workflow.api.fields import Enumerated, Key, Percentage
from approval_workflow.api.headers import ETAG_PATTERN, IDEMPOTENCY_KEY_PATTERN
from approval_workflow.api.keys import LARGEST_KEY, key_schema
from approval_workflow.api.serializers.problems import ApprovalProblemSerializer
from approval_workflow.api.serializers.strict import StrictSerializer

# Every answer that a signed-in person may get beside the one they asked for.
ALWAYS = (401, 403)

ROW_KEY = OpenApiParameter(
    "id", {"type": "integer", "minimum": 1, "maximum": LARGEST_KEY}, OpenApiParameter.PATH
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": ETAG_PATTERN},
    OpenApiParameter.HEADER,
    description="the ETag of the flow as the client saw it (or several, or `*`); 412 when it has"
    " changed since",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": IDEMPOTENCY_KEY_PATTERN.pattern},
    OpenApiParameter.HEADER,
    description="a repeated request with the same key gets the first one's outcome",
)
ETAG = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description="the version of the flow",
)


def answers(*problems: int, **shown: Any) -> dict[Any, Any]:
    """Return the responses of an operation: `ok`, `created` or none, and the problems."""
    found: dict[Any, Any] = {200: shown["ok"]} if "ok" in shown else {}
    if "created" in shown:
        found[201] = shown["created"]
    return found | dict.fromkeys(sorted({*ALWAYS, *problems}), ApprovalProblemSerializer)


class ApprovalSchema(AutoSchema):
    """Describes the views here, whatever the project's own schema class is."""

    def get_override_parameters(self) -> list[Any]:
        return [ROW_KEY] if "{id}" in self.path else []


class NamedEnumeration(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """An enumeration is one named component, however many fields have it."""

    target_class = Enumerated
    match_subclasses = True

    def get_name(self) -> str:
        name = str(self.target.enumeration.__name__)
        return name if name.startswith("Approval") else f"Approval{name}"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.target.enumeration.values)}


class KeyOfModel(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A key is a number or a text, as the model has it."""

    target_class = Key
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        return key_schema(self.target.model())


class ShareOfHundred(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = Percentage

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        return {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 100}


class NothingElse(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Bodies of requests have the fields that are named, and no others."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        mapped = auto_schema._map_serializer(  # type: ignore[no-untyped-call] # noqa: SLF001
            self.target, direction, bypass_extensions=True
        )
        return {**mapped, "additionalProperties": False}
