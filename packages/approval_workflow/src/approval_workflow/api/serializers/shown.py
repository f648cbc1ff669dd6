"""People and objects, as every answer shows them. Nothing is read here: the views fetch first."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approval_workflow.api.fields import Key
from approval_workflow.api.keys import shown_key
from approval_workflow.targets import object_of


class ApprovalPersonSerializer(serializers.Serializer[Any]):
    """A user; of an account that is gone, the key alone."""

    id = Key(get_user_model)
    username = serializers.CharField(allow_null=True)
    name = serializers.CharField(allow_null=True)


class ApprovalObjectSerializer(serializers.Serializer[Any]):
    """An object of the project; its label is null when it is gone."""

    type = serializers.CharField(help_text="app.model")
    id = serializers.CharField()
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # fields are no attributes


def shown_person(user: Any, key: Any) -> dict[str, Any] | None:
    """Return what is shown of a user; `key` is known of those whose account is gone, too."""
    if key is None:
        return None
    if user is None:
        return {"id": shown_key(key), "username": None, "name": None}
    username = user.get_username()
    full_name = getattr(user, "get_full_name", str)()
    return {"id": shown_key(key), "username": username, "name": full_name or username}


def shown_object(
    row: Any, relation: str, content_type: str, object_id: str
) -> dict[str, Any] | None:
    """Return what is shown of the object that a generic relation leads to."""
    key = getattr(row, f"{content_type}_id")
    if key is None:
        return None
    kind = ContentType.objects.get_for_id(key)
    found = object_of(row, relation, content_type)
    return {
        "type": f"{kind.app_label}.{kind.model}",
        "id": getattr(row, object_id),
        "label": None if found is None else str(found),
    }


@extend_schema_field(ApprovalPersonSerializer)
class ShownPerson(serializers.Field[Any, Any, Any, Any]):
    """The user that a relation of the row leads to."""

    def __init__(self, relation: str, **options: Any) -> None:
        self.relation = relation
        super().__init__(**{"source": "*", "read_only": True, "allow_null": True, **options})

    def to_representation(self, value: Any) -> Any:
        return shown_person(getattr(value, self.relation), getattr(value, f"{self.relation}_id"))


@extend_schema_field(ApprovalObjectSerializer)
class ShownObject(serializers.Field[Any, Any, Any, Any]):
    """The object that a generic relation of the row leads to."""

    def __init__(self, relation: str, content_type: str, object_id: str, **options: Any) -> None:
        self.names = (relation, content_type, object_id)
        super().__init__(**{"source": "*", "read_only": True, **options})

    def to_representation(self, value: Any) -> Any:
        return shown_object(value, *self.names)


def shown_target() -> ShownObject:
    """Return the field for the object that a flow is about."""
    return ShownObject("target", "content_type", "object_id")


def shown_role() -> ShownObject:
    """Return the field for the role that a step is assigned to."""
    names = ("assigned_role", "assigned_role_content_type", "assigned_role_object_id")
    return ShownObject(*names, allow_null=True)
