"""Decisions on objects that run on workflows."""

from typing import Any

from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated

from approval_workflow.choices import Action, ApprovalType
from approval_workflow.exceptions import UnknownAction
from approval_workflow.forms import check_form_data
from approval_workflow.models import ApprovalInstance
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.serializers.errors import as_api_errors
from django_workflow_engine.services import act_on_object


class WorkflowApprovalSerializer(serializers.Serializer[Model]):
    """What the person of `context["request"]` decides on the object given as `instance`.

    `action` is an action of the core by name, value or verb, in any case. `form_data` goes with an
    approval, `stage_id` (the template's or the snapshot's), or `pipeline_id` where pipelines ask
    people, with a request for resubmission, `user_id` with a delegation or an escalation,
    `reason` with any of them.

    `save()` returns the `WorkflowAttachment` after the decision. It raises `ValidationError` (form
    errors by path under `form_data`), `PermissionDenied`, or an error with the status 409 where the
    object is not in a state for this, each with the code of the error behind it.
    """

    action = serializers.CharField(write_only=True)
    form_data = serializers.JSONField(write_only=True, allow_null=True, default=None)
    reason = serializers.CharField(write_only=True, allow_blank=True, allow_null=True, default="")
    stage_id = serializers.IntegerField(write_only=True, allow_null=True, default=None)
    pipeline_id = serializers.IntegerField(write_only=True, allow_null=True, default=None)
    user_id = serializers.JSONField(write_only=True, allow_null=True, default=None)

    def validate_action(self, value: str) -> Action:
        try:
            return Action.parse(value)
        except UnknownAction as error:
            raise serializers.ValidationError(error.message, code=error.code) from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["action"] is Action.APPROVE:
            step = self._own_step()
            if step is not None:
                with as_api_errors():
                    check_form_data(step, attrs["form_data"])
        return attrs

    def save(self, **kwargs: Any) -> WorkflowAttachment:
        """Decide, validating first where that was not done."""
        self.is_valid(raise_exception=True)
        decision = {**self.validated_data, **kwargs}
        with as_api_errors():
            return act_on_object(
                self._object(),
                decision["action"],
                self._user(),
                reason=decision["reason"] or "",
                form_data=decision["form_data"],
                stage_id=decision["stage_id"],
                pipeline_id=decision["pipeline_id"],
                user_id=decision["user_id"],
            )

    def _object(self) -> Model:
        if not isinstance(self.instance, Model):
            raise TypeError("WorkflowApprovalSerializer(instance=...) takes the object decided on.")
        return self.instance

    def _user(self) -> Any:
        try:
            user = self.context["request"].user
        except KeyError:
            raise TypeError(
                "WorkflowApprovalSerializer(context={'request': ...}) takes the person's request."
            ) from None
        if not user.is_authenticated:
            raise NotAuthenticated
        return user

    def _own_step(self) -> ApprovalInstance | None:
        """The open step assigned to the person, if it asks for the form now.

        Its form can be judged before anything is locked; other steps are judged when saving.
        """
        rows = ApprovalInstance.objects.for_object(self._object()).current().in_order()
        step = rows.filter(assigned_to=self._user()).first()
        if step is None:
            return None
        checks_in = step.approval_type == ApprovalType.CHECK_IN_VERIFY and not step.checked_in_at
        return None if checks_in else step
