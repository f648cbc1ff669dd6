"""Flows in any state, made through the services: the history is as complete as in production.

They are plain functions. A project that uses factory_boy calls them from its own factories; one
that does not needs nothing more.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model

from approval_workflow.choices import FlowStatus, RoleSelectionStrategy
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import cancel_flow, hold_flow, start_flow
from approval_workflow.testing.driver import FlowDriver, FormData


def user_step(user: Any, **keys: Any) -> dict[str, Any]:
    """Return a step for one person; `keys` are those of a step."""
    return {"assigned_to": user, **keys}


def role_step(
    role: Model, strategy: str = RoleSelectionStrategy.ANYONE.value, **keys: Any
) -> dict[str, Any]:
    """Return a step for a role; `keys` are those of a step."""
    return {"assigned_role": role, "role_selection_strategy": strategy, **keys}


def make_flow(
    obj: Model,
    *steps: Any,
    started_by: Any = None,
    approved: int = 0,
    status: str = FlowStatus.IN_PROGRESS,
    form_data: FormData | None = None,
) -> ApprovalFlow:
    """Start a flow on a saved object and bring it to where a test begins.

    `steps` are dictionaries as `start_flow` takes them, or users. So many numbers as `approved`
    says are approved by those asked; then the flow is ended as `status` says: "completed" (all
    approve), "rejected" (those asked reject) or "cancelled"; or it is put "on_hold". `form_data`
    goes to steps with a form.
    """
    described = [step if isinstance(step, Mapping) else user_step(step) for step in steps]
    start_flow(obj, described, started_by)
    driver = FlowDriver(obj)
    for _number in range(approved):
        driver.approve_step(form_data=form_data)
    return _brought_to(driver, FlowStatus(status), form_data)


def _brought_to(driver: FlowDriver, status: FlowStatus, form_data: FormData | None) -> ApprovalFlow:
    if status is FlowStatus.COMPLETED:
        return driver.approve_all(form_data=form_data)
    if status is FlowStatus.REJECTED:
        return driver.reject()
    if status is FlowStatus.CANCELLED:
        return cancel_flow(driver.flow)
    if status is FlowStatus.ON_HOLD:
        return hold_flow(driver.flow)
    return driver.flow
