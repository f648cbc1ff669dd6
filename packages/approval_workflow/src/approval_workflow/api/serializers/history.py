"""What happened in a flow, and who may act on it now."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approval_workflow.api.fields import Enumerated
from approval_workflow.api.serializers.shown import (
    ApprovalPersonSerializer,
    ShownPerson,
    shown_person,
)
from approval_workflow.choices import EventKind
from approval_workflow.explain import Explanation
from approval_workflow.models import ApprovalEvent


class ApprovalEventSerializer(serializers.Serializer[ApprovalEvent]):
    """One thing that happened in a flow."""

    sequence = serializers.IntegerField()
    kind = Enumerated(EventKind)
    label = serializers.CharField(  # type: ignore[assignment]  # fields are no attributes
        source="get_kind_display", help_text="the kind, for people"
    )
    created_at = serializers.DateTimeField()
    approval = serializers.IntegerField(source="instance_id", allow_null=True)
    step_number = serializers.SerializerMethodField()
    actor = ShownPerson("actor")
    on_behalf_of = ShownPerson("on_behalf_of")
    comment = serializers.CharField()
    from_status = serializers.CharField()
    to_status = serializers.CharField()

    def get_step_number(self, event: ApprovalEvent) -> int | None:
        return event.instance.step_number if event.instance else None


class ApprovalExplanationSerializer(serializers.Serializer[Explanation]):
    """Whether a person may act on an open step, and why or why not."""

    approval = serializers.IntegerField(source="instance.pk")
    step_number = serializers.IntegerField(source="instance.step_number")
    parallel_group = serializers.CharField(source="instance.parallel_group")
    person = serializers.SerializerMethodField()
    allowed = serializers.BooleanField(source="permission.allowed")
    code = serializers.CharField(source="permission.code")
    reason = serializers.CharField(source="permission.reason")
    on_behalf_of = serializers.SerializerMethodField()

    @extend_schema_field(ApprovalPersonSerializer)
    def get_person(self, found: Explanation) -> Any:
        return shown_person(found.user, found.user.pk)

    @extend_schema_field(ApprovalPersonSerializer(allow_null=True))
    def get_on_behalf_of(self, found: Explanation) -> Any:
        person = found.permission.on_behalf_of
        return None if person is None else shown_person(person, person.pk)


class ApprovalExportRowSerializer(serializers.Serializer[Any]):
    """One row of the history as other programs get it."""

    sequence = serializers.IntegerField()
    when = serializers.DateTimeField()
    event = serializers.CharField()
    step = serializers.IntegerField(allow_null=True)
    by = serializers.CharField(allow_null=True)
    on_behalf_of = serializers.CharField(allow_null=True)
    comment = serializers.CharField()
    from_status = serializers.CharField()
    to_status = serializers.CharField()
    details = serializers.DictField()
    digest = serializers.CharField()
