"""Several writers at a time, each a process of its own: approvals a second."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
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
    each, turns = (5, 1) if quick else (60, 3)
    for writers in (1, WRITERS):
        spans = at_once([(approve_own_flows, each, turns)] * writers)
        rates: dict[str, list[float]] = {way: [] for way in WAYS}
        for way, *together in zip(_turns(turns), *spans, strict=True):
            rates[way].append(writers * each / _from_first_to_last(together))
        yield _line(f"approvals by {_number(writers)}, each on flows of its own", rates)


def _on_one_flow(quick: bool) -> Iterator[tuple[str, str]]:
    steps, turns = (8, 1) if quick else (200, 3)
    for writers in (1, WRITERS):
        keys = [_flow_of(steps) for _turn in range(turns)]
        spans = at_once([(approve_one_flow, keys)] * writers)
        rates = [steps / _from_first_to_last(together) for together in zip(*spans, strict=True)]
        yield f"approvals by {_number(writers)}, all on one flow", f"{median(rates):,.0f} a second"


def approve_own_flows(number: int, turns: int) -> Iterator[Any]:
    """Approve a step in so many flows that nobody else touches, by each way in turns."""
    driver = Driver()
    operation = next(approving.operations())
    for way in _turns(turns):
        first, *subjects = [approving.started(STEPS) for _flow in range(1 + number)]
        approve: Callable[..., Any] = getattr(operation, way)
        if way == "sql":
            approve = partial(_with_driver, approve, driver)
        approve(first)
        yield None
        begun = perf_counter()
        for subject in subjects:
            approve(subject)
        yield begun, perf_counter()


def approve_one_flow(keys: Sequence[Any]) -> Iterator[Any]:
    """Approve whatever is current until the flow has ended; one flow after the other."""
    advance_flow(approving.started(STEPS).obj, "approved", approver())
    for key in keys:
        obj = PurchaseRequest.objects.select_related("requester").get(pk=key)
        yield None
        begun = perf_counter()
        with suppress(NoCurrentStep):
            while True:
                advance_flow(obj, "approved", obj.requester)
        yield begun, perf_counter()


def _flow_of(steps: int) -> Any:
    obj = new_object()
    start_flow(obj, [{"assigned_to": approver()}] * steps)
    return obj.pk


def _turns(number: int) -> list[str]:
    """The ways, each so many times."""
    return [way for turn in range(number) for way in rotated(list(WAYS), turn)]


def _with_driver(approve: Callable[..., Any], driver: Driver, subject: Any) -> None:
    approve(subject, driver)


def _from_first_to_last(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds; the clock is one that all processes of the machine share."""
    return max(ended for _begun, ended in spans) - min(begun for begun, _ended in spans)


def _line(name: str, rates: dict[str, list[float]]) -> tuple[str, str]:
    api, orm, sql = (median(rates[way]) for way in WAYS)
    return name, (
        f"{api:,.0f} a second; by the ORM {orm:,.0f}, by SQL {sql:,.0f}"
        f" (time of the API: {orm / api:.2f} of the ORM's, {sql / api:.2f} of plain SQL's)"
    )


def _number(writers: int) -> str:
    return "one writer" if writers == 1 else f"{writers} writers"
