"""Attach an object to a workflow whose stages ask one person each, and start it.

The first time a snapshot of the template is taken and compiled; afterwards both are there. Who
writes by hand is given the snapshot and its keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from benchmarks.driver import Driver
from benchmarks.measuring import Operation
from benchmarks.operations.people import approver, new_object
from benchmarks.operations.rows import DIGEST, FLOW, STEP, insert, step_values, tell
from benchmarks.operations.run_rows import ATTACHMENT, VISIT, stored_run
from benchmarks.operations.templates import Version, make_template, make_version
from django_workflow_engine.models import StageRun, WorkflowAttachment
from django_workflow_engine.services import attach_workflow_to_object
from purchasing.models import PurchaseRequest

# As the API has it at other times: with others on the same workflow.
OTHERS = 998


@dataclass
class Started:
    """Rows that the next approval changes; by hand, only their keys."""

    attachment: Any
    flow: Any
    step: Any
    visit: Any


@dataclass(frozen=True)
class New:
    """An object that is to be attached."""

    obj: PurchaseRequest
    version: Version


def operations() -> Iterator[Operation]:
    for stages in (6, 100):
        yield Operation(
            name=f"attach and start, {stages} stages, the first time",
            subject=lambda stages=stages: (new_object(), make_template(stages)),
            api=lambda subject: attach_workflow_to_object(*subject, user=approver()),
            rounds=10,
        )
        yield Operation(
            name=f"attach and start, {stages} stages, the 1,000th time",
            subject=lambda stages=stages: New(new_object(), busy_version(stages)),
            api=_by_api,
            orm=lambda new: attach_by_orm(new).attachment,
            sql=lambda new, driver: WorkflowAttachment(pk=attach_by_hand(new, driver).attachment),
            left=lambda _new, attachment: stored_run(attachment),
            rounds=30,
        )


@cache
def busy_version(stages: int) -> Version:
    """Return a version that as many objects are attached to as the name of the operation says."""
    version = make_version(stages)
    WorkflowAttachment.objects.bulk_create(
        WorkflowAttachment(
            workflow=version.workflow,
            snapshot_key=version.key,
            content_type=ContentType.objects.get_for_model(PurchaseRequest),
            object_id=f"another {version.workflow.pk}-{number}",
        )
        for number in range(OTHERS)
    )
    return version


def _by_api(new: New) -> WorkflowAttachment:
    return attach_workflow_to_object(new.obj, new.version.template, user=approver())


def attach_by_orm(new: New) -> Started:
    with transaction.atomic():
        return started_by_orm(new)


def started_by_orm(new: New) -> Started:
    now, person, version = timezone.now(), approver(), new.version
    content_type = ContentType.objects.get_for_model(new.obj)
    (stage, pipeline), (following, _pipeline) = version.places[:2]
    flow = ApprovalFlow.objects.create(
        content_type=content_type, object_id=str(new.obj.pk), started_by=person
    )
    step = ApprovalInstance.objects.create(
        flow=flow,
        step_number=1,
        assigned_to=person,
        status="current",
        started_at=now,
        extra_fields={"stage_id": stage, "pipeline_id": pipeline, "approval": 0},
    )
    ApprovalEvent.objects.bulk_create(
        [
            ApprovalEvent(
                flow=flow,
                sequence=1,
                kind="flow_started",
                actor=person,
                to_status="in_progress",
                data={"steps": 1},
                created_at=now,
                digest=DIGEST,
            ),
            ApprovalEvent(
                flow=flow,
                sequence=2,
                kind="step_opened",
                instance=step,
                from_status="pending",
                to_status="current",
                data={"step": 1, "asked": [str(person.pk)]},
                created_at=now,
                digest=DIGEST,
            ),
        ]
    )
    flow.version, flow.history_length, flow.history_digest = 2, 2, DIGEST
    flow.save(update_fields=["version", "history_length", "history_digest"])
    attachment = WorkflowAttachment.objects.create(
        workflow=version.workflow,
        snapshot_key=version.key,
        content_type=content_type,
        object_id=str(new.obj.pk),
        status="in_progress",
        flow=flow,
        current_stage_id=stage,
        current_pipeline_id=pipeline,
        next_stage_id=following,
        started_by=person,
        started_at=now,
    )
    visit = StageRun.objects.create(
        attachment=attachment, stage_id=stage, pipeline_id=pipeline, entered_at=now
    )
    return Started(attachment, flow, step, visit)


def attach_by_hand(new: New, driver: Driver) -> Started:
    with driver.transaction():
        return started_by_hand(new, driver)


def started_by_hand(new: New, driver: Driver) -> Started:
    now, person, version = timezone.now(), approver().pk, new.version
    content_type = ContentType.objects.get_for_model(new.obj).pk
    (stage, pipeline), (following, _pipeline) = version.places[:2]
    flow = _one(
        driver,
        FLOW,
        content_type_id=content_type,
        object_id=str(new.obj.pk),
        status="in_progress",
        is_open=True,
        version=2,
        started_by_id=person,
        created_at=now,
        history_length=2,
        history_digest=DIGEST,
    )
    extra = f'{{"stage_id": {stage}, "pipeline_id": {pipeline}, "approval": 0}}'
    values = step_values(flow, 1, person, now, current=True)
    step = _one(driver, STEP, **{**values, "extra_fields": extra})
    tell(
        driver,
        {
            "flow_id": flow,
            "sequence": 1,
            "kind": "flow_started",
            "actor_id": person,
            "to_status": "in_progress",
            "data": {"steps": 1},
            "created_at": now,
        },
        {
            "flow_id": flow,
            "sequence": 2,
            "kind": "step_opened",
            "instance_id": step,
            "from_status": "pending",
            "to_status": "current",
            "data": {"step": 1, "asked": [str(person)]},
            "created_at": now,
        },
    )
    attachment = _one(
        driver,
        ATTACHMENT,
        workflow_id=version.workflow.pk,
        snapshot_key=version.key.hex,
        content_type_id=content_type,
        object_id=str(new.obj.pk),
        status="in_progress",
        is_open=True,
        flow_id=flow,
        current_stage_id=stage,
        current_pipeline_id=pipeline,
        next_stage_id=following,
        started_by_id=person,
        created_at=now,
        started_at=now,
        metadata="{}",
        hold_reason="",
        passed_places="[]",
    )
    visit = visit_by_hand(driver, attachment, version.places[0], now)
    return Started(attachment, flow, step, visit)


def visit_by_hand(
    driver: Driver, attachment: Any, place: tuple[Any, Any], now: Any, step: Any = None
) -> Any:
    stage, pipeline = place
    return _one(
        driver,
        VISIT,
        attachment_id=attachment,
        stage_id=stage,
        pipeline_id=pipeline,
        round=1,
        entered_at=now,
        outcome="",
        status="",
        problem="",
        entered_by_step=step,
    )


def _one(driver: Driver, table: str, **values: Any) -> Any:
    """Insert one row and return its key."""
    return insert(driver, table, values, [values.values()], returning="id").row()[0]
