"""Several writers at a time, each a process of its own: approvals a second."""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

from approval_workflow.exceptions import NoCurrentStep
from approval_workflow.services import advance_flow, start_flow
from benchmarks.children import at_once
from benchmarks.driver import Driver
from benchmarks.measuring import WAYS, rotated
from benchmarks.operations import approving
from benchmarks.operations.people import approver, new_object
from benchmarks.single import Single
from purchasing.models import PurchaseRequest

WRITERS = 8
STEPS = 3


def singles() -> Iterator[Single]:
    yield Single(f"{WRITERS} writers on different flows", _on_different_flows)
    yield Single(f"{WRITERS} writers on one flow", _on_one_flow)


def _on_different_flows(quick: bool) -> Iterator[tuple[str, str]]:
    each, turns = (5, 1) if quick else (50, 3)
    for writers in (1, WRITERS):
        rates: dict[str, list[float]] = {way: [] for way in WAYS}
        for turn in range(turns):
            for way in rotated(list(WAYS), turn):
                spans = at_once([(approve_own_flows, way, each)] * writers)
                rates[way].append(writers * each / _from_first_to_last(spans))
        yield _line(f"approvals by {_number(writers)}, each on flows of its own", rates)


def _on_one_flow(quick: bool) -> Iterator[tuple[str, str]]:
    steps, turns = (8, 1) if quick else (100, 3)
    for writers in (1, WRITERS):
        rates = []
        for _turn in range(turns):
            obj = new_object()
            start_flow(obj, [{"assigned_to": approver()}] * steps)
            spans = at_once([(approve_one_flow, obj.pk)] * writers)
            rates.append(steps / _from_first_to_last(spans))
        yield f"approvals by {_number(writers)}, all on one flow", f"{median(rates):,.0f} a second"


def approve_own_flows(way: str, number: int) -> Iterator[Any]:
    """Approve a step in so many flows that nobody else touches."""
    driver = Driver()
    operation = next(approving.operations())
    first, *subjects = [approving.started(STEPS) for _flow in range(1 + number)]
    approve: Callable[..., Any] = getattr(operation, way)
    if way == "sql":
        approve = partial(_with_driver, approve, driver)
    approve(first)
    yield None
    yield _span(lambda: [approve(subject) for subject in subjects])


def approve_one_flow(key: Any) -> Iterator[Any]:
    """Approve whatever is current until the flow has ended."""
    obj = PurchaseRequest.objects.select_related("requester").get(pk=key)
    advance_flow(approving.started(STEPS).obj, "approved", approver())

    def approve() -> None:
        try:
            while True:
                advance_flow(obj, "approved", obj.requester)
        except NoCurrentStep:
            pass

    yield None
    yield _span(approve)


def _with_driver(approve: Callable[..., Any], driver: Driver, subject: Any) -> None:
    approve(subject, driver)


def _span(act: Callable[[], Any]) -> tuple[float, float]:
    """When it began and ended, by a clock that all processes of the machine share."""
    begun = perf_counter()
    act()
    return begun, perf_counter()


def _from_first_to_last(spans: list[tuple[float, float]]) -> float:
    return max(ended for _begun, ended in spans) - min(begun for begun, _ended in spans)


def _line(name: str, rates: dict[str, list[float]]) -> tuple[str, str]:
    api, orm, sql = (median(rates[way]) for way in WAYS)
    return name, (
        f"{api:,.0f} a second; by the ORM {orm:,.0f}, by SQL {sql:,.0f}"
        f" (time of the API: {orm / api:.2f} of the ORM's, {sql / api:.2f} of plain SQL's)"
    )


def _number(writers: int) -> str:
    return "one writer" if writers == 1 else f"{writers} writers"
