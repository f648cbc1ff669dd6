"""Look one thing up: where an object stands, what happened to it, what a workflow is made of."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Prefetch

from approval_workflow.choices import ApprovalStatus
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.queries import timeline
from approval_workflow.testing import make_flow
from approval_workflow.utils import get_current_approval
from benchmarks.driver import Driver
from benchmarks.measuring import Operation
from benchmarks.operations.people import new_person
from benchmarks.operations.reads import columns, keys
from benchmarks.operations.rows import EVENT, FLOW, STEP
from benchmarks.sizes import MANY, company_of, filled
from django_workflow_engine.models import Pipeline, Stage, WorkFlow
from django_workflow_engine.services import get_detailed_workflow_data
from purchasing.models import PurchaseRequest, User
from tests.factories import by_user, make_large_workflow

PAGE = 50
STAGES = 100
STEPS = 40
IN_ORDER = '"order", id'


def operations() -> Iterator[Operation]:
    yield Operation(
        name=f"current step of an object, {MANY:,} flows",
        subject=_object,
        api=get_current_approval,
        orm=_step_by_orm,
        sql=_step_by_hand,
        left=lambda _obj, found: keys([found]),
        around=lambda: filled(MANY),
    )
    yield Operation(
        name=f"history page of {PAGE} events, {MANY:,} flows",
        subject=_flow,
        api=lambda flow: list(timeline(flow)[:PAGE]),
        orm=_history_by_orm,
        sql=_history_by_hand,
        left=lambda _flow, rows: keys(rows),
        around=lambda: filled(MANY),
    )
    yield Operation(
        name=f"detailed data of {STAGES} stages",
        subject=_workflow,
        api=get_detailed_workflow_data,
        orm=_workflow_by_orm,
        sql=_workflow_by_hand,
        left=lambda _key, found: _stages(found),
    )


@cache
def _object() -> PurchaseRequest:
    """One that has an open flow among all the others."""
    steps = ApprovalInstance.objects.current().filter(assigned_to=company_of(MANY).me)
    return PurchaseRequest(pk=int(steps.select_related("flow")[0].flow.object_id))


def _step_by_orm(obj: PurchaseRequest) -> ApprovalInstance | None:
    rows = ApprovalInstance.objects.filter(
        flow__content_type=ContentType.objects.get_for_model(PurchaseRequest),
        flow__object_id=str(obj.pk),
        flow__is_open=True,
        status=ApprovalStatus.CURRENT,
    )
    return rows.select_related("flow", "assigned_to").order_by("step_number", "pk").first()


def _step_by_hand(obj: PurchaseRequest, driver: Driver) -> Any:
    found = columns(ApprovalInstance, "s"), columns(ApprovalFlow, "f"), columns(User, "u")
    return driver.run(
        f"SELECT {', '.join(found)} FROM {FLOW} f JOIN {STEP} s ON s.flow_id = f.id"
        f" LEFT JOIN {User._meta.db_table} u ON u.id = s.assigned_to_id"
        " WHERE f.content_type_id = %s AND f.object_id = %s AND f.is_open"
        " AND s.status = 'current' ORDER BY s.step_number, s.id LIMIT 1",
        ContentType.objects.get_for_model(PurchaseRequest).pk,
        str(obj.pk),
    ).row()


@cache
def _flow() -> ApprovalFlow:
    """A flow with more history than goes onto a page."""
    people = [new_person() for _step in range(STEPS)]
    obj = PurchaseRequest.objects.create(title="Paper", amount=12, requester=people[0])
    return make_flow(obj, *people, status="completed")


def _history_by_orm(flow: ApprovalFlow) -> list[ApprovalEvent]:
    events = ApprovalEvent.objects.filter(flow=flow).order_by("sequence")
    related = ("actor", "on_behalf_of", "instance", "instance__assigned_to")
    return list(events.select_related(*related)[:PAGE])


def _history_by_hand(flow: ApprovalFlow, driver: Driver) -> list[Any]:
    user = User._meta.db_table
    found = [columns(ApprovalEvent, "e"), columns(ApprovalInstance, "s")]
    found += [columns(User, alias) for alias in ("a", "b", "p")]
    return driver.run(
        f"SELECT {', '.join(found)} FROM {EVENT} e LEFT JOIN {STEP} s ON s.id = e.instance_id"
        f" LEFT JOIN {user} a ON a.id = e.actor_id LEFT JOIN {user} b ON b.id = e.on_behalf_of_id"
        f" LEFT JOIN {user} p ON p.id = s.assigned_to_id"
        " WHERE e.flow_id = %s ORDER BY e.sequence LIMIT %s",
        flow.pk,
        PAGE,
    ).rows()


@cache
def _workflow() -> Any:
    return make_large_workflow(STAGES, pipelines=10, approval=by_user(new_person())).pk


def _workflow_by_orm(key: Any) -> WorkFlow:
    stages = Stage.objects.order_by("order", "pk")
    pipelines = Pipeline.objects.order_by("order", "pk").prefetch_related(
        Prefetch("stages", queryset=stages)
    )
    rows = WorkFlow.objects.select_related("company")
    return rows.prefetch_related(Prefetch("pipelines", queryset=pipelines)).get(pk=key)


def _workflow_by_hand(key: Any, driver: Driver) -> list[Any]:
    workflow, pipeline, stage = (model._meta.db_table for model in (WorkFlow, Pipeline, Stage))
    driver.run(f"SELECT * FROM {workflow} WHERE id = %s", key).row()
    driver.run(f"SELECT * FROM {pipeline} WHERE workflow_id = %s ORDER BY {IN_ORDER}", key).rows()
    return driver.run(
        f"SELECT {columns(Stage, 's')} FROM {stage} s JOIN {pipeline} p ON p.id = s.pipeline_id"
        f' WHERE p.workflow_id = %s ORDER BY p."order", p.id, s."order", s.id',
        key,
    ).rows()


def _stages(found: Any) -> list[Any]:
    """The keys of the stages in each of the answers."""
    if isinstance(found, dict):
        return [stage["id"] for each in found["pipelines"] for stage in each["stages"]]
    if isinstance(found, WorkFlow):
        return [stage.pk for each in found.pipelines.all() for stage in each.stages.all()]
    return keys(found)
