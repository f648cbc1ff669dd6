"""The one shape of every error."""

from typing import Any

from rest_framework import serializers


class ApprovalProblemSerializer(serializers.Serializer[Any]):
    """What went wrong."""

    code = serializers.CharField(help_text="stays the same between releases")
    detail = serializers.CharField(help_text="for people")
    errors = serializers.DictField(  # type: ignore[assignment]  # fields are no attributes
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="messages by their path in the request, as `steps[0].assigned_to`",
    )
    status = serializers.CharField(
        required=False, help_text="where the step or the flow stands, when that is in the way"
    )
    reason = serializers.CharField(
        required=False, help_text="code of the reason why the person may not act"
    )
