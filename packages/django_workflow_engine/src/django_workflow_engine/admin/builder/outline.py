"""A workflow in words, for those who may look at it but not change it, and for versions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.admin.steps import strategy_label
from approval_workflow.choices import ApprovalType, RejectionPolicy, TimeoutAction
from django_workflow_engine.admin.builder.approvals import initial_of
from django_workflow_engine.admin.builder.conditions import in_words
from django_workflow_engine.admin.builder.lengths import write as length_in_words
from django_workflow_engine.admin.builder.objects import (
    DEPARTMENT,
    FORM,
    KIND_OF_FIELD,
    model_of,
    names_of,
)
from django_workflow_engine.admin.builder.parameters import write
from django_workflow_engine.admin.builder.vocabulary import function_label
from django_workflow_engine.admin.builder.way_notes import group_notes, waiting_notes, way_notes
from django_workflow_engine.choices import (
    ActionExecutionMode,
    ApprovalTypes,
    FailurePolicy,
    StageKind,
)
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction


@dataclass(frozen=True)
class ActionOutline:
    action: WorkflowAction
    function: str
    parameters: list[tuple[str, str]]
    # What else is to be said of it.
    notes: list[str]


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
    form: str
    # What it waits for besides people, and where objects go from it.
    notes: list[str]
    approvals: list[ApprovalOutline]
    actions: list[ActionOutline]

    @property
    def asks_people(self) -> bool:
        info = self.stage.stage_info
        kind = info.get("kind") if isinstance(info, dict) else None
        return kind in (None, StageKind.APPROVAL)


@dataclass(frozen=True)
class PipelineOutline:
    pipeline: Pipeline
    department: str
    notes: list[str]
    approvals: list[ApprovalOutline]
    stages: list[StageOutline]
    actions: list[ActionOutline]


@dataclass(frozen=True)
class WorkflowOutline:
    approvals: list[ApprovalOutline]
    pipelines: list[PipelineOutline]
    actions: list[ActionOutline]


def outline_of(workflow: WorkFlow) -> WorkflowOutline:
    """Return what a workflow consists of; its relations should have been prefetched."""
    names = _Names(workflow)
    return WorkflowOutline(
        approvals=_approvals(workflow.workflow_info, names),
        pipelines=[_pipeline(pipeline, names) for pipeline in workflow.pipelines.all()],
        actions=action_outlines(workflow.actions.all()),
    )


def named_in(workflow: WorkFlow) -> dict[str, list[Any]]:
    """Return the keys of all that a workflow names, by kind."""
    found: dict[str, list[Any]] = {kind: [] for kind in (*KIND_OF_FIELD.values(), DEPARTMENT)}
    for approval in _all_approvals(workflow):
        for field, kind in KIND_OF_FIELD.items():
            if approval.get(field):
                found[kind].append(approval[field])
    for pipeline in workflow.pipelines.all():
        if pipeline.department_id:
            found[DEPARTMENT].append(pipeline.department_id)
        forms = (_form_of(stage) for stage in pipeline.stages.all())
        found[FORM] += [form for form in forms if form]
    return found


class _Names:
    """The names of all that a workflow refers to, one statement a kind."""

    def __init__(self, workflow: WorkFlow) -> None:
        self._names = {
            kind: names_of(model_of(kind), keys) for kind, keys in named_in(workflow).items()
        }

    def of(self, kind: str, key: Any) -> str:
        """Return a name, or what is known of something that has been deleted."""
        name = self._names[kind].get(str(key))
        return name if name is not None else _("%(key)s (deleted)") % {"key": key}


def approvals_in(info: Any) -> list[dict[str, Any]]:
    """Return the stored approvals of a stage, a pipeline or a workflow, whatever is stored."""
    stored = info.get("approvals") if isinstance(info, Mapping) else None
    return initial_of(stored) if isinstance(stored, list) else []


def _all_approvals(workflow: WorkFlow) -> Iterator[dict[str, Any]]:
    yield from approvals_in(workflow.workflow_info)
    for pipeline in workflow.pipelines.all():
        yield from approvals_in(pipeline.pipeline_info)
        for stage in pipeline.stages.all():
            yield from approvals_in(stage.stage_info)


def _form_of(stage: Stage) -> Any:
    return stage.form_info.get("required_form") if isinstance(stage.form_info, dict) else None


def _pipeline(pipeline: Pipeline, names: _Names) -> PipelineOutline:
    key = pipeline.department_id
    return PipelineOutline(
        pipeline=pipeline,
        department=names.of(DEPARTMENT, key) if key else "",
        notes=list(group_notes(pipeline.pipeline_info)),
        approvals=_approvals(pipeline.pipeline_info, names),
        stages=[_stage(stage, names) for stage in pipeline.stages.all()],
        actions=action_outlines(pipeline.actions.all()),
    )


def _stage(stage: Stage, names: _Names) -> StageOutline:
    info = stage.stage_info if isinstance(stage.stage_info, dict) else {}
    form = _form_of(stage)
    return StageOutline(
        stage=stage,
        color=str(info.get("color") or ""),
        form=names.of(FORM, form) if form else "",
        notes=[*waiting_notes(info), *way_notes(info)],
        approvals=_approvals(info, names),
        actions=action_outlines(stage.actions.all()),
    )


def _approvals(info: Any, names: _Names) -> list[ApprovalOutline]:
    return [_approval(approval, names) for approval in approvals_in(info)]


def _approval(approval: dict[str, Any], names: _Names) -> ApprovalOutline:
    of_role = approval.get("approval_type") == ApprovalTypes.ROLE
    return ApprovalOutline(
        who=_who(approval, names),
        strategy=strategy_label(approval.get("role_selection_strategy", "")) if of_role else "",
        notes=list(_notes(approval, names)),
    )


def _who(approval: dict[str, Any], names: _Names) -> str:
    kind = approval.get("approval_type", "")
    for field in ("user_role", "approval_user"):
        if approval.get(field):
            return names.of(KIND_OF_FIELD[field], approval[field])
    for field in ("assigned_field", "assigned_resolver"):
        if approval.get(field):
            return _("whom “%(source)s” names") % {"source": approval[field]}
    if kind == ApprovalTypes.ROLE:
        return _("people above in the hierarchy, or found for the object")
    return str(dict(ApprovalTypes.choices).get(kind, kind))


def _notes(approval: dict[str, Any], names: _Names) -> Iterator[str]:
    if approval.get("required_form"):
        form = names.of(FORM, approval["required_form"])
        yield _("Form: %(form)s") % {"form": form}
    kind = approval.get("step_approval_type", ApprovalType.APPROVE)
    if kind != ApprovalType.APPROVE:
        yield _label(ApprovalType, kind)
    if approval.get("allow_higher_level") is False:
        yield _("nobody above may act instead")
    policy = approval.get("rejection_policy", RejectionPolicy.FIRST)
    if policy != RejectionPolicy.FIRST:
        yield _label(RejectionPolicy, policy)
    yield from _number_notes(approval, names)
    yield from _duty_notes(approval)
    yield from _deadline_notes(approval, names)


def _number_notes(approval: dict[str, Any], names: _Names) -> Iterator[str]:
    texts = {
        "quorum_count": _("how many must approve: %(value)s"),
        "percentage_required": _("how many per cent must approve: %(value)s"),
        "hierarchy_levels": _("levels up: %(value)s"),
        "dynamic_source": _("found by: %(value)s"),
    }
    for key, text in texts.items():
        if approval.get(key):
            yield text % {"value": approval[key]}
    if approval.get("hierarchy_base_user"):
        person = names.of(KIND_OF_FIELD["hierarchy_base_user"], approval["hierarchy_base_user"])
        yield _("counted from %(person)s") % {"person": person}


def _duty_notes(approval: dict[str, Any]) -> Iterator[str]:
    if approval.get("exclude_starter"):
        yield _("not whoever started the workflow")
    if approval.get("exclude_deciders"):
        yield _("not whoever has approved before")
    if approval.get("parallel_group"):
        yield _("side by side, on the track “%(track)s”") % {"track": approval["parallel_group"]}
        if approval.get("parallel_required") is False:
            yield _("nothing waits for this track")


def _deadline_notes(approval: dict[str, Any], names: _Names) -> Iterator[str]:
    if approval.get("sla_duration"):
        yield _("to be done within %(length)s") % {
            "length": length_in_words(approval["sla_duration"])
        }
    if approval.get("timeout_action"):
        action = _label(TimeoutAction, approval["timeout_action"])
        yield _("when it is late: %(action)s") % {"action": action}
    if approval.get("timeout_delegate_to"):
        person = names.of(KIND_OF_FIELD["timeout_delegate_to"], approval["timeout_delegate_to"])
        yield _("handed over to %(person)s") % {"person": person}
    if approval.get("max_escalation_level"):
        yield _("escalated at most so often: %(value)s") % {
            "value": approval["max_escalation_level"]
        }


def _label(vocabulary: Any, value: Any) -> str:
    return str(dict(vocabulary.choices).get(value, value))


def action_outlines(actions: Iterable[WorkflowAction]) -> list[ActionOutline]:
    """Return actions in words."""
    return [
        ActionOutline(
            action=action,
            function=function_label(action.function_path),
            parameters=list(parameters_in_words(action.parameters)),
            notes=list(_action_notes(action)),
        )
        for action in actions
    ]


def parameters_in_words(parameters: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield names and values; what is inside an object is named by its way."""
    for name, value in parameters.items() if isinstance(parameters, Mapping) else ():
        if isinstance(value, Mapping) and value:
            yield from parameters_in_words(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", write(value)[1]


def _action_notes(action: WorkflowAction) -> Iterator[str]:
    for condition in in_words(action.conditions):
        yield _("only if %(condition)s") % {"condition": condition}
    if action.when:
        yield _("only if %(condition)s") % {"condition": action.when}
    if action.compensation:
        yield _("taken back by %(function)s") % {"function": function_label(action.compensation)}
    if action.execution:
        yield _label(ActionExecutionMode, action.execution)
    if action.failure_policy == FailurePolicy.STOP:
        yield _label(FailurePolicy, action.failure_policy)
