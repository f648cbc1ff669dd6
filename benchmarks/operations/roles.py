"""Steps that a role decides: opened by the approval before them, and decided by the last vote."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, start_flow
from benchmarks.driver import Driver
from benchmarks.measuring import Operation
from benchmarks.operations.people import approver, new_object
from benchmarks.operations.rows import DIGEST, FLOW, STEP, insert, step_values, stored, tell
from purchasing.models import PurchaseRequest, Role, User

QUORUM = 5
ROUNDS = 10


@dataclass(frozen=True)
class Case:
    """A strategy, and how many hold the role."""

    strategy: str
    holders: int

    @property
    def step(self) -> dict[str, Any]:
        numbers = {"quorum_count": QUORUM} if self.strategy == "quorum" else {}
        role, _people = _role(self.holders)
        return {"assigned_role": role, "role_selection_strategy": self.strategy, **numbers}

    @property
    def needed(self) -> int:
        return {"anyone": 1, "quorum": QUORUM, "consensus": self.holders}[self.strategy]

    @property
    def people(self) -> Sequence[User]:
        return _role(self.holders)[1]


@dataclass(frozen=True)
class Started:
    """A flow, the row that is decided and the one that opens then; who decides; what is open."""

    obj: PurchaseRequest
    flow: Any
    case: Case
    first: ApprovalInstance
    second: ApprovalInstance
    user: User
    others: int = 0


def operations() -> Iterator[Operation]:
    for strategy in ("anyone", "consensus", "quorum"):
        for holders in (10, 1_000):
            case = Case(strategy, holders)
            yield Operation(
                name=f"open a step for {holders:,} holders, {strategy}",
                subject=lambda case=case: _before_role(case),
                api=_by_api,
                orm=_open_by_orm,
                sql=_open_by_hand,
                left=lambda subject, _answer: stored(subject.flow),
                rounds=ROUNDS,
            )
            yield Operation(
                name=f"decide a step of {holders:,} holders, {strategy}",
                subject=lambda case=case: _before_last_vote(case),
                api=_by_api,
                orm=_decide_by_orm,
                sql=_decide_by_hand,
                left=lambda subject, _answer: stored(subject.flow),
                rounds=ROUNDS,
            )


@cache
def _role(holders: int) -> tuple[Role, Sequence[User]]:
    role = Role.objects.create(name=f"Role of {holders}")
    User.objects.bulk_create(
        User(username=f"holder{number} of {holders}", role=role) for number in range(holders)
    )
    return role, list(User.objects.filter(role=role).order_by("pk"))


def _before_role(case: Case) -> Started:
    obj = new_object()
    flow = start_flow(obj, [{"assigned_to": approver()}, case.step])
    first, second = flow.instances.order_by("step_number")
    return Started(obj, flow.pk, case, first, second, approver())


def _before_last_vote(case: Case) -> Started:
    """All votes that are needed but one are there, written past the API."""
    obj = new_object()
    flow = start_flow(obj, [case.step, {"assigned_to": approver()}])
    rows = list(flow.instances.filter(step_number=1).order_by("pk"))
    cast = [row.pk for row in rows[: case.needed - 1]]
    flow.instances.filter(pk__in=cast).update(
        status="approved", action_user=F("assigned_to"), acted_at=timezone.now()
    )
    last = rows[case.needed - 1]
    second = flow.instances.get(step_number=2)
    others = len(rows) - case.needed
    return Started(obj, flow.pk, case, last, second, last.assigned_to, others)


def _by_api(subject: Started) -> None:
    advance_flow(subject.obj, "approved", subject.user)


def _open_by_orm(subject: Started) -> None:
    now, role_type = timezone.now(), ContentType.objects.get_for_model(Role)
    with transaction.atomic():
        flow = ApprovalFlow.objects.select_for_update().get(pk=subject.flow)
        _close_by_orm(subject, flow, now)
        second, (holder, *others) = subject.second, subject.case.people
        second.assigned_to = holder
        _open_second_by_orm(subject, now, ["assigned_to"])
        ApprovalInstance.objects.bulk_create(
            ApprovalInstance(
                flow=flow,
                step_number=2,
                assigned_to=person,
                assigned_role_content_type=role_type,
                assigned_role_object_id=second.assigned_role_object_id,
                role_selection_strategy=second.role_selection_strategy,
                quorum_count=second.quorum_count,
                status="current",
                started_at=now,
            )
            for person in others
        )
        _tell_by_orm(subject, flow, now, subject.case.people)


def _decide_by_orm(subject: Started) -> None:
    now = timezone.now()
    with transaction.atomic():
        flow = ApprovalFlow.objects.select_for_update().get(pk=subject.flow)
        _close_by_orm(subject, flow, now)
        if subject.others:
            ApprovalInstance.objects.filter(flow=flow, step_number=1, status="current").update(
                status="cancelled", acted_at=now, updated_at=now, closed_in_version=flow.version
            )
        _open_second_by_orm(subject, now, [])
        _tell_by_orm(subject, flow, now, [approver()])


def _close_by_orm(subject: Started, flow: ApprovalFlow, now: Any) -> None:
    first = subject.first
    first.status, first.action_user, first.acted_at = "approved", subject.user, now
    first.closed_in_version = flow.version
    first.save(
        update_fields=["status", "action_user", "acted_at", "closed_in_version", "updated_at"]
    )


def _open_second_by_orm(subject: Started, now: Any, changed: list[str]) -> None:
    second = subject.second
    second.status, second.started_at = "current", now
    second.save(update_fields=[*changed, "status", "started_at", "updated_at"])


def _tell_by_orm(subject: Started, flow: ApprovalFlow, now: Any, asked: Sequence[User]) -> None:
    ApprovalEvent.objects.bulk_create(
        ApprovalEvent(**values) for values in _told(subject, flow.history_length, now, asked)
    )
    flow.version += 1
    flow.history_length, flow.history_digest = flow.history_length + 2, DIGEST
    flow.save(update_fields=["version", "history_length", "history_digest"])


def _open_by_hand(subject: Started, driver: Driver) -> None:
    now, case, second = timezone.now(), subject.case, subject.second
    with driver.transaction():
        version, length = _lock_and_close(subject, driver, now)
        _open_second(subject, driver, now, case.people[0].pk)
        rows = [
            {
                **step_values(subject.flow, 2, person.pk, now, current=True),
                "assigned_role_content_type_id": second.assigned_role_content_type_id,
                "assigned_role_object_id": second.assigned_role_object_id,
                "role_selection_strategy": case.strategy,
                "quorum_count": second.quorum_count,
            }
            for person in case.people[1:]
        ]
        insert(driver, STEP, rows[0], [row.values() for row in rows])
        _tell(subject, driver, now, (version, length), case.people)


def _decide_by_hand(subject: Started, driver: Driver) -> None:
    now = timezone.now()
    with driver.transaction():
        version, length = _lock_and_close(subject, driver, now)
        if subject.others:
            driver.run(
                f"UPDATE {STEP} SET status = 'cancelled', acted_at = %s, updated_at = %s,"
                " closed_in_version = %s"
                " WHERE flow_id = %s AND step_number = 1 AND status = 'current'",
                *(now, now, version, subject.flow),
            )
        _open_second(subject, driver, now, approver().pk)
        _tell(subject, driver, now, (version, length), [approver()])


def _lock_and_close(subject: Started, driver: Driver, now: Any) -> tuple[int, int]:
    version, length = driver.run(
        f"SELECT version, history_length FROM {FLOW} WHERE id = %s FOR UPDATE", subject.flow
    ).row()
    driver.run(
        f"UPDATE {STEP} SET status = 'approved', action_user_id = %s, acted_at = %s,"
        " closed_in_version = %s, updated_at = %s WHERE id = %s AND status = 'current'",
        *(subject.user.pk, now, version, now, subject.first.pk),
    )
    return version, length


def _open_second(subject: Started, driver: Driver, now: Any, person: Any) -> None:
    driver.run(
        f"UPDATE {STEP} SET status = 'current', started_at = %s, updated_at = %s,"
        " assigned_to_id = %s WHERE id = %s AND status = 'pending'",
        *(now, now, person, subject.second.pk),
    )


def _tell(
    subject: Started, driver: Driver, now: Any, locked: tuple[int, int], asked: Sequence[User]
) -> None:
    version, length = locked
    tell(driver, *_told(subject, length, now, asked))
    driver.run(
        f"UPDATE {FLOW} SET version = %s, history_length = %s, history_digest = %s WHERE id = %s",
        *(version + 1, length + 2, DIGEST, subject.flow),
    )


def _told(
    subject: Started, length: int, now: Any, asked: Sequence[User]
) -> Iterator[dict[str, Any]]:
    """The two events of each of these operations, by column."""
    common = {"flow_id": subject.flow, "created_at": now, "digest": DIGEST}
    yield {
        **common,
        "sequence": length + 1,
        "kind": "approved",
        "instance_id": subject.first.pk,
        "actor_id": subject.user.pk,
        "from_status": "current",
        "to_status": "approved",
        "data": {"action": "approved", "step": 1, "outcome": "approved", "result": 1},
    }
    yield {
        **common,
        "sequence": length + 2,
        "kind": "step_opened",
        "instance_id": subject.second.pk,
        "from_status": "pending",
        "to_status": "current",
        "data": {"step": 2, "asked": [str(person.pk) for person in asked]},
    }
