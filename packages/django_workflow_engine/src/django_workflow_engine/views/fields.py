"""Fields of requests and answers that the core has no use for."""

from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from approval_workflow.api.fields import Enumerated, Text
from approval_workflow.api.keys import key_in_json
from approval_workflow.choices import Action, ApprovalStatus
from approval_workflow.exceptions import UnknownAction
from django_workflow_engine.definition.grouping import LONGEST_CODE
from django_workflow_engine.models import Stage


class Named(Enumerated):
    """A value of an enumeration of the engine, which has a name of its own in the API's schema.

    With `others` it may be a value of one of those too.
    """

    def __init__(
        self, enumeration: type[TextChoices], *others: type[TextChoices], **options: Any
    ) -> None:
        super().__init__(enumeration, **options)
        self.enumerations = (enumeration, *others)
        self.choices = {value: label for each in self.enumerations for value, label in each.choices}


class PlaceNamed(serializers.Field[Any, Any, Any, Any]):
    """A stage, or a pipeline where those ask people: its key, or the code of a stage."""

    default_error_messages = {"no_place": _("Expected the key or the code of a stage.")}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            if 1 <= len(data) <= LONGEST_CODE and "\0" not in data:
                return data
            self.fail("no_place")
        try:
            return key_in_json(Stage, data)
        except ValueError:
            self.fail("no_place")

    def to_representation(self, value: Any) -> Any:
        return value


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
