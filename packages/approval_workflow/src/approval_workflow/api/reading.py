"""Rows with what answers show of them: the statements do not grow with the rows."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.targets import fetch_objects


def flows_shown(flows: QuerySet[ApprovalFlow]) -> QuerySet[ApprovalFlow]:
    """Return the flows with the people that answers name."""
    return flows.select_related("started_by")


def steps_shown(steps: QuerySet[ApprovalInstance]) -> QuerySet[ApprovalInstance]:
    """Return the steps with the flow and the people that answers name."""
    return steps.select_related("assigned_to", "action_user", "flow", "flow__started_by")


def fetch_targets(flows: Sequence[ApprovalFlow]) -> None:
    """Read the objects of the flows, one statement for each kind."""
    fetch_objects(flows, "target", "content_type")


def fetch_around(steps: Sequence[ApprovalInstance]) -> None:
    """Read the objects of the steps' flows, and their roles."""
    fetch_targets([step.flow for step in steps])
    fetch_roles(steps)


def fetch_roles(steps: Sequence[ApprovalInstance]) -> None:
    fetch_objects(steps, "assigned_role", "assigned_role_content_type")


def steps_of(flow: ApprovalFlow) -> list[ApprovalInstance]:
    """Return all steps of the flow in order."""
    steps = list(flow.instances.select_related("assigned_to", "action_user").in_order())
    fetch_roles(steps)
    return steps


def step_shown(key: Any) -> ApprovalInstance:
    """Return the step as it is stored now."""
    step = steps_shown(ApprovalInstance.objects.all()).get(pk=key)
    fetch_around([step])
    return step
