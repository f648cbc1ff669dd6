"""Bodies of the requests that do something."""

from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approval_workflow.api.fields import (
    Comment,
    Enumerated,
    JsonObject,
    Person,
    Reason,
    WholeNumber,
)
from approval_workflow.api.keys import LARGEST_KEY
from approval_workflow.api.serializers.problems import ApprovalProblemSerializer
from approval_workflow.api.serializers.steps import ApprovalDetailSerializer, ApprovalSerializer
from approval_workflow.api.serializers.strict import StrictSerializer

# Most steps that one request may act on.
MOST_AT_ONCE = 100


class BulkAction(TextChoices):
    """What can be done with many steps at once: what needs nothing but a comment."""

    APPROVE = "approve", _("Approve")
    REJECT = "reject", _("Reject")
    ESCALATE = "escalate", _("Escalate")
    CLAIM = "claim", _("Claim")
    RELEASE = "release", _("Release")


class ApprovalActSerializer(StrictSerializer):
    comment = Comment()


class ApprovalDecisionSerializer(StrictSerializer):
    comment = Comment()
    form_data = JsonObject(
        required=False, allow_null=True, default=None, help_text="what the step's form asks for"
    )


class ApprovalDelegationSerializer(StrictSerializer):
    delegate_to = Person(help_text="key of the user who acts instead")
    comment = Comment()


class ApprovalEscalationSerializer(StrictSerializer):
    escalate_to = Person(
        required=False,
        allow_null=True,
        default=None,
        help_text="key of a user; without one the first person above who can take the step",
    )
    comment = Comment()


class ApprovalReassignmentSerializer(StrictSerializer):
    assign_to = Person(help_text="key of the user who acts instead")
    reason = Reason()


class ApprovalReminderSerializer(StrictSerializer):
    reason = Comment()


class ApprovalCancellationSerializer(StrictSerializer):
    reason = Reason()


class ApprovalHoldSerializer(StrictSerializer):
    reason = Reason()


class ApprovalResumptionSerializer(StrictSerializer):
    reason = Reason()


class ApprovalUndoSerializer(StrictSerializer):
    reason = Comment()


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": LARGEST_KEY},
        "minItems": 1,
        "maxItems": MOST_AT_ONCE,
        "uniqueItems": True,
    }
)
class Keys(serializers.ListField):
    """Keys of rows, each once."""

    default_error_messages = {"repeated": _("Expected each key once.")}

    def __init__(self, **options: Any) -> None:
        key = WholeNumber(min_value=1, max_value=LARGEST_KEY)
        super().__init__(child=key, min_length=1, max_length=MOST_AT_ONCE, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        keys: list[Any] = super().to_internal_value(data)
        if len(set(keys)) != len(keys):
            self.fail("repeated")
        return keys


class ApprovalBulkSerializer(StrictSerializer):
    ids = Keys(help_text="keys of steps, each once")
    action = Enumerated(BulkAction)
    comment = Comment()


class ApprovalOutcomeSerializer(serializers.Serializer[Any]):
    """The step acted on, as it stands now, and the step that is open after it."""

    approval = ApprovalDetailSerializer()
    next = ApprovalSerializer(
        allow_null=True,
        help_text="an open step, of the same vote while it goes on; null when the flow has ended,"
        " waits or is on hold",
    )


class ApprovalBulkResultSerializer(serializers.Serializer[Any]):
    """What became of one step."""

    id = serializers.IntegerField()
    succeeded = serializers.BooleanField()
    next = serializers.IntegerField(allow_null=True, help_text="key of a step that is open now")
    error = ApprovalProblemSerializer(allow_null=True)


class ApprovalBulkResultsSerializer(serializers.Serializer[Any]):
    results = ApprovalBulkResultSerializer(many=True)
