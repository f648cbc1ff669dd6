"""Values as people read them: names for keys, labels for choices."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalType, RejectionPolicy, TimeoutAction
from approval_workflow.conf import settings as approval_settings
from approval_workflow.strategies import get_strategy, known_strategies
from django_workflow_engine.choices import (
    ActionExecutionMode,
    ApprovalTypes,
    FailurePolicy,
    StageKind,
    WorkflowStatus,
    WorkflowStrategy,
)
from django_workflow_engine.definition import ApprovalDefinition
from django_workflow_engine.differences.parts import length_of_time, part_in_words

# The kinds of things that keys name.
ROLES, USERS, FORMS = "roles", "users", "forms"
KIND_OF_FIELD: Mapping[str, str] = {
    "user_role": ROLES,
    "approval_user": USERS,
    "hierarchy_base_user": USERS,
    "timeout_delegate_to": USERS,
    "company": USERS,
    "required_form": FORMS,
}
CHOICES: Mapping[str, Any] = {
    "approval_type": ApprovalTypes,
    "step_approval_type": ApprovalType,
    "rejection_policy": RejectionPolicy,
    "timeout_action": TimeoutAction,
    "status": WorkflowStatus,
    "strategy": WorkflowStrategy,
    "execution": ActionExecutionMode,
    "failure_policy": FailurePolicy,
    "kind": StageKind,
}


@dataclass(frozen=True)
class Words:
    """What keys are called: for each kind, {key as text: object}."""

    named: Mapping[str, Mapping[str, Any]]
    departments: Mapping[tuple[Any, str], Any]

    @classmethod
    def of(cls, keys: Iterable[tuple[str, Any]], departments: Iterable[tuple[Any, Any]]) -> "Words":
        """Read the objects that fields name: at most one statement for each kind."""
        wanted: dict[str, set[Any]] = {}
        for field, key in keys:
            if field in KIND_OF_FIELD and key is not None:
                wanted.setdefault(KIND_OF_FIELD[field], set()).add(key)
        models = {
            ROLES: approval_settings.role_model,
            USERS: get_user_model(),
            FORMS: approval_settings.dynamic_form_model,
        }
        named = {kind: _objects(models[kind], found) for kind, found in wanted.items()}
        return cls(named, _departments(departments))

    def shown(self, field: str, value: Any) -> str | None:
        """Return a value in words, or None for nothing."""
        if value is None or value in ("", {}, [], ()):
            return None
        if field in KIND_OF_FIELD:
            return self._name(self.named.get(KIND_OF_FIELD[field], {}).get(str(value)), value)
        if field == "department":
            return self._name(self.departments.get(value), value[1])
        if field == "role_selection_strategy":
            return _strategy(value)
        return _plain(field, value)

    def approval(self, approval: ApprovalDefinition) -> str:
        """Return who is asked in an approval."""
        if approval.user_id is not None:
            return str(self.shown("approval_user", approval.user_id))
        if approval.strategy:
            return _("%(role)s (%(strategy)s)") % {
                "role": self.shown("user_role", approval.role_id) or "-",
                "strategy": _strategy(approval.strategy),
            }
        label = str(ApprovalTypes(approval.kind).label)
        found_by = approval.assigned_field or approval.assigned_resolver
        return f"{label} ({found_by})" if found_by else label

    @staticmethod
    def _name(found: Any, key: Any) -> str:
        return str(found) if found is not None else _("%(key)s (gone)") % {"key": key}


def name_of(named: Any) -> str:
    """Return the name of a pipeline, place or workflow in the language that is active."""
    arabic = (get_language() or "").startswith("ar")
    return str(named.name_ar if arabic and named.name_ar else named.name_en)


def _plain(field: str, value: Any) -> str:
    if field in CHOICES and value in CHOICES[field].values:
        return str(CHOICES[field](value).label)
    if isinstance(value, timedelta):
        return length_of_time(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field == "join" and value == "all":
        return _("all")
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return part_in_words(value) or str(value)


def _strategy(value: str) -> str:
    # One of the project's own may be gone from the settings.
    return str(get_strategy(value).label) if value in known_strategies() else value


def _objects(model: type[Model] | None, keys: set[Any]) -> dict[str, Any]:
    if model is None:
        return {}
    return {str(found.pk): found for found in model._default_manager.filter(pk__in=keys)}


def _departments(wanted: Iterable[tuple[Any, Any]]) -> dict[tuple[Any, str], Any]:
    by_model: dict[Any, set[Any]] = {}
    for content_type_id, key in wanted:
        if content_type_id is not None and key is not None:
            by_model.setdefault(content_type_id, set()).add(key)
    return {
        (content_type_id, key): found
        for content_type_id, keys in by_model.items()
        for key, found in _objects(
            ContentType.objects.get_for_id(content_type_id).model_class(), keys
        ).items()
    }
