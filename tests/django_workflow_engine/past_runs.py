"""Runs of workflows as they are stored after some time, written without being played."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from approval_workflow.choices import ApprovalStatus, EventKind
from approval_workflow.events import EventRecorder
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus
from django_workflow_engine.models import (
    ActionExecution,
    Stage,
    StageRun,
    WorkFlow,
    WorkflowAttachment,
)
from django_workflow_engine.versions import current_snapshot
from tests.testapp.models import Document

numbers = count(1)


def version_of(template: WorkFlow) -> WorkFlow:
    """The snapshot that objects would run on now."""
    return current_snapshot(template)


def run_on(
    workflow: WorkFlow, status: str = "in_progress", ended: datetime | None = None, **fields: Any
) -> WorkflowAttachment:
    """An attachment with its flow, of an object that need not exist."""
    final = status in AttachmentStatus.final()
    target = {
        "content_type": ContentType.objects.get_for_model(Document),
        "object_id": f"past {next(numbers)}",
        "is_open": None if final else True,
    }
    flow = ApprovalFlow.objects.create(
        **target, status=status if final else "in_progress", completed_at=ended
    )
    fields = {"started_at": timezone.now(), "completed_at": ended, **fields}
    return WorkflowAttachment.objects.create(
        **target, **fields, status=status, workflow=workflow, flow=flow
    )


def visit(stage: Stage, entered: datetime, left: datetime | None = None, **fields: Any) -> StageRun:
    """A visit of a stage by an object of its own, which is still there without `left`."""
    attachment = run_on(stage.pipeline.workflow, started_at=entered)
    return StageRun.objects.create(
        attachment=attachment,
        stage=stage,
        pipeline=stage.pipeline,
        entered_at=entered,
        left_at=left,
        **fields,
    )


def visits(stage: Stage, entered: datetime, durations: Iterable[timedelta]) -> None:
    """Visits that lasted so long; all of one object."""
    attachment = run_on(stage.pipeline.workflow, started_at=entered)
    StageRun.objects.bulk_create(
        StageRun(attachment=attachment, stage=stage, entered_at=entered, left_at=entered + duration)
        for duration in durations
    )


def step(attachment: WorkflowAttachment, person: Any, status: str, **fields: Any) -> Any:
    """A step of the attachment's flow; who decided it is who it was for."""
    fields = {
        "step_number": next(numbers),
        "action_user": person if fields.get("acted_at") else None,
        **fields,
    }
    return ApprovalInstance.objects.create(
        flow=attachment.flow, assigned_to=person, status=status, **fields
    )


def end_runs(
    workflow: WorkFlow,
    person: Any,
    number: int,
    *,
    status: str = "completed",
    ended: datetime | None = None,
    steps: int = 1,
    action: ExecutionStatus | None = None,
) -> list[WorkflowAttachment]:
    """So many attachments that have ended, each with steps, history and a visit of a stage.

    With `action`, each has an action in that state too. A constant number of statements.
    """
    ended = ended or timezone.now()
    stage = Stage.objects.filter(pipeline__workflow=workflow).first()
    target = {
        "content_type": ContentType.objects.get_for_model(Document),
        "is_open": None,
        "status": status,
        "completed_at": ended,
    }
    flows = ApprovalFlow.objects.bulk_create(
        ApprovalFlow(**target, object_id=f"past {next(numbers)}") for _number in range(number)
    )
    rows = WorkflowAttachment.objects.bulk_create(
        WorkflowAttachment(**target, object_id=flow.object_id, workflow=workflow, flow=flow)
        for flow in flows
    )
    instances = ApprovalInstance.objects.bulk_create(
        ApprovalInstance(
            flow=flow,
            step_number=step_number,
            assigned_to=person,
            action_user=person,
            status=ApprovalStatus.APPROVED,
            acted_at=ended,
        )
        for flow in flows
        for step_number in range(1, steps + 1)
    )
    _write_history(flows, instances, person)
    StageRun.objects.bulk_create(
        StageRun(attachment=row, stage=stage, entered_at=ended, left_at=ended) for row in rows
    )
    if action is not None:
        ActionExecution.objects.bulk_create(
            ActionExecution(
                attachment=row,
                action_type="after_approve",
                function_path="note",
                transition=uuid.uuid4(),
                position=0,
                status=action,
                run_after=ended,
            )
            for row in rows
        )
    return rows


def _write_history(flows: list[Any], instances: list[Any], person: Any) -> None:
    """One chained event for each step."""
    of_flow: dict[Any, list[Any]] = {}
    for instance in instances:
        of_flow.setdefault(instance.flow_id, []).append(instance)
    events = []
    for flow in flows:
        recorder = EventRecorder(flow)
        for instance in of_flow[flow.pk]:
            recorder.add(
                EventKind.APPROVED, instance=instance, actor=person, comment="Fine.", outcome="x"
            )
        recorder.chain()
        events += recorder._new
    type(events[0]).objects.bulk_create(events)
    ApprovalFlow.objects.bulk_update(flows, ["history_length", "history_digest"])
