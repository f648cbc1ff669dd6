"""Statuses that people set on the stages of objects."""

from typing import Any

from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated

from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.serializers.errors import as_api_errors
from django_workflow_engine.services import (
    get_workflow_attachment,
    require_trust_with_statuses,
    update_stage_status,
)


class WorkflowStatusSerializer(serializers.Serializer[Model]):
    """The status that the person of `context["request"]` sets on the object given as `instance`.

    `status` is one of those of the stage that the object is at, `stage_id` the stage where it is at
    several, `context_data` what conditions may name besides. `save()` returns the
    `WorkflowAttachment` after it, and raises as `WorkflowApprovalSerializer` does.
    """

    status = serializers.CharField(write_only=True)
    context_data = serializers.DictField(write_only=True, required=False)
    reason = serializers.CharField(write_only=True, allow_blank=True, default="")
    stage_id = serializers.IntegerField(write_only=True, allow_null=True, default=None)

    def save(self, **kwargs: Any) -> WorkflowAttachment:
        """Set the status, validating first where that was not done."""
        self.is_valid(raise_exception=True)
        obj, user = self._object(), self._user()
        with as_api_errors():
            require_trust_with_statuses(get_workflow_attachment(obj), user)
            return update_stage_status(obj, user=user, **{**self.validated_data, **kwargs})

    def _object(self) -> Model:
        if not isinstance(self.instance, Model):
            raise TypeError("WorkflowStatusSerializer(instance=...) takes the object.")
        return self.instance

    def _user(self) -> Any:
        user = self.context["request"].user
        if not user.is_authenticated:
            raise NotAuthenticated
        return user
