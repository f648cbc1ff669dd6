"""Steps of a new round, as JSON: keys stand for people, roles and forms."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework import serializers

from approval_workflow.api.fields import (
    Comment,
    Enumerated,
    Flag,
    JsonObject,
    Key,
    Percentage,
    Text,
    WholeNumber,
)
from approval_workflow.api.serializers.strict import StrictSerializer
from approval_workflow.choices import (
    ApprovalType,
    RejectionPolicy,
    RoleSelectionStrategy,
    TimeoutAction,
)
from approval_workflow.conf import settings

MOST_STEPS = 100
LARGEST_NUMBER = 2**31 - 1
LONGEST_TIME = timedelta(days=3660)


def role_model() -> type[Model] | None:
    return settings.role_model


def form_model() -> type[Model] | None:
    return settings.dynamic_form_model


def _number() -> WholeNumber:
    return WholeNumber(min_value=1, max_value=LARGEST_NUMBER, required=False)


class ApprovalNewStepSerializer(StrictSerializer):
    """One step, with the names that `start_flow` knows."""

    step = _number()
    assigned_to = Key(get_user_model, required=False, help_text="key of a user")
    assigned_role = Key(role_model, required=False, help_text="key of a role")
    role_selection_strategy = Text(required=False, max_length=50)
    approval_type = Enumerated(ApprovalType, required=False)
    form = Key(form_model, required=False, help_text="key of a form")
    quorum_count = _number()
    percentage_required = Percentage(required=False)
    hierarchy_levels = _number()
    hierarchy_base_user = Key(get_user_model, required=False, help_text="key of a user")
    dynamic_source = Text(required=False, max_length=300)
    rejection_policy = Enumerated(RejectionPolicy, required=False)
    allow_higher_level = Flag(required=False)
    exclude_starter = Flag(required=False)
    exclude_deciders = Flag(required=False)
    parallel_group = Text(required=False, allow_blank=True, max_length=100)
    parallel_required = Flag(required=False)
    max_escalation_level = _number()
    sla_duration = WholeNumber(
        min_value=1,
        max_value=int(LONGEST_TIME.total_seconds()),
        required=False,
        help_text="seconds",
    )
    timeout_action = Enumerated(TimeoutAction, required=False)
    timeout_delegate_to = Key(get_user_model, required=False, help_text="key of a user")
    extra_fields = JsonObject(required=False)

    def validate_role_selection_strategy(self, value: str) -> str:
        # A path on the object is for code to name, not for whoever decides.
        if value == RoleSelectionStrategy.DYNAMIC_ATTRIBUTE:
            raise serializers.ValidationError(_("This strategy cannot be chosen here."))
        return value

    def validate_sla_duration(self, value: int) -> timedelta:
        return timedelta(seconds=value)


class ApprovalResubmissionSerializer(StrictSerializer):
    """The steps of the new round."""

    steps = serializers.ListField(
        source="resubmission_steps",
        child=ApprovalNewStepSerializer(),
        min_length=1,
        max_length=MOST_STEPS,
    )
    comment = Comment()

    def validate_steps(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        errors: dict[Any, dict[str, list[str]]] = {}
        for model, names in _references():
            keys = {step[name] for step in steps for name in names if name in step}
            found = _objects(model, keys)
            for index, step in enumerate(steps):
                missing = _put_objects(step, names, found)
                if missing:
                    errors.setdefault(index, {}).update(missing)
        if errors:
            raise serializers.ValidationError(errors)
        return steps


def _references() -> Iterable[tuple[type[Model] | None, tuple[str, ...]]]:
    """The fields that hold keys, by the model of what they name."""
    yield get_user_model(), ("assigned_to", "hierarchy_base_user", "timeout_delegate_to")
    yield role_model(), ("assigned_role",)
    yield form_model(), ("form",)


def _objects(model: type[Model] | None, keys: set[Any]) -> Mapping[Any, Model]:
    return model._default_manager.in_bulk(keys) if model is not None and keys else {}


def _put_objects(
    step: dict[str, Any], names: tuple[str, ...], found: Mapping[Any, Model]
) -> dict[str, list[str]]:
    """Put the objects in the place of their keys; return the errors by field."""
    errors = {}
    for name in names:
        if name not in step:
            continue
        if step[name] in found:
            step[name] = found[step[name]]
        else:
            errors[name] = [_("There is nothing with this key.")]
    return errors
