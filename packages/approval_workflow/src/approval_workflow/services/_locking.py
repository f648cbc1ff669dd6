"""One transaction on one locked flow.

Lock order everywhere: flow, then whatever handlers lock. Everything the caller handed in is read
again under the lock.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, router, transaction
from django.db.models import F, Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.choices import FlowStatus
from approval_workflow.events import EventRecorder
from approval_workflow.exceptions import FlowEnded, FlowOnHold, NoCurrentStep, VersionConflict
from approval_workflow.handlers import BaseApprovalHandler, handlers_for
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.querysets import columns_naming
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.statements import Select, Update


@dataclass
class FlowWork:
    """A locked flow, and what is being done to it."""

    flow: ApprovalFlow
    using: str
    events: EventRecorder = field(init=False)
    version: int = field(init=False)
    # When it happens: the same for all rows that one act closes.
    moment: datetime = field(init=False)
    # The rows that were open under the lock, and those next to come, where these were all read.
    unfinished: Sequence[ApprovalInstance] | None = None

    def __post_init__(self) -> None:
        self.events = EventRecorder(self.flow)
        self.moment = timezone.now()
        # Of the flow when it was locked: a handler may bring the flow up to date meanwhile.
        self.version = self.flow.version

    @cached_property
    def handlers(self) -> list[BaseApprovalHandler]:
        return handlers_for(self.flow)

    def call(self, hook: str, argument: Any) -> None:
        """Call a hook of every handler; what one raises undoes the whole action."""
        for handler in self.handlers:
            getattr(handler, hook)(argument)

    def with_flow(self, rows: Sequence[ApprovalInstance]) -> Sequence[ApprovalInstance]:
        """Let the rows have the locked flow; return them."""
        for row in rows:
            row.flow = self.flow
        return rows

    @property
    def steps_left_alone(self) -> bool:
        """Whether no handler may have written to steps, so that what was read of them holds."""
        return not any(handler.writes_steps for handler in self.handlers)

    @property
    def nothing_else_is_open(self) -> bool:
        """Whether the row that the act is about was the only one that was open or to come."""
        known = self.unfinished is not None and self.steps_left_alone
        return known and len(self.unfinished or ()) <= 1

    def require_version(self, expected: int | None) -> None:
        """Raise `VersionConflict` unless `expected` is None or the flow's version."""
        if expected is not None and self.flow.version != expected:
            raise VersionConflict(
                _("The flow has changed: its version is %(version)s, expected was %(expected)s.")
                % {"version": self.flow.version, "expected": expected},
                version=self.flow.version,
                status=self.flow.status,
            )

    def save(self) -> None:
        """Write the events and the flow; refuse when somebody changed the flow meanwhile."""
        self.events.chain()
        flow, version = self.flow, self.version
        if not self.write_flow(version=version + 1):
            raise VersionConflict(
                _(
                    "A handler must not act on the flow that it is called for;"
                    " it can return steps from next_steps."
                ),
                version=version,
            )
        flow.version = version + 1
        self.events.write(self.using)

    def write_flow(self, **changes: Any) -> int:
        """Write the flow if nobody has since it was locked; return how many rows that are."""
        flow = self.flow
        changes |= {name: getattr(flow, name) for name in _WRITTEN}
        return _as_locked(self.using, changes, flow=flow.pk, version=self.version)


# What acts change in a flow, besides its version.
_WRITTEN = (
    "status",
    "is_open",
    "completed_at",
    "held_at",
    "history_length",
    "history_digest",
)


@Update
def _as_locked(flow: Any, version: Any) -> "QuerySet[ApprovalFlow]":
    return ApprovalFlow.objects.filter(pk=flow, version=version)


@Select
def _by_key(flow: Any) -> "QuerySet[ApprovalFlow]":
    return ApprovalFlow.objects.filter(pk=flow).select_for_update()


@Select
def _newest_unlocked(content_type: Any, object_id: Any) -> "QuerySet[ApprovalFlow]":
    flows = ApprovalFlow.objects.filter(content_type=content_type, object_id=object_id)
    return flows.newest_first()[:1]


@Select
def _newest(content_type: Any, object_id: Any) -> "QuerySet[ApprovalFlow]":
    return _newest_unlocked.rows(content_type, object_id).select_for_update()


def write_database() -> str:
    return router.db_for_write(ApprovalFlow)


@contextmanager
def work_on_flow(
    *,
    flow_id: Any = None,
    obj: Model | None = None,
    expected_version: int | None = None,
) -> Iterator[FlowWork]:
    """Lock one flow, yield it, and write its events and new version at the end.

    The flow is named by its key, or by its object: the open one, else the one that ended last.
    Raises `NoCurrentStep` when there is none and `VersionConflict` when `expected_version` is not
    the flow's.
    """
    using = write_database()
    with transaction.atomic(using=using):
        flow = _lock(flow_id, using) if obj is None else _lock_newest(obj, using)
        if flow is None:
            raise no_flow()
        work = FlowWork(flow, using)
        work.require_version(expected_version)
        yield work
        if work.events.pending:
            work.save()


def no_flow() -> NoCurrentStep:
    return NoCurrentStep(_("There is no running approval flow here."))


@contextmanager
def work_on(
    flow_or_obj: Model, expected_version: int | None = None, *, ended: bool = False
) -> Iterator[FlowWork]:
    """As `work_on_flow`, on a flow or on the open flow of an object.

    `ended`: where none is open, on the one that ended last. A flow that was handed in is brought up
    to date.
    """
    by_flow = isinstance(flow_or_obj, ApprovalFlow)
    named = {"flow_id": flow_or_obj.pk} if by_flow else {"obj": flow_or_obj}
    with work_on_flow(**named, expected_version=expected_version) as work:
        if not (by_flow or ended or work.flow.is_open):
            raise no_flow()
        yield work
    if isinstance(flow_or_obj, ApprovalFlow):
        bring_up_to_date(flow_or_obj, work.flow)


def require_running(flow: ApprovalFlow) -> None:
    """Raise unless the flow is open and not on hold."""
    require_open(flow)
    if flow.status == FlowStatus.ON_HOLD:
        raise on_hold()


def on_hold() -> FlowOnHold:
    return FlowOnHold(
        _("This flow is on hold; nothing is decided until it is resumed."),
        status=FlowStatus.ON_HOLD,
    )


def require_open(flow: ApprovalFlow) -> None:
    if not flow.is_open:
        raise FlowEnded(
            _("This flow has ended (%(status)s).") % {"status": flow.get_status_display()},
            status=flow.status,
        )


def reload_user(user: Any, using: str) -> Any:
    """Return the person as they are now; None for nobody, and for an account that is gone."""
    if not isinstance(user, get_user_model()) or user.pk is None:
        return None
    return get_user_model()._default_manager.using(using).filter(pk=user.pk).first()


def _lock_newest(obj: Model, using: str) -> ApprovalFlow | None:
    """Lock the object's open flow, else the one that ended last."""
    if obj.pk is None:
        return None
    named = columns_naming(obj)
    if connections[using].vendor == "mysql":
        return _lock_by_key(named, using)
    _take_write_lock(ApprovalFlow.objects.for_object(obj), using)
    return _newest.first(using, **named)


def _lock_by_key(named: Mapping[str, Any], using: str) -> ApprovalFlow | None:
    """Look for the flow first and lock it by its key.

    InnoDB locks the entries of the index that it goes through; they meet the locks of others who
    came by the key and change what is indexed.
    """
    flow, found = None, _newest_unlocked(using, **named)
    # While we waited for one that was just ending, the next may have been started.
    while found and (flow is None or flow.pk != found[0].pk):
        flow = _lock(found[0].pk, using)
        found = [flow] if flow and flow.is_open else _newest_unlocked(using, **named)
    return flow


def _lock(flow_id: Any, using: str) -> ApprovalFlow | None:
    _take_write_lock(ApprovalFlow.objects.filter(pk=flow_id), using)
    return _by_key.first(using, flow=flow_id)


def _take_write_lock(flows: "QuerySet[ApprovalFlow]", using: str) -> None:
    """Serialise writers by the first write where rows cannot be locked."""
    if not connections[using].features.has_select_for_update:
        flows.using(using).update(version=F("version"))
