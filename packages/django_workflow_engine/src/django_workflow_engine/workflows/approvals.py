"""Who is asked in a stage, as classes say it: by names, as files do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypedDict, Unpack

from approval_workflow.choices import RoleSelectionStrategy
from django_workflow_engine.choices import ApprovalTypes

# The name of an object, the parts of its natural key, or {"key": its key}.
Reference = str | Sequence[str | int] | Mapping[str, str | int]


class Terms(TypedDict, total=False):
    """What every kind of approval can say; see `django_workflow_engine.schemas.approvals`."""

    required_form: Reference
    step_approval_type: str
    allow_higher_level: bool
    rejection_policy: str
    exclude_starter: bool
    exclude_deciders: bool
    parallel_group: str
    parallel_required: bool
    sla_duration: timedelta | str | float
    timeout_action: str
    timeout_delegate_to: Reference
    max_escalation_level: int
    extra_fields: Mapping[str, Any]


class RoleTerms(Terms, total=False):
    """What the approval of a role can say besides: the numbers that its strategy asks for."""

    quorum_count: int
    percentage_required: float
    hierarchy_levels: int
    hierarchy_base_user: Reference
    dynamic_source: str


class AssignedTerms(Terms, total=False):
    """What the approval of people assigned can say besides."""

    quorum_count: int


@dataclass(frozen=True)
class Approval:
    """One approval, with the keys that files have for it."""

    kind: ApprovalTypes
    keys: Mapping[str, Any]


def role(
    name: Reference | None = None,
    strategy: str = RoleSelectionStrategy.ANYONE,
    **terms: Unpack[RoleTerms],
) -> Approval:
    """Ask people of a role; `strategy` says who of them (a `RoleSelectionStrategy` value)."""
    named = {} if name is None else {"user_role": name}
    return Approval(ApprovalTypes.ROLE, {**named, "role_selection_strategy": strategy, **terms})


def person(name: Reference, **terms: Unpack[Terms]) -> Approval:
    """Ask one person, named by what they sign in with."""
    return Approval(ApprovalTypes.USER, {"approval_user": name, **terms})


def requester(**terms: Unpack[Terms]) -> Approval:
    """Ask who created the object, else who started the workflow."""
    return Approval(ApprovalTypes.SELF, {**terms})


def team_head(**terms: Unpack[Terms]) -> Approval:
    """Ask the head of the requester's team."""
    return Approval(ApprovalTypes.TEAM_HEAD, {**terms})


def department_head(**terms: Unpack[Terms]) -> Approval:
    """Ask the head of the pipeline's department, else of the requester's."""
    return Approval(ApprovalTypes.DEPARTMENT_HEAD, {**terms})


def assigned(field: str = "", *, resolver: str = "", **terms: Unpack[AssignedTerms]) -> Approval:
    """Ask whom a field of the object names, as "project.owner", or a resolver of the settings."""
    named = {"assigned_field": field, "assigned_resolver": resolver}
    return Approval(
        ApprovalTypes.ASSIGNED, {**{key: name for key, name in named.items() if name}, **terms}
    )
