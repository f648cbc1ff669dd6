"""Read what waits for a person: a page, a page far behind, and how much there is.

By hand it is known whose steps these are, and asked for those that are open: no rule about roles
lost, claims, votes and the separation of duties is looked at. The data is such that none changes
the answer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from statistics import median
from time import perf_counter_ns
from typing import Any

from django.db.models import F, QuerySet

from approval_workflow.choices import ApprovalStatus
from approval_workflow.inbox import waiting_for
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from benchmarks.company import Company
from benchmarks.driver import Driver
from benchmarks.measuring import Operation
from benchmarks.operations.reads import columns, keys
from benchmarks.operations.rows import FLOW, STEP
from benchmarks.single import Single
from benchmarks.sizes import FEW, MANY, company_of, filled
from purchasing.models import Role, User

PAGE = 50
TURNS = 40
WAITING = (
    f"FROM {STEP} s JOIN {FLOW} f ON f.id = s.flow_id"
    " WHERE s.status = 'current' AND f.is_open AND s.assigned_to_id IN ({people})"
)
IN_ORDER = "ORDER BY s.due_at NULLS LAST, s.started_at, s.id"


@dataclass(frozen=True)
class Reader:
    """Whose inbox is read from where on, and whose steps are in it."""

    user: User
    people: list[Any]
    begin: int = 0


def operations() -> Iterator[Operation]:
    for flows in (FEW, MANY):
        yield _page(f"inbox page, {flows:,} flows", flows, _me)
        yield _count(f"inbox count, {flows:,} flows", flows, _me)
    yield _page(f"inbox page of somebody above 95 people, {MANY:,} flows", MANY, _head)
    yield _page(f"last inbox page of theirs, {MANY:,} flows", MANY, _head_at_the_end)
    yield _count(f"inbox count of theirs, {MANY:,} flows", MANY, _head)


def singles() -> Iterator[Single]:
    yield Single(f"inbox with {MANY:,} flows / with {FEW:,}", _growth)


def _me(company: Company) -> Reader:
    return Reader(company.me, [company.me.pk, company.junior.pk, company.away.pk])


@cache
def _head(company: Company) -> Reader:
    head = company.head
    below = Role.objects.get(pk=head.role_id).get_descendants()
    return Reader(
        head, [head.pk, *User.objects.filter(role__in=below).values_list("pk", flat=True)]
    )


@cache
def _head_at_the_end(company: Company) -> Reader:
    reader = _head(company)
    return Reader(reader.user, reader.people, _counted(reader) - PAGE)


def _page(name: str, flows: int, reader: Callable[[Company], Reader]) -> Operation:
    return Operation(
        name=name,
        subject=lambda: reader(company_of(flows)),
        api=_read,
        orm=lambda subject: _paged(_by_orm(subject), subject),
        sql=_by_hand,
        left=lambda _subject, rows: keys(rows),
        around=lambda: filled(flows),
    )


def _count(name: str, flows: int, reader: Callable[[Company], Reader]) -> Operation:
    return Operation(
        name=name,
        subject=lambda: reader(company_of(flows)),
        api=_counted,
        orm=lambda subject: _by_orm(subject).count(),
        sql=_counted_by_hand,
        left=lambda _subject, number: number,
        around=lambda: filled(flows),
    )


def _read(reader: Reader) -> list[ApprovalInstance]:
    return _paged(waiting_for(reader.user), reader)


def _counted(reader: Reader) -> int:
    return waiting_for(reader.user).count()


def _paged(rows: "QuerySet[ApprovalInstance]", reader: Reader) -> list[ApprovalInstance]:
    return list(rows.select_related("flow")[reader.begin : reader.begin + PAGE])


def _by_orm(reader: Reader) -> "QuerySet[ApprovalInstance]":
    return ApprovalInstance.objects.filter(
        assigned_to__in=reader.people, status=ApprovalStatus.CURRENT, flow__is_open=True
    ).order_by(F("due_at").asc(nulls_last=True), "started_at", "pk")


def _by_hand(reader: Reader, driver: Driver) -> list[Any]:
    found = columns(ApprovalInstance, "s"), columns(ApprovalFlow, "f")
    sql = f"SELECT {', '.join(found)} {_waiting(reader)} {IN_ORDER} LIMIT %s OFFSET %s"
    return driver.run(sql, *reader.people, PAGE, reader.begin).rows()


def _counted_by_hand(reader: Reader, driver: Driver) -> int:
    sql = f"SELECT COUNT(*) {_waiting(reader)}"
    return int(driver.run(sql, *reader.people).row()[0])


def _waiting(reader: Reader) -> str:
    return WAITING.format(people=", ".join(["%s"] * len(reader.people)))


def _growth(quick: bool) -> Iterable[tuple[str, str]]:
    """The same page of the same 65 steps in both databases, in turns."""
    for what, read in (("page", _read), ("count", _counted)):
        times: dict[int, list[int]] = {FEW: [], MANY: []}
        for turn in range(3 if quick else TURNS):
            for flows in (FEW, MANY) if turn % 2 else (MANY, FEW):
                with filled(flows) as company:
                    times[flows].append(_timed(read, _me(company)))
        few, many = (median(times[flows]) / 1e6 for flows in (FEW, MANY))
        name = f"inbox {what} with {MANY:,} flows / with {FEW:,}"
        yield name, f"{many / few:.2f} ({many:.2f} ms / {few:.2f} ms)"


def _timed(read: Callable[[Reader], Any], reader: Reader) -> int:
    begun = perf_counter_ns()
    read(reader)
    return perf_counter_ns() - begun
