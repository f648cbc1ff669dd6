"""Frozen values that travel between the modules of the core."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol

from django.db.models import Model, Q

from approval_workflow.choices import ApprovalType, RejectionPolicy


class Outcome(Enum):
    """What the votes cast so far mean for a step."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decision:
    """A strategy's answer: the outcome, and why in words for people."""

    outcome: Outcome
    reason: str = ""

    @classmethod
    def open(cls, reason: str = "") -> "Decision":
        return cls(Outcome.OPEN, reason)

    @classmethod
    def approved(cls, reason: str = "") -> "Decision":
        return cls(Outcome.APPROVED, reason)

    @classmethod
    def rejected(cls, reason: str = "") -> "Decision":
        return cls(Outcome.REJECTED, reason)


@dataclass(frozen=True, slots=True)
class Votes:
    """The votes of one step: cast for, cast against, and still to come from people who may vote."""

    approved: int = 0
    rejected: int = 0
    open: int = 0

    @property
    def electorate(self) -> int:
        return self.approved + self.rejected + self.open


class StepRules(Protocol):
    """What a strategy reads of a step; step specifications and stored instances both have it."""

    @property
    def rejection_policy(self) -> str: ...

    @property
    def quorum_count(self) -> int | None: ...

    @property
    def percentage_required(self) -> Decimal | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """One step as the caller described it, checked and complete.

    Either `assigned_to` (a user) is set, or a strategy finds the people: most from `assigned_role`
    (an object of the role model).
    """

    step: int
    assigned_to: Any = None
    assigned_role: Model | None = None
    role_selection_strategy: str = ""
    # QUORUM: how many approvals; for the dynamic strategies: how many of those found (else all).
    quorum_count: int | None = None
    # PERCENTAGE: above 0, at most 100, two decimal places.
    percentage_required: Decimal | None = None
    # HIERARCHY_UP and HIERARCHY_CHAIN: how many levels up.
    hierarchy_levels: int | None = None
    # The person whose superiors are asked; None: whoever started the flow.
    hierarchy_base_user: Any = None
    # DYNAMIC_ATTRIBUTE: a path on the object; DYNAMIC_FUNCTION: the name of a function.
    dynamic_source: str = ""
    approval_type: str = ApprovalType.APPROVE.value
    form: Model | None = None
    rejection_policy: str = RejectionPolicy.FIRST.value
    allow_higher_level: bool = True
    # Separation of duties: not who started the flow; not who has decided in it.
    exclude_starter: bool = False
    exclude_deciders: bool = False
    parallel_group: str = ""
    parallel_required: bool = True
    max_escalation_level: int | None = None
    # How long the step may take once it is open, and what happens then.
    sla_duration: timedelta | None = None
    timeout_action: str = ""
    timeout_delegate_to: Any = None
    extra_fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """How many steps `replace_steps` dealt with, and how."""

    # Open or to come, and go on.
    kept: int
    # Approved before (or by the votes cast, under a new rule), so that they are not asked for.
    counted: int
    # Open or to come, and not asked for any more.
    cancelled: int
    added: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What follows in a flow, as a handler answers it.

    `steps` are dictionaries as `start_flow` takes them. Without any: the flow `waits` for something
    that is no person's decision and stays open, with nobody asked, until `continue_flow` is called;
    or, where it does not, nothing follows: the flow is completed, or rejected where the answer
    `rejects`. In a track, `joins` says that the other tracks are not needed any more. `hold`, a
    reason, puts the flow on hold afterwards; without steps, it waits when it is resumed. `notes` go
    into the history, one event each: dictionaries of JSON, and `actor` (a user) and `comment` where
    somebody did it.
    """

    steps: Sequence[Mapping[str, Any]] = ()
    waits: bool = False
    joins: bool = False
    rejects: bool = False
    hold: str = ""
    notes: Sequence[Mapping[str, Any]] = ()

    def __bool__(self) -> bool:
        return bool(self.goes_on or self.joins or self.rejects or self.notes)

    @property
    def ends_rejected(self) -> bool:
        """Whether the flow is rejected, which it is where nothing follows."""
        return self.rejects and not self.goes_on

    @property
    def stays_open(self) -> bool:
        """Whether the flow is not to end, even where nobody is asked."""
        return bool(self.waits or self.hold)

    @property
    def goes_on(self) -> bool:
        """Whether something follows."""
        return bool(self.steps or self.stays_open)

    @classmethod
    def of(cls, answer: "Continuation | Iterable[Mapping[str, Any]]") -> "Continuation":
        """Return the answer of a handler, which may be the steps alone."""
        return answer if isinstance(answer, Continuation) else cls(steps=list(answer))


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether somebody may act on a step. True in a boolean context when they may.

    `code` is stable (`assigned`, `role_holder`, `substitute`, `senior`, or the reason against);
    `reason` is for people; `on_behalf_of` is the assigned person when somebody acts for them.
    """

    allowed: bool
    code: str
    reason: str
    on_behalf_of: Any = None

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True)
class Barrier:
    """Steps that a person may not act on, whoever is asked there: which ones, and why.

    `steps` is a condition on `ApprovalInstance`, or a function that makes it when it is needed;
    `code` and `reason` as in `Permission`. `concerns` says of a row, without a statement, whether
    it can be one of them.
    """

    steps: Q | Callable[[], Q]
    code: str
    reason: str
    concerns: Callable[[Any], bool] = lambda _instance: True

    @property
    def condition(self) -> Q:
        return self.steps if isinstance(self.steps, Q) else self.steps()
