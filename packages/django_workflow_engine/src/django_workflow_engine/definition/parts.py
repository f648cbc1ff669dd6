"""The parts of a definition: places, approvals, routes, actions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy

from approval_workflow.choices import ApprovalType, RejectionPolicy
from django_workflow_engine.choices import FailurePolicy, StageKind, WorkflowStrategy

# A level of the inheritance and the key of its row; the last two levels have no key.
Level = tuple[str, Any]
WORKFLOW_LEVEL: Level = ("workflow", None)
DEFAULT_LEVEL: Level = ("default", None)


@dataclass(frozen=True, kw_only=True)
class ApprovalDefinition:
    """One approval of a place. Fields that its kind does not have are empty.

    Names that the stored keys do not have: `kind`, `role_id`, `strategy`, `user_id`, `form_id`,
    `base_user_id`, `timeout_user_id`.
    """

    # An `ApprovalTypes` value.
    kind: str
    role_id: Any = None
    # Empty where no role is asked.
    strategy: str = ""
    user_id: Any = None
    assigned_field: str = ""
    assigned_resolver: str = ""
    # Numbers of the strategy, as `StepSpec` has them.
    quorum_count: int | None = None
    percentage_required: Decimal | None = None
    hierarchy_levels: int | None = None
    base_user_id: Any = None
    dynamic_source: str = ""
    # Its own form, else that of the stage.
    form_id: Any = None
    step_approval_type: str = ApprovalType.APPROVE.value
    allow_higher_level: bool = True
    rejection_policy: str = RejectionPolicy.FIRST.value
    exclude_starter: bool = False
    exclude_deciders: bool = False
    parallel_group: str = ""
    parallel_required: bool = True
    sla_duration: timedelta | None = None
    timeout_action: str = ""
    timeout_user_id: Any = None
    max_escalation_level: int | None = None
    extra_fields: Mapping[str, Any] = field(default_factory=dict)


# Key in the `extra_fields` of a step that only who has a permission decides on: the key of the
# stage in the template, or 0 where no stage asks.
PERMISSION_KEY = "permission_stage"


@dataclass(frozen=True, kw_only=True)
class PipelineDefinition:
    """`template_id` is the key in the template; `id` is the same where no snapshot was taken."""

    id: Any
    template_id: Any
    name_en: str
    name_ar: str


@dataclass(frozen=True, kw_only=True)
class RouteDefinition:
    """Where an object may go when its stage is done."""

    # The code of a stage; empty: the end of the workflow.
    to: str
    # In CEL; empty: always.
    when: str = ""


@dataclass(frozen=True, kw_only=True)
class JobDefinition:
    """The function that a stage waits for, as the function of an action is called."""

    function: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TimerDefinition:
    """How long a stage waits, or until which moment (an expression in CEL)."""

    duration: timedelta | None = None
    until: str = ""


@dataclass(frozen=True, kw_only=True)
class StatusDefinition:
    """One of a stage's own statuses; the stage is done when one is set that completes it."""

    name: str
    default: bool = False
    completes: bool = False
    # The workflow is rejected.
    rejects: bool = False


@dataclass(frozen=True, kw_only=True)
class PlaceDefinition:
    """Where an object stands while people are asked.

    By the workflow's strategy this is a stage, a pipeline, or the workflow itself; `id` is the key
    of that. `template_id` as in `PipelineDefinition`.
    """

    # A `WorkflowStrategy` value.
    level: str
    id: Any
    template_id: Any
    name_en: str
    name_ar: str
    order: int = 0
    color: str = ""
    # None where the workflow itself asks.
    pipeline: PipelineDefinition | None = None
    approvals: tuple[ApprovalDefinition, ...] = ()
    # A word by which routes and conditions name the place.
    code: str = ""
    # A `StageKind` value.
    kind: str = StageKind.APPROVAL.value
    # Conditions in CEL; empty: none.
    skip_when: str = ""
    approve_when: str = ""
    # In the order in which they are asked.
    routes: tuple[RouteDefinition, ...] = ()
    # How often one object may come here; None: as LOOP_LIMIT says.
    max_visits: int | None = None
    job: JobDefinition | None = None
    timer: TimerDefinition | None = None
    statuses: tuple[StatusDefinition, ...] = ()
    # Where places run side by side: which of the groups, and which branch of it.
    group: str = ""
    branch: str = ""
    # Whether deciding here takes a permission that the template has made.
    is_restricted: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether people are asked here, one way leads on, and nothing runs beside it."""
        return self.kind == StageKind.APPROVAL and not (
            self.skip_when or self.approve_when or self.routes or self.group
        )

    @property
    def default_status(self) -> str:
        """The status that a visit begins with."""
        names = [status.name for status in self.statuses if status.default]
        return next(iter(names), "")

    def status(self, name: str) -> StatusDefinition | None:
        """Return the status of this name, or None."""
        return next((status for status in self.statuses if status.name == name), None)

    @property
    def stage_id(self) -> Any:
        """The key of the stage, or None where the place is none."""
        return self.id if self.level == WorkflowStrategy.STAGE else None

    @property
    def pipeline_id(self) -> Any:
        """The key of the pipeline, or None where the workflow itself asks."""
        return self.pipeline.id if self.pipeline is not None else None

    @property
    def label(self) -> str:
        """Where the place is, in words."""
        if self.level == WorkflowStrategy.STAGE and self.pipeline is not None:
            return f"{self.pipeline.name_en} / {self.name_en}"
        return self.name_en

    @property
    def keys(self) -> dict[str, Any]:
        """The keys by which steps and events name the place."""
        if self.level == WorkflowStrategy.WORKFLOW:
            return {"workflow_id": self.id}
        keys = {"pipeline_id": self.pipeline_id}
        return {"stage_id": self.id, **keys} if self.stage_id is not None else keys

    @property
    def step_keys(self) -> dict[str, Any]:
        """What the steps of the place note of it."""
        if not self.is_restricted:
            return self.keys
        return {**self.keys, PERMISSION_KEY: self.template_id if self.stage_id is not None else 0}

    @property
    def template_key(self) -> str:
        """What names the place in all versions of a template."""
        return f"{self.level}:{self.template_id}"

    @property
    def action_levels(self) -> tuple[Level, ...]:
        """The levels that have actions for this place, the nearest first."""
        levels = [("stage", self.stage_id), ("pipeline", self.pipeline_id)]
        own = tuple((name, key) for name, key in levels if key is not None)
        return (*own, WORKFLOW_LEVEL, DEFAULT_LEVEL)


@dataclass(frozen=True, kw_only=True)
class GroupDefinition:
    """Branches that run side by side, and how many of them are waited for."""

    key: str
    # Keys of branches, with their places in order.
    branches: Mapping[str, tuple[PlaceDefinition, ...]]
    needed: int


@dataclass(frozen=True, kw_only=True)
class ActionDefinition:
    # None where no row says so but `WORKFLOW_ACTIONS_CONFIG`.
    id: Any
    function_path: str
    parameters: Mapping[str, Any]
    order: int
    conditions: Mapping[str, Any] = field(default_factory=dict)
    # In CEL; empty: always.
    when: str = ""
    # What takes its effect back; empty: nothing does.
    compensation: str = ""
    # Empty: as ACTION_EXECUTION says.
    execution: str = ""
    failure_policy: str = FailurePolicy.CONTINUE.value
    is_default: bool = False


# What is missing where a place asks nobody.
NO_APPROVALS: Mapping[str, Any] = {
    WorkflowStrategy.STAGE.value: gettext_lazy("The stage has no approvals."),
    WorkflowStrategy.PIPELINE.value: gettext_lazy("The pipeline has no approvals."),
    WorkflowStrategy.WORKFLOW.value: gettext_lazy("The workflow has no approvals."),
}
