"""Flows as there are in a database after years, one of each kind, played through the public API."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from approval_workflow.models import ApprovalFlow
from approval_workflow.services import advance_flow
from approval_workflow.testing import make_flow, role_step, user_step
from benchmarks.company import Company
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import attach_workflow_to_object
from purchasing.models import PurchaseRequest
from tests.factories import by_user, make_workflow


@dataclass(frozen=True)
class Kind:
    """A flow, and how many of a hundred went the same way with other people."""

    share: int
    flow: ApprovalFlow
    # The people are those of the role of the step, and change with it.
    of_role: bool = False


def played(company: Company) -> Iterator[Kind]:
    """Yield the kinds, those that have ended first; one flow in ten is open."""
    one, two, starter = company.people[:3]
    role = company.roles[0]
    workflow = make_workflow([[by_user(one)], [by_user(two)]])
    month = {"sla_duration": timedelta(days=30), "timeout_action": "reject"}

    def flow(*steps: Any, **brought: Any) -> ApprovalFlow:
        return make_flow(_request(starter), *steps, started_by=starter, **brought)

    yield Kind(50, flow(one, status="completed"))
    yield Kind(15, flow(one, two, status="completed"))
    yield Kind(10, flow(one, status="rejected"))
    yield Kind(5, _approved(_delegated(flow(one), one, two), two))
    yield Kind(2, flow(role_step(role), status="completed"), of_role=True)
    yield Kind(8, _approved(_run(workflow, starter), one, two))
    yield Kind(3, flow(one, two))
    yield Kind(2, flow(user_step(one, **month)))
    yield Kind(2, flow(one, two, approved=1))
    yield Kind(1, flow(role_step(role)), of_role=True)
    yield Kind(1, _approved(flow(role_step(role, "consensus")), one), of_role=True)
    yield Kind(1, _approved(_run(workflow, starter), one))


def waiting_for_me(company: Company) -> Iterator[tuple[int, ApprovalFlow]]:
    """Yield flows that wait for the one whose inbox is known, and how many there are of each."""
    starter = company.people[0]
    for number, step in (
        (40, company.me),
        (5, role_step(company.role)),
        (10, company.junior),
        (10, company.away),
    ):
        yield number, make_flow(_request(starter), step, started_by=starter)


def _request(requester: Any) -> PurchaseRequest:
    return PurchaseRequest.objects.create(title="Paper", amount=12, requester=requester)


def _run(workflow: WorkFlow, starter: Any) -> ApprovalFlow:
    """The flow of a workflow of the engine."""
    attachment = attach_workflow_to_object(_request(starter), workflow, user=starter)
    flow: ApprovalFlow = attachment.flow
    return flow


def _delegated(flow: ApprovalFlow, person: Any, other: Any) -> ApprovalFlow:
    advance_flow(flow.target, "delegated", person, delegate_to=other)
    return flow


def _approved(flow: ApprovalFlow, *people: Any) -> ApprovalFlow:
    for person in people:
        advance_flow(flow.target, "approved", person)
    return flow
