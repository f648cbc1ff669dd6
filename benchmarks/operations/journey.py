"""A whole journey: attach, six approvals, and the thirteen actions that are due on the way.

Each transition is one transaction. Each action is run as the runner does it by default: a
transaction that claims its row, and one that locks it, calls the function and marks it as done.
Who writes by hand does that too, with the same function, but asks for nothing: neither who may
approve and what follows, nor which rows are due; and the function gets the row alone, without
attachment, stage and person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from json import dumps
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow
from benchmarks.driver import Driver
from benchmarks.measuring import Operation
from benchmarks.operations.attaching import (
    New,
    Started,
    started_by_hand,
    started_by_orm,
    visit_by_hand,
)
from benchmarks.operations.people import approver, new_object
from benchmarks.operations.rows import DIGEST, FLOW, STEP, insert, step_values, tell
from benchmarks.operations.run_rows import ATTACHMENT, EXECUTION, VISIT, stored_run
from benchmarks.operations.templates import NOTHING, Version, make_version, nothing
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.services import attach_workflow_to_object

STAGES = 6
START, MOVE = ("on_workflow_start",), ("after_approve", "after_move_stage")
END = ("after_approve", "on_workflow_complete")


@cache
def _version() -> Version:
    return make_version(STAGES, sorted({*START, *MOVE, *END}))


def operations() -> Iterator[Operation]:
    yield Operation(
        name="a journey of six approvals with actions",
        subject=lambda: New(new_object(), _version()),
        api=_by_api,
        orm=_by_orm,
        sql=lambda new, driver: WorkflowAttachment(pk=_ByHand(new, driver).go()),
        left=lambda _new, attachment: stored_run(attachment),
        rounds=15,
    )


def _by_api(new: New) -> WorkflowAttachment:
    attachment = attach_workflow_to_object(new.obj, new.version.template, user=approver())
    for _stage in range(STAGES):
        advance_flow(new.obj, "approved", approver())
    return attachment


def _by_orm(new: New) -> WorkflowAttachment:
    with transaction.atomic():
        run = started_by_orm(new)
        due = _due_by_orm(new, run, START, 0)
    _run_by_orm(due)
    for stage in range(STAGES):
        with transaction.atomic():
            due = _approved_by_orm(new, run, stage)
        _run_by_orm(due)
    attachment: WorkflowAttachment = run.attachment
    return attachment


def _approved_by_orm(new: New, run: Started, stage: int) -> list[ActionExecution]:
    now, person, places = timezone.now(), approver(), new.version.places
    flow = ApprovalFlow.objects.select_for_update().get(pk=run.flow.pk)
    step, visit, attachment = run.step, run.visit, run.attachment
    step.status, step.action_user, step.acted_at = "approved", person, now
    step.closed_in_version = flow.version
    step.save(
        update_fields=["status", "action_user", "acted_at", "closed_in_version", "updated_at"]
    )
    visit.left_at, visit.outcome, visit.left_by_step = now, "approved", step.pk
    visit.save(update_fields=["left_at", "outcome", "left_by_step"])
    told = _Told(flow.pk, flow.history_length, now)
    told.approved(step.pk, stage + 1)
    flow.version += 1
    changed = ["version", "history_length", "history_digest"]
    events = MOVE if stage + 1 < STAGES else END
    if events is MOVE:
        stage_id, pipeline_id = places[stage + 1]
        run.step = ApprovalInstance.objects.create(
            flow=flow,
            step_number=stage + 2,
            assigned_to=person,
            status="current",
            started_at=now,
            extra_fields={"stage_id": stage_id, "pipeline_id": pipeline_id, "approval": 0},
        )
        told.opened(run.step.pk, stage + 2)
        attachment.current_stage_id = stage_id
        attachment.next_stage_id = _stage_after(places, stage + 1)
        attachment.save(update_fields=["current_stage", "next_stage"])
        run.visit = StageRun.objects.create(
            attachment=attachment,
            stage_id=stage_id,
            pipeline_id=pipeline_id,
            entered_at=now,
            entered_by_step=step.pk,
        )
    else:
        told.completed()
        flow.status, flow.is_open, flow.completed_at = "completed", None, now
        changed += ["status", "is_open", "completed_at"]
        attachment.status, attachment.is_open, attachment.completed_at = "completed", None, now
        attachment.current_stage = attachment.current_pipeline = attachment.next_stage = None
        attachment.save(
            update_fields=[
                *("status", "is_open", "completed_at"),
                *("current_stage", "current_pipeline", "next_stage"),
            ]
        )
    ApprovalEvent.objects.bulk_create(ApprovalEvent(**values) for values in told.rows)
    flow.history_length, flow.history_digest = told.length, DIGEST
    flow.save(update_fields=changed)
    return _due_by_orm(new, run, events, stage)


def _due_by_orm(new: New, run: Started, events: Sequence[str], stage: int) -> list[Any]:
    transition, now = uuid4(), timezone.now()
    return ActionExecution.objects.bulk_create(
        ActionExecution(
            attachment=run.attachment,
            action_id=new.version.actions[event],
            action_type=event,
            function_path=NOTHING,
            context=_context(new.version, event, stage),
            transition=transition,
            position=position,
            run_after=now,
        )
        for position, event in enumerate(events)
    )


def _run_by_orm(due: Sequence[ActionExecution]) -> None:
    for row in due:
        with transaction.atomic():
            claimed = ActionExecution.objects.select_for_update().get(pk=row.pk)
            claimed.status, claimed.attempts, claimed.started_at = "running", 1, timezone.now()
            claimed.save(update_fields=["status", "attempts", "started_at"])
        with transaction.atomic():
            locked = ActionExecution.objects.select_for_update().get(pk=row.pk)
            nothing(locked, locked.parameters, **locked.context)
            locked.status, locked.finished_at = "done", timezone.now()
            locked.log = [_logged(locked.started_at, locked.finished_at)]
            locked.save(update_fields=["status", "finished_at", "result", "error", "log"])


@dataclass
class _ByHand:
    """The same by plain SQL."""

    new: New
    driver: Driver
    run: Started = field(init=False)

    def go(self) -> Any:
        with self.driver.transaction():
            self.run = started_by_hand(self.new, self.driver)
            due = self._due(START, 0)
        self._run(due)
        for stage in range(STAGES):
            with self.driver.transaction():
                due = self._approved(stage)
            self._run(due)
        return self.run.attachment

    def _approved(self, stage: int) -> list[Any]:
        driver, run, places = self.driver, self.run, self.new.version.places
        now, person, step = timezone.now(), approver().pk, self.run.step
        version, length = driver.run(
            f"SELECT version, history_length FROM {FLOW} WHERE id = %s FOR UPDATE", run.flow
        ).row()
        driver.run(
            f"UPDATE {STEP} SET status = 'approved', action_user_id = %s, acted_at = %s,"
            " closed_in_version = %s, updated_at = %s WHERE id = %s AND status = 'current'",
            *(person, now, version, now, step),
        )
        driver.run(
            f"UPDATE {VISIT} SET left_at = %s, outcome = 'approved', left_by_step = %s"
            " WHERE id = %s",
            *(now, step, run.visit),
        )
        told = _Told(run.flow, length, now)
        told.approved(step, stage + 1)
        events = MOVE if stage + 1 < STAGES else END
        if events is MOVE:
            stage_id, pipeline_id = places[stage + 1]
            values = step_values(run.flow, stage + 2, person, now, current=True)
            extra = {"stage_id": stage_id, "pipeline_id": pipeline_id, "approval": 0}
            values["extra_fields"] = dumps(extra)
            asked = insert(driver, STEP, values, [values.values()], returning="id")
            run.step = asked.row()[0]
            told.opened(run.step, stage + 2)
            driver.run(
                f"UPDATE {ATTACHMENT} SET current_stage_id = %s, next_stage_id = %s WHERE id = %s",
                *(stage_id, _stage_after(places, stage + 1), run.attachment),
            )
            run.visit = visit_by_hand(driver, run.attachment, places[stage + 1], now, step)
        else:
            told.completed()
            driver.run(
                f"UPDATE {ATTACHMENT} SET status = 'completed', is_open = NULL, completed_at = %s,"
                " current_stage_id = NULL, current_pipeline_id = NULL, next_stage_id = NULL"
                " WHERE id = %s",
                *(now, run.attachment),
            )
        tell(driver, *told.rows)
        ended = (
            "" if events is MOVE else ", status = 'completed', is_open = NULL, completed_at = %s"
        )
        driver.run(
            f"UPDATE {FLOW} SET version = %s, history_length = %s, history_digest = %s{ended}"
            " WHERE id = %s",
            *(version + 1, told.length, DIGEST),
            *([] if events is MOVE else [now]),
            run.flow,
        )
        return self._due(events, stage)

    def _due(self, events: Sequence[str], stage: int) -> list[Any]:
        transition, now, version = uuid4(), timezone.now(), self.new.version
        rows = [
            {
                "attachment_id": self.run.attachment,
                "action_id": version.actions[event],
                "action_type": event,
                "function_path": NOTHING,
                "parameters": "{}",
                "context": dumps(_context(version, event, stage)),
                "execution": "process",
                "failure_policy": "continue",
                "transition": transition.hex,
                "position": position,
                "status": "pending",
                "attempts": 0,
                "run_after": now,
                "error": "",
                "compensation": "",
                "log": "[]",
                "created_at": now,
            }
            for position, event in enumerate(events)
        ]
        values = [row.values() for row in rows]
        return [
            row[0] for row in insert(self.driver, EXECUTION, rows[0], values, returning="id").rows()
        ]

    def _run(self, due: Sequence[Any]) -> None:
        driver = self.driver
        lock = f"SELECT parameters, context FROM {EXECUTION} WHERE id = %s FOR UPDATE"
        for key in due:
            started = timezone.now()
            with driver.transaction():
                driver.run(lock, key).row()
                driver.run(
                    f"UPDATE {EXECUTION} SET status = 'running', attempts = 1, started_at = %s"
                    " WHERE id = %s",
                    *(started, key),
                )
            with driver.transaction():
                nothing(*driver.run(lock, key).row())
                finished = timezone.now()
                driver.run(
                    f"UPDATE {EXECUTION} SET status = 'done', finished_at = %s, result = NULL,"
                    " error = '', log = %s WHERE id = %s",
                    *(finished, dumps([_logged(started, finished)]), key),
                )


@dataclass
class _Told:
    """Events of one approval, numbered on from those that there are."""

    flow: Any
    length: int
    now: datetime
    rows: list[dict[str, Any]] = field(default_factory=list)

    def approved(self, step: Any, number: int) -> None:
        data = {"action": "approved", "step": number, "outcome": "approved", "result": 1}
        self._add(
            kind="approved",
            instance_id=step,
            actor_id=approver().pk,
            from_status="current",
            to_status="approved",
            data=data,
        )

    def opened(self, step: Any, number: int) -> None:
        self._add(kind="steps_added", data={"steps": [number]})
        self._add(
            kind="step_opened",
            instance_id=step,
            from_status="pending",
            to_status="current",
            data={"step": number, "asked": [str(approver().pk)]},
        )

    def completed(self) -> None:
        self._add(kind="flow_completed", from_status="in_progress", to_status="completed", data={})

    def _add(self, **values: Any) -> None:
        self.length += 1
        numbered = {"flow_id": self.flow, "sequence": self.length, "digest": DIGEST}
        self.rows.append({**numbered, "created_at": self.now, **values})


def _stage_after(places: Sequence[tuple[Any, Any]], position: int) -> Any:
    return next((stage for stage, _pipeline in places[position + 1 :]), None)


def _context(version: Version, event: str, stage: int) -> dict[str, Any]:
    """What an action must see; `stage` is the place of the approval."""
    moved = event == "after_move_stage"
    stage_id, pipeline_id = version.places[stage + moved]
    context = {"language": "en-us", "stage_id": stage_id, "pipeline_id": pipeline_id}
    context["user_id"] = approver().pk
    if event != "on_workflow_start":
        context |= {"reason": "", "instance_id": 1, "form_data": None}
    if event == "after_approve":
        context["stage_complete"] = True
    return context | ({"previous_stage_id": version.places[stage][0]} if moved else {})


def _logged(started: datetime, finished: datetime) -> dict[str, Any]:
    return {
        "attempt": 1,
        "started_at": started.isoformat(),
        "finished_at": finished.isoformat(),
        "outcome": "done",
        "error": "",
    }
