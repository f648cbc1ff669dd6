"""From the approvals of a stage to the steps that the core is given."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalType
from approval_workflow.conf import settings as approval_settings
from django_workflow_engine.definition import ApprovalDefinition, StageDefinition
from django_workflow_engine.exceptions import WorkflowIncomplete

# Key in a step's `extra_fields` that says which stage the step is part of.
STAGE_KEY = "stage_id"


def build_steps(stage: StageDefinition) -> list[dict[str, Any]]:
    """Return the stage's approvals as step dictionaries, in order, without numbers.

    Raises `WorkflowIncomplete` when a role, user or form named there is gone, or none is named.
    """
    place = f"{stage.pipeline.name_en} / {stage.name_en}"
    if not stage.approvals:
        raise WorkflowIncomplete({place: _("The stage has no approvals.")})
    roles = _fetch(approval_settings.role_model, (item.role_id for item in stage.approvals))
    users = _fetch(get_user_model(), (item.user_id for item in stage.approvals))
    forms = _fetch(approval_settings.dynamic_form_model, (item.form_id for item in stage.approvals))
    errors: dict[str, str] = {}
    steps = []
    for index, approval in enumerate(stage.approvals):
        step = _step(approval, roles, users, forms)
        if step is None:
            errors[f"{place}, approvals[{index}]"] = _("The role, user or form is gone.")
        else:
            steps.append({**step, "extra_fields": {STAGE_KEY: stage.id}})
    if errors:
        raise WorkflowIncomplete(errors)
    return steps


def _step(
    approval: ApprovalDefinition,
    roles: Mapping[str, Model],
    users: Mapping[str, Model],
    forms: Mapping[str, Model],
) -> dict[str, Any] | None:
    """The step of one approval, or None when something that it names is gone."""
    step: dict[str, Any] = {
        "approval_type": approval.step_approval_type or ApprovalType.APPROVE.value,
        "allow_higher_level": approval.allow_higher_level,
        "rejection_policy": approval.rejection_policy,
    }
    if approval.role_id is not None:
        step["assigned_role"] = roles.get(str(approval.role_id))
        step["role_selection_strategy"] = approval.strategy
    else:
        step["assigned_to"] = users.get(str(approval.user_id))
    if approval.form_id is not None:
        step["form"] = forms.get(str(approval.form_id))
    named = (step.get("assigned_role") or step.get("assigned_to"), step.get("form", True))
    return step if all(named) else None


def _fetch(model: type[Model] | None, keys: Iterable[Any]) -> dict[str, Model]:
    """The named objects by the text of their key; one statement, none when nothing is named."""
    wanted = {key for key in keys if key is not None}
    if model is None or not wanted:
        return {}
    return {str(found.pk): found for found in model._default_manager.filter(pk__in=wanted)}
