"""What a class is made of: stages of each kind, their routes and statuses, groups and actions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from django_workflow_engine.choices import FailurePolicy, StageKind
from django_workflow_engine.workflows.approvals import Approval, Reference

# A function itself, its dotted path, or its name given with `@workflow_action`.
Function = Callable[..., Any] | str


@dataclass(frozen=True)
class Route:
    """Where objects go from a stage: to the stage of this code, or `END`, if `when` holds."""

    to: str
    _: KW_ONLY
    # In CEL; empty: always.
    when: str = ""


@dataclass(frozen=True)
class Status:
    """One of a stage's own statuses."""

    name: str
    _: KW_ONLY
    # The stage begins with it.
    default: bool = False
    completes: bool = False
    # The workflow is rejected.
    rejects: bool = False


@dataclass(frozen=True, kw_only=True)
class Group:
    """Stages, or pipelines, that run side by side: each names the group or its attribute."""

    # How many branches are waited for: "all", "any", or a number.
    join: str | int = "all"


@dataclass(frozen=True)
class Action:
    """A function that is called after an event (an `ActionType` value)."""

    event: str
    function: Function
    _: KW_ONLY
    parameters: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    when: str = ""
    compensation: Function = ""
    execution: str = ""
    failure_policy: str = FailurePolicy.CONTINUE


@dataclass(frozen=True, eq=False)
class AnyStage:
    """What stages of all kinds can say. The attribute that has the stage is its code."""

    name_en: str
    name_ar: str = ""
    _: KW_ONLY
    color: str = ""
    skip_when: str = ""
    group: Group | str = ""
    routes: Sequence[Route] = ()
    max_visits: int | None = None
    actions: Sequence[Action] = ()

    kind: ClassVar[StageKind]

    def waits_for(self) -> dict[str, Any]:
        """Return what only this kind of stage says, with the keys of `stage_info`."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Stage(AnyStage):
    """A stage in which people decide. `form`: of the approvals that name none of their own."""

    _: KW_ONLY
    approvals: Sequence[Approval] = ()
    approve_when: str = ""
    form: Reference | None = None

    kind: ClassVar[StageKind] = StageKind.APPROVAL

    def waits_for(self) -> dict[str, Any]:
        return {"approvals": self.approvals, "approve_when": self.approve_when}


@dataclass(frozen=True, eq=False)
class JobStage(AnyStage):
    """A stage that waits for a function, which is called as those of actions are."""

    _: KW_ONLY
    job: Function
    parameters: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[StageKind] = StageKind.JOB

    def waits_for(self) -> dict[str, Any]:
        return {"job": {"function": self.job, "parameters": self.parameters}}


@dataclass(frozen=True, eq=False)
class TimerStage(AnyStage):
    """A stage that waits for a length of time, or until a moment (an expression in CEL)."""

    _: KW_ONLY
    duration: timedelta | None = None
    until: str = ""

    kind: ClassVar[StageKind] = StageKind.TIMER

    def waits_for(self) -> dict[str, Any]:
        said = {"duration": self.duration, "until": self.until}
        return {"timer": {key: value for key, value in said.items() if value}}


@dataclass(frozen=True, eq=False)
class StatusStage(AnyStage):
    """A stage that waits for one of its own statuses that completes it."""

    _: KW_ONLY
    statuses: Sequence[Status]

    kind: ClassVar[StageKind] = StageKind.STATUS

    def waits_for(self) -> dict[str, Any]:
        return {"statuses": [asdict(status) for status in self.statuses]}
