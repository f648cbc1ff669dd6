"""Workflow templates of any shape."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model

from django_workflow_engine.choices import ApprovalTypes, WorkflowStrategy
from django_workflow_engine.models import Pipeline, Stage, WorkFlow
from tests.factories.people import UserFactory

# What one stage asks for: one approval, or several one after the other.
StageApprovals = dict[str, Any] | list[dict[str, Any]]


def by_user(user: Model, **keys: Any) -> dict[str, Any]:
    """Return the approval of one person, as a stage stores it."""
    return {"approval_type": ApprovalTypes.USER.value, "approval_user": user.pk, **keys}


def by_role(role: Model, strategy: str = "anyone", **keys: Any) -> dict[str, Any]:
    """Return the approval of a role, as a stage stores it."""
    return {
        "approval_type": ApprovalTypes.ROLE.value,
        "user_role": role.pk,
        "role_selection_strategy": strategy,
        **keys,
    }


def make_workflow(
    pipelines: Sequence[Sequence[StageApprovals]] | None = None, **fields: Any
) -> WorkFlow:
    """Make a template: one pipeline for each item, one stage for each item of that.

    `make_workflow([[by_user(ann), [by_user(bob), by_role(board)]], [by_user(cid)]])` has the
    pipelines "Pipeline 1" (stages "Stage 1.1", "Stage 1.2") and "Pipeline 2" ("Stage 2.1"). Without
    `pipelines`: one stage, for a person of its own. An empty list makes a stage that asks nobody.
    """
    if pipelines is None:
        pipelines = [[by_user(UserFactory.create())]]
    workflow = WorkFlow.objects.create(**{"name_en": "Purchase approval", **fields})
    made = Pipeline.objects.bulk_create(
        Pipeline(workflow=workflow, name_en=f"Pipeline {number}", order=number)
        for number in range(1, len(pipelines) + 1)
    )
    Stage.objects.bulk_create(
        Stage(
            pipeline=pipeline,
            name_en=f"Stage {pipeline.order}.{order}",
            order=order,
            stage_info={
                "color": "#3498db",
                "approvals": approvals if isinstance(approvals, list) else [approvals],
            },
        )
        for pipeline, stages in zip(made, pipelines, strict=True)
        for order, approvals in enumerate(stages, start=1)
    )
    workflow.refresh_from_db()
    return workflow


def make_pipeline_workflow(pipelines: Sequence[StageApprovals], **fields: Any) -> WorkFlow:
    """Make a template whose pipelines ask people themselves: "Pipeline 1" and so on."""
    workflow = make_workflow([], strategy=WorkflowStrategy.PIPELINE, **fields)
    Pipeline.objects.bulk_create(
        Pipeline(
            workflow=workflow,
            name_en=f"Pipeline {number}",
            order=number,
            pipeline_info={"approvals": approvals if isinstance(approvals, list) else [approvals]},
        )
        for number, approvals in enumerate(pipelines, start=1)
    )
    workflow.refresh_from_db()
    return workflow


def make_flat_workflow(*approvals: dict[str, Any], **fields: Any) -> WorkFlow:
    """Make a template that asks people itself, without pipelines and stages."""
    return make_workflow(
        [],
        strategy=WorkflowStrategy.WORKFLOW,
        workflow_info={"approvals": list(approvals)},
        **fields,
    )


def make_large_workflow(
    stages: int, *, pipelines: int = 2, approval: dict[str, Any] | None = None, **fields: Any
) -> WorkFlow:
    """Make a template of so many stages, shared out evenly among the pipelines."""
    if approval is None:
        approval = by_user(UserFactory.create())
    size, rest = divmod(stages, pipelines)
    return make_workflow(
        [[approval] * (size + (number < rest)) for number in range(pipelines)], **fields
    )


def stages_of(workflow: WorkFlow) -> list[Stage]:
    """Return the stages of a workflow in the order in which objects pass them."""
    return list(
        Stage.objects.filter(pipeline__workflow=workflow)
        .select_related("pipeline")
        .order_by("pipeline__order", "pipeline_id", "order", "pk")
    )


def make_staged(
    *pipelines: dict[str, dict[str, Any]], infos: Sequence[dict[str, Any]] = (), **fields: Any
) -> WorkFlow:
    """Make a template of stages by code: `make_staged({"check": {...}, "legal": {...}})`.

    Each argument is a pipeline; the values are what stages store, the names their codes in title
    case. `infos`: what the pipelines store.
    """
    workflow = make_workflow([], **fields)
    for number, stages in enumerate(pipelines, start=1):
        pipeline = Pipeline.objects.create(
            workflow=workflow,
            name_en=f"Pipeline {number}",
            order=number,
            pipeline_info=infos[number - 1] if infos else {},
        )
        for order, (code, info) in enumerate(stages.items(), start=1):
            Stage.objects.create(
                pipeline=pipeline,
                code=code,
                name_en=code.replace("_", " ").title(),
                order=order,
                stage_info=info,
            )
    workflow.refresh_from_db()
    return workflow


def asking(*approvals: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """Return what a stage with these approvals stores."""
    return {"approvals": list(approvals), **keys}
