"""Strategies that pick one holder of a role."""

import secrets
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import Count, Q

from approval_workflow.choices import ApprovalStatus, RoleSelectionStrategy
from approval_workflow.conf import settings
from approval_workflow.exceptions import ApprovalMisconfigured
from approval_workflow.strategies.base import Asked, Selection, Strategy
from approval_workflow.strategies.turns import take_turn
from approval_workflow.types import StepRules


class OneHolder(Strategy):
    """Base of the strategies that ask one holder, whose approval is enough."""

    def needed(self, electorate: int, rules: StepRules) -> int:
        return 1


class OneOfThem(OneHolder):
    """Base of the strategies whose choice cannot be told before it is made."""

    def preview(self, selection: Selection) -> Sequence[Asked]:
        return [Asked(user) for user in selection.holders()]


class RoundRobin(OneOfThem):
    """The holder whose last turn in this role is longest ago."""

    value = RoleSelectionStrategy.ROUND_ROBIN.value
    label = RoleSelectionStrategy.ROUND_ROBIN.label

    def select(self, selection: Selection) -> Sequence[Any]:
        candidates = list(selection.holders())
        return [take_turn(selection.require_role(), candidates)] if candidates else []


class Random(OneOfThem):
    """Any of the holders, by chance."""

    value = RoleSelectionStrategy.RANDOM.value
    label = RoleSelectionStrategy.RANDOM.label

    def select(self, selection: Selection) -> Sequence[Any]:
        candidates = list(selection.holders())
        return [secrets.choice(candidates)] if candidates else []


class WorkloadBalanced(OneHolder):
    """The holder with the fewest open steps; of several, the one with the lowest key."""

    value = RoleSelectionStrategy.WORKLOAD_BALANCED.value
    label = RoleSelectionStrategy.WORKLOAD_BALANCED.label

    def select(self, selection: Selection) -> Sequence[Any]:
        open_steps = Count(
            "approval_instances", filter=Q(approval_instances__status=ApprovalStatus.CURRENT)
        )
        return list(
            selection.holders().annotate(open_steps=open_steps).order_by("open_steps", "pk")[:1]
        )


class SeniorityBased(OneHolder):
    """The holder who joined first: the lowest value of `APPROVAL_SENIORITY_FIELD`."""

    value = RoleSelectionStrategy.SENIORITY_BASED.value
    label = RoleSelectionStrategy.SENIORITY_BASED.label

    def select(self, selection: Selection) -> Sequence[Any]:
        holders, name = selection.holders(), settings.seniority_field
        try:
            return list(holders.order_by(name, "pk")[:1])
        except FieldError as error:
            raise ApprovalMisconfigured(
                f"{holders.model._meta.label} has no field {name!r}: set APPROVAL_SENIORITY_FIELD."
            ) from error


class LeadOnly(OneHolder):
    """The person in `APPROVAL_ROLE_LEAD_FIELD` of the role, who need not hold it."""

    value = RoleSelectionStrategy.LEAD_ONLY.value
    label = RoleSelectionStrategy.LEAD_ONLY.label
    bound_to_role = False

    def select(self, selection: Selection) -> Sequence[Any]:
        role, name = selection.require_role().instance, settings.role_lead_field
        if role is None:
            return []
        if not hasattr(role, name):
            raise ApprovalMisconfigured(
                f"{role._meta.label} has no field {name!r}: set APPROVAL_ROLE_LEAD_FIELD."
            )
        lead = getattr(role, name)
        return [lead] if lead is not None and selection.is_eligible(lead) else []
