"""Start a flow of so many steps, each for one person."""

from collections.abc import Iterator

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import start_flow
from benchmarks.driver import Driver
from benchmarks.measuring import Operation
from benchmarks.operations.people import approver, new_object
from benchmarks.operations.rows import DIGEST, FLOW, STEP, insert, step_values, stored, tell
from purchasing.models import PurchaseRequest


def operations() -> Iterator[Operation]:
    for steps in (3, 10, 50):
        yield _starting(steps)


def _starting(steps: int) -> Operation:
    def api(obj: PurchaseRequest) -> ApprovalFlow:
        return start_flow(obj, [{"assigned_to": approver()}] * steps)

    def orm(obj: PurchaseRequest) -> ApprovalFlow:
        now = timezone.now()
        with transaction.atomic():
            flow = ApprovalFlow.objects.create(
                content_type=ContentType.objects.get_for_model(obj), object_id=str(obj.pk)
            )
            rows = ApprovalInstance.objects.bulk_create(
                ApprovalInstance(
                    flow=flow,
                    step_number=number,
                    assigned_to=approver(),
                    status="current" if number == 1 else "pending",
                    started_at=now if number == 1 else None,
                )
                for number in range(1, steps + 1)
            )
            ApprovalEvent.objects.bulk_create(
                [
                    ApprovalEvent(
                        flow=flow,
                        sequence=1,
                        kind="flow_started",
                        to_status="in_progress",
                        data={"steps": steps},
                        created_at=now,
                        digest=DIGEST,
                    ),
                    ApprovalEvent(
                        flow=flow,
                        sequence=2,
                        kind="step_opened",
                        instance=rows[0],
                        from_status="pending",
                        to_status="current",
                        data={"step": 1, "asked": [str(approver().pk)]},
                        created_at=now,
                        digest=DIGEST,
                    ),
                ]
            )
            flow.version, flow.history_length, flow.history_digest = 2, 2, DIGEST
            flow.save(update_fields=["version", "history_length", "history_digest"])
        return flow

    def sql(obj: PurchaseRequest, driver: Driver) -> ApprovalFlow:
        return _by_hand(obj, steps, driver)

    return Operation(
        name=f"start a flow of {steps} steps",
        subject=new_object,
        api=api,
        orm=orm,
        sql=sql,
        left=lambda _obj, flow: stored(flow.pk),
        rounds=30,
    )


def _by_hand(obj: PurchaseRequest, steps: int, driver: Driver) -> ApprovalFlow:
    now, person = timezone.now(), approver().pk
    with driver.transaction():
        columns = {
            "content_type_id": ContentType.objects.get_for_model(obj).pk,
            "object_id": str(obj.pk),
            "status": "in_progress",
            "is_open": True,
            "version": 2,
            "created_at": now,
            "history_length": 2,
            "history_digest": DIGEST,
        }
        flow = insert(driver, FLOW, columns, [columns.values()], returning="id").row()[0]
        rows = [
            step_values(flow, number, person, now, current=number == 1)
            for number in range(1, steps + 1)
        ]
        first = insert(driver, STEP, tuple(rows[0]), [row.values() for row in rows], returning="id")
        key = first.rows()[0][0]
        told = {"flow_id": flow, "created_at": now}
        tell(
            driver,
            {
                **told,
                "sequence": 1,
                "kind": "flow_started",
                "to_status": "in_progress",
                "data": {"steps": steps},
            },
            {
                **told,
                "sequence": 2,
                "kind": "step_opened",
                "instance_id": key,
                "from_status": "pending",
                "to_status": "current",
                "data": {"step": 1, "asked": [str(person)]},
            },
        )
    return ApprovalFlow(pk=flow)
