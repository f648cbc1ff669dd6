"""Templates as plain data: for dashboards, diagrams and reports.

Each function takes three statements at most, however many workflows, pipelines and stages there
are. Lists and statistics are about templates; the snapshots that objects run on are not counted.

Approvals count at the level where the workflow's strategy asks people. Where that is not the stage,
pipelines, or the workflow, have the keys that say so: `approvals_count`, `has_approvals` and
`approval_configuration`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from django.db.models import Prefetch, QuerySet

from approval_workflow.choices import RoleSelectionStrategy
from approval_workflow.strategies import all_strategies
from django_workflow_engine.choices import ApprovalTypes, WorkflowStatus, WorkflowStrategy
from django_workflow_engine.definition import INFO_OF
from django_workflow_engine.models import Pipeline, Stage, WorkFlow

Data = dict[str, Any]
Place = WorkFlow | Pipeline | Stage


def get_detailed_workflow_data(
    workflow_id: Any = None, company_id: Any = None, include_inactive: bool = False
) -> Data:
    """Return one workflow, or all templates, with everything in them.

    With `workflow_id`: the dictionary of this workflow (active or not, template or snapshot);
    raises `WorkFlow.DoesNotExist`, also where it is not of the company `company_id`. Keys: `id`,
    `name_en`, `name_ar`, `company`, `company_name`, `is_active`, `pipelines_count`,
    `total_stages_count`, `pipelines`, `workflow_summary`.

    Without: `workflows` (a list of such dictionaries; only active ones unless `include_inactive`,
    only of one company with `company_id`), `total_count` and `statistics` (totals over the list).
    """
    strategies = {strategy.value: str(strategy.label) for strategy in all_strategies()}
    if workflow_id is not None:
        found = _of_company(WorkFlow.objects.all(), company_id)
        return _detailed(_with_stages(found).get(pk=workflow_id), strategies)
    templates = _of_company(WorkFlow.objects.templates(), company_id)
    if not include_inactive:
        templates = templates.attachable()
    workflows = list(_with_stages(templates))
    return {
        "workflows": [_detailed(workflow, strategies) for workflow in workflows],
        "total_count": len(workflows),
        "statistics": _overview(workflows),
    }


def get_workflow_pipeline_structure(workflow_id: Any) -> Data:
    """Return `pipelines` with their `stages`, as a diagram needs them.

    A pipeline has `id`, `name_en` and `stages`; a stage `id`, `name_en`, `color` (empty where none
    is set) and `approvals_count`, which pipelines, or the answer itself, have where those ask.
    Raises `WorkFlow.DoesNotExist`.
    """
    workflow = _with_stages(WorkFlow.objects.all()).get(pk=workflow_id)
    structure: Data = {
        "pipelines": [_drawn_pipeline(workflow, each) for each in workflow.pipelines.all()]
    }
    if workflow.strategy == WorkflowStrategy.WORKFLOW:
        structure["approvals_count"] = len(_own_approvals(workflow, workflow))
    return structure


def get_workflow_approval_summary(workflow_id: Any) -> Data:
    """Return how many approvals a workflow asks for, and of which kind.

    `total_approvals`; `by_type` with every `ApprovalTypes` value and `by_strategy` with every
    `RoleSelectionStrategy` value, 0 included; `by_pipeline`, a list with `id`, `name_en`,
    `stages_count`, `total_approvals` and `by_type`. Raises `WorkFlow.DoesNotExist`.
    """
    workflow = _with_stages(WorkFlow.objects.all()).get(pk=workflow_id)
    approvals = _approvals(workflow)
    return {
        "total_approvals": len(approvals),
        "by_type": _count(approvals, "approval_type", ApprovalTypes.values),
        "by_strategy": _count(approvals, "role_selection_strategy", RoleSelectionStrategy.values),
        "by_pipeline": [_pipeline_summary(workflow, each) for each in workflow.pipelines.all()],
    }


def get_workflow_statistics(company_id: Any = None) -> Data:
    """Return numbers about all templates, or about those of one company.

    `overview`: `total_workflows`, `active_workflows`, `total_pipelines`, `total_stages`,
    `total_approvals`, `avg_pipelines_per_workflow`, `avg_stages_per_workflow`,
    `avg_approvals_per_stage` (0 where there is nothing to divide by). `by_company`: by the name of
    the company's user, `workflows`, `active_workflows`, `pipelines`, `stages` and `approvals`;
    workflows of no company are in the overview only.
    """
    workflows = list(_with_stages(_of_company(WorkFlow.objects.templates(), company_id)))
    return {
        "overview": _overview(workflows),
        "by_company": {name: _totals(of_company) for name, of_company in _by_company(workflows)},
    }


def _of_company(workflows: Any, company_id: Any) -> Any:
    return workflows if company_id is None else workflows.filter(company_id=company_id)


def _with_stages(workflows: Any) -> "QuerySet[WorkFlow]":
    stages = Stage.objects.order_by("order", "pk")
    pipelines = Pipeline.objects.order_by("order", "pk").prefetch_related(
        Prefetch("stages", queryset=stages)
    )
    found: QuerySet[WorkFlow] = workflows.select_related("company")
    return found.prefetch_related(Prefetch("pipelines", queryset=pipelines))


def _drawn_pipeline(workflow: WorkFlow, pipeline: Pipeline) -> Data:
    drawn: Data = {
        "id": pipeline.pk,
        "name_en": pipeline.name_en,
        "stages": [
            {
                "id": stage.pk,
                "name_en": stage.name_en,
                "color": stage.stage_info.get("color", ""),
                "approvals_count": len(_own_approvals(workflow, stage)),
            }
            for stage in pipeline.stages.all()
        ],
    }
    if workflow.strategy == WorkflowStrategy.PIPELINE:
        drawn["approvals_count"] = len(_own_approvals(workflow, pipeline))
    return drawn


def _detailed(workflow: WorkFlow, strategies: Mapping[str, str]) -> Data:
    pipelines = list(workflow.pipelines.all())
    stages = _stages(workflow)
    detailed = {
        "id": workflow.pk,
        "name_en": workflow.name_en,
        "name_ar": workflow.name_ar,
        "company": workflow.company_id,
        "company_name": _company_name(workflow.company),
        "is_active": workflow.is_active,
        "pipelines_count": len(pipelines),
        "total_stages_count": len(stages),
        "pipelines": [_detailed_pipeline(workflow, each, strategies) for each in pipelines],
        "workflow_summary": {
            "total_pipelines": len(pipelines),
            "total_stages": len(stages),
            "total_approvals": len(_approvals(workflow)),
        },
    }
    if workflow.strategy == WorkflowStrategy.WORKFLOW:
        detailed |= _configuration(workflow, workflow, strategies)
    return detailed


def _detailed_pipeline(
    workflow: WorkFlow, pipeline: Pipeline, strategies: Mapping[str, str]
) -> Data:
    stages = list(pipeline.stages.all())
    detailed = {
        "id": pipeline.pk,
        "name_en": pipeline.name_en,
        "stages_count": len(stages),
        "stages": [
            {
                "id": stage.pk,
                "name_en": stage.name_en,
                **_configuration(workflow, stage, strategies),
            }
            for stage in stages
        ],
    }
    if workflow.strategy == WorkflowStrategy.PIPELINE:
        detailed |= _configuration(workflow, pipeline, strategies)
    return detailed


def _configuration(workflow: WorkFlow, place: Place, strategies: Mapping[str, str]) -> Data:
    """Whom a place asks, in numbers and in full."""
    approvals = _own_approvals(workflow, place)
    return {
        "approvals_count": len(approvals),
        "has_approvals": bool(approvals),
        "approval_configuration": {
            "approvals": [_with_displays(approval, strategies) for approval in approvals]
        },
    }


def _with_displays(approval: Mapping[str, Any], strategies: Mapping[str, str]) -> Data:
    """The approval as it is stored, and its words in the language that is active."""
    labels = dict(ApprovalTypes.choices)
    kind: Any = approval.get("approval_type")
    displays = {"approval_type_display": str(labels.get(kind, kind))}
    strategy = approval.get("role_selection_strategy")
    if strategy is not None:
        displays["strategy_display"] = strategies.get(strategy, strategy)
    return {**approval, **displays}


def _pipeline_summary(workflow: WorkFlow, pipeline: Pipeline) -> Data:
    approvals = _pipeline_approvals(workflow, pipeline)
    return {
        "id": pipeline.pk,
        "name_en": pipeline.name_en,
        "stages_count": len(pipeline.stages.all()),
        "total_approvals": len(approvals),
        "by_type": _count(approvals, "approval_type", ApprovalTypes.values),
    }


def _overview(workflows: Sequence[WorkFlow]) -> Data:
    totals = _totals(workflows)
    in_stages = [each for each in workflows if each.strategy == WorkflowStrategy.STAGE]
    return {
        "total_workflows": totals["workflows"],
        "active_workflows": totals["active_workflows"],
        "total_pipelines": totals["pipelines"],
        "total_stages": totals["stages"],
        "total_approvals": totals["approvals"],
        "avg_pipelines_per_workflow": _average(totals["pipelines"], totals["workflows"]),
        "avg_stages_per_workflow": _average(totals["stages"], totals["workflows"]),
        "avg_approvals_per_stage": _average(_totals(in_stages)["approvals"], totals["stages"]),
    }


def _totals(workflows: Sequence[WorkFlow]) -> dict[str, int]:
    return {
        "workflows": len(workflows),
        "active_workflows": sum(_is_active(workflow) for workflow in workflows),
        "pipelines": sum(len(workflow.pipelines.all()) for workflow in workflows),
        "stages": sum(len(_stages(workflow)) for workflow in workflows),
        "approvals": sum(len(_approvals(workflow)) for workflow in workflows),
    }


def _by_company(workflows: Iterable[WorkFlow]) -> list[tuple[str, list[WorkFlow]]]:
    """The workflows of each company; companies of one name are told apart by user name."""
    of_company: dict[Any, list[WorkFlow]] = {}
    for workflow in workflows:
        if workflow.company is not None:
            of_company.setdefault(workflow.company, []).append(workflow)
    times = Counter(_company_name(company) for company in of_company)
    return [
        (name if times[name] == 1 else f"{name} ({company.get_username()})", found)
        for company, found in of_company.items()
        for name in [str(_company_name(company))]
    ]


def _company_name(company: Any) -> str | None:
    if company is None:
        return None
    full_name = getattr(company, "get_full_name", str)()
    return str(full_name or company.get_username())


def _is_active(workflow: WorkFlow) -> bool:
    return workflow.is_active and workflow.status == WorkflowStatus.ACTIVE


def _stages(workflow: WorkFlow) -> list[Stage]:
    return [stage for pipeline in workflow.pipelines.all() for stage in pipeline.stages.all()]


def _approvals(workflow: WorkFlow) -> list[Data]:
    """All approvals that the workflow asks for."""
    of_pipelines = (_pipeline_approvals(workflow, each) for each in workflow.pipelines.all())
    return [*_own_approvals(workflow, workflow), *chain.from_iterable(of_pipelines)]


def _pipeline_approvals(workflow: WorkFlow, pipeline: Pipeline) -> list[Data]:
    of_stages = (_own_approvals(workflow, stage) for stage in pipeline.stages.all())
    return [*_own_approvals(workflow, pipeline), *chain.from_iterable(of_stages)]


def _own_approvals(workflow: WorkFlow, place: Place) -> list[Data]:
    """The approvals stored with a row; none where the workflow does not ask at its level."""
    level, field = INFO_OF[type(place)]
    return list(getattr(place, field).get("approvals", ())) if level == workflow.strategy else []


def _count(approvals: Iterable[Data], key: str, always: Iterable[str]) -> dict[str, int]:
    """How often each value of a key occurs; the values in `always` are there with 0 too."""
    found = Counter(approval[key] for approval in approvals if key in approval)
    return {**dict.fromkeys(always, 0), **found}


def _average(number: int, of: int) -> float:
    return round(number / of, 2) if of else 0.0
