"""Fields of requests and answers that the core has no use for."""

from typing import Any

from rest_framework import serializers

from approval_workflow.api.fields import Enumerated, Text
from approval_workflow.choices import Action, ApprovalStatus
from approval_workflow.exceptions import UnknownAction


class Named(Enumerated):
    """A value of an enumeration of the engine, which has a name of its own in the API's schema."""


class ActionWord(Text):
    """An action of the core, by value, name or verb, in any case."""

    def to_internal_value(self, data: Any) -> Action:
        try:
            return Action.parse(super().to_internal_value(data))
        except UnknownAction as error:
            raise serializers.ValidationError(error.message, code=error.code) from error

    def words(self) -> list[str]:
        """Return every word that stands for an action, in small and in capital letters."""
        values = {action.value for action in Action}
        names = {status.name for status in ApprovalStatus if status.value in values}
        words = values | names | {action.name for action in Action}
        return sorted({case for word in words for case in (word.lower(), word.upper())})
