"""A workflow in words, for those who may look at it but not change it, and for versions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from approval_workflow.admin.steps import strategy_label
from approval_workflow.choices import ApprovalType, RejectionPolicy
from approval_workflow.conf import settings as approval_settings
from django_workflow_engine.admin.builder.approvals import initial_of
from django_workflow_engine.admin.builder.parameters import write
from django_workflow_engine.admin.builder.vocabulary import email_labels, names_of
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.conf import settings
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction


@dataclass(frozen=True)
class ActionOutline:
    action: WorkflowAction
    function: str
    parameters: list[tuple[str, str]]


@dataclass(frozen=True)
class ApprovalOutline:
    who: str
    strategy: str
    # What else is to be said of it.
    notes: list[str]


@dataclass(frozen=True)
class StageOutline:
    stage: Stage
    color: str
    approvals: list[ApprovalOutline]
    actions: list[ActionOutline]


@dataclass(frozen=True)
class PipelineOutline:
    pipeline: Pipeline
    department: str
    stages: list[StageOutline]
    actions: list[ActionOutline]


@dataclass(frozen=True)
class WorkflowOutline:
    pipelines: list[PipelineOutline]
    actions: list[ActionOutline]


def outline_of(workflow: WorkFlow) -> WorkflowOutline:
    """Return what a workflow consists of; its relations should have been prefetched."""
    names = _Names(workflow)
    return WorkflowOutline(
        pipelines=[_pipeline(pipeline, names) for pipeline in workflow.pipelines.all()],
        actions=action_outlines(workflow.actions.all()),
    )


class _Names:
    """The names of all that the stages of a workflow refer to, four statements in all."""

    def __init__(self, workflow: WorkFlow) -> None:
        pipelines = list(workflow.pipelines.all())
        approvals = [
            approval
            for pipeline in pipelines
            for stage in pipeline.stages.all()
            for approval in approvals_of(stage)
        ]

        def named(key: str) -> list[Any]:
            return [approval[key] for approval in approvals if approval.get(key)]

        self._names = {
            "user_role": names_of(approval_settings.role_model, named("user_role")),
            "approval_user": names_of(get_user_model(), named("approval_user")),
            "required_form": names_of(approval_settings.dynamic_form_model, named("required_form")),
            "department": names_of(
                settings.department_model,
                [pipeline.department_id for pipeline in pipelines if pipeline.department_id],
            ),
        }

    def of(self, kind: str, key: Any) -> str:
        """Return a name, or what is known of something that has been deleted."""
        name = self._names[kind].get(str(key))
        return name if name is not None else _("%(key)s (deleted)") % {"key": key}


def approvals_of(stage: Stage) -> list[dict[str, Any]]:
    """Return the stored approvals of a stage, whatever is stored there."""
    info = stage.stage_info if isinstance(stage.stage_info, dict) else {}
    stored = info.get("approvals")
    return initial_of(stored) if isinstance(stored, list) else []


def _pipeline(pipeline: Pipeline, names: _Names) -> PipelineOutline:
    key = pipeline.department_id
    return PipelineOutline(
        pipeline=pipeline,
        department=names.of("department", key) if key else "",
        stages=[_stage(stage, names) for stage in pipeline.stages.all()],
        actions=action_outlines(pipeline.actions.all()),
    )


def _stage(stage: Stage, names: _Names) -> StageOutline:
    info = stage.stage_info if isinstance(stage.stage_info, dict) else {}
    return StageOutline(
        stage=stage,
        color=str(info.get("color") or ""),
        approvals=[_approval(approval, names) for approval in approvals_of(stage)],
        actions=action_outlines(stage.actions.all()),
    )


def _approval(approval: dict[str, Any], names: _Names) -> ApprovalOutline:
    of_role = approval.get("approval_type") == ApprovalTypes.ROLE
    key = "user_role" if of_role else "approval_user"
    return ApprovalOutline(
        who=names.of(key, approval.get(key)),
        strategy=strategy_label(approval.get("role_selection_strategy", "")) if of_role else "",
        notes=_notes(approval, names),
    )


def _notes(approval: dict[str, Any], names: _Names) -> list[str]:
    notes = []
    if approval.get("required_form"):
        form = names.of("required_form", approval["required_form"])
        notes.append(_("Form: %(form)s") % {"form": form})
    kind = approval.get("step_approval_type", ApprovalType.APPROVE)
    if kind != ApprovalType.APPROVE:
        notes.append(str(dict(ApprovalType.choices).get(kind, kind)))
    if approval.get("allow_higher_level") is False:
        notes.append(_("nobody above may act instead"))
    policy = approval.get("rejection_policy", RejectionPolicy.FIRST)
    if policy != RejectionPolicy.FIRST:
        notes.append(str(dict(RejectionPolicy.choices).get(policy, policy)))
    return notes


def action_outlines(actions: Iterable[WorkflowAction]) -> list[ActionOutline]:
    """Return actions in words."""
    labels = email_labels()
    return [
        ActionOutline(
            action=action,
            function=labels.get(action.function_path, action.function_path),
            parameters=[(name, write(value)[1]) for name, value in action.parameters.items()],
        )
        for action in actions
    ]
