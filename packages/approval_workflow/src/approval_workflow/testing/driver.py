"""Drives the flow of an object as its people would."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Model

from approval_workflow.choices import Action
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.permissions import can_act
from approval_workflow.services import advance_flow, start_flow
from approval_workflow.testing.standing import (
    as_stored,
    flow_of,
    open_rows,
    permission_of,
    rows_asked,
    told,
)
from approval_workflow.types import Permission

# A dictionary for every step with a form, or a function that is given the step.
FormData = Mapping[str, Any] | Callable[[ApprovalInstance], Mapping[str, Any] | None]
# A flow that asks for more than this many acts goes on for ever: see `next_steps` of its handler.
MOST_ACTS = 1000


class FlowDriver:
    """The flow of an object, read anew at every access, and ways to move it on.

    All acts go through the services, so that every rule holds: what a driver can do, the people
    can.
    """

    def __init__(self, obj: Model) -> None:
        self.obj = obj

    @classmethod
    def start(
        cls, obj: Model, steps: Sequence[Mapping[str, Any]], started_by: Any = None
    ) -> "FlowDriver":
        """Start a flow as `start_flow` does, and return its driver."""
        start_flow(obj, steps, started_by)
        return cls(obj)

    @property
    def flow(self) -> ApprovalFlow:
        """The open flow, else the one that ended last; `AssertionError` when there is none."""
        return flow_of(self.obj)

    @property
    def status(self) -> str:
        """The value of the flow's status."""
        return str(self.flow.status)

    @property
    def current_steps(self) -> list[ApprovalInstance]:
        """The rows that are current, in order: one for each person asked."""
        return open_rows(self.obj)

    @property
    def history(self) -> list[str]:
        """The kinds of the flow's events (values of `EventKind`), oldest first."""
        return [str(event.kind) for event in self.flow.events.in_order()]

    def as_user(self, user: Any, *, step: ApprovalInstance | None = None) -> "Actor":
        """Return what `user` can do: with `step`, or with the open step that waits for them."""
        return Actor(step or self.obj, user)

    def approve_step(self, *, comment: str = "", form_data: FormData | None = None) -> ApprovalFlow:
        """Let the people asked approve until the steps that are open now are done.

        `form_data` goes to steps with a form. Raises `AssertionError` when nobody asked may act,
        and what the services raise.
        """
        open_now = {row.step_key for row in self.current_steps}
        while any(row.step_key in open_now for row in self.current_steps):
            row = self._asked(open_now)
            self._approve(row, comment, form_data)
        return self.flow

    def approve_all(self, *, comment: str = "", form_data: FormData | None = None) -> ApprovalFlow:
        """Let the people asked approve until the flow has ended; return it.

        Raises `AssertionError` when nobody asked may act or the flow does not come to an end, and
        what the services raise.
        """
        for _act in range(MOST_ACTS):
            if not self.flow.is_open:
                return self.flow
            self._approve(self._asked(), comment, form_data)
        raise AssertionError(f"The flow did not end in {MOST_ACTS} acts.\n{told(self.obj)}")

    def reject(self, *, comment: str = "") -> ApprovalFlow:
        """Let the people asked reject until the flow has ended; return it.

        One rejection ends it, except in votes with the policy "out_of_reach".
        """
        while self.flow.is_open:
            row = self._asked()
            self.as_user(row.assigned_to, step=row).reject(comment=comment)
        return self.flow

    def _asked(self, steps: set[tuple[int, int, int, str]] | None = None) -> ApprovalInstance:
        rows = [row for row in rows_asked(self.obj) if steps is None or row.step_key in steps]
        if not rows:
            raise AssertionError(f"Nobody who is asked may act.\n{told(self.obj)}")
        return rows[0]

    def _approve(
        self, row: ApprovalInstance, comment: str, form_data: FormData | None
    ) -> ApprovalInstance | None:
        data = None
        if row.form_object_id is not None:
            data = form_data(row) if callable(form_data) else form_data
        return self.as_user(row.assigned_to, step=row).approve(comment=comment, form_data=data)


class Actor:
    """One person before one object, or before one step of it.

    Each verb returns and raises what `advance_flow` does, and takes its further arguments
    (`comment`, `idempotency_key`, `expected_version`).
    """

    def __init__(self, target: Model, user: Any) -> None:
        self.target = target
        self.user = user

    @property
    def permission(self) -> Permission | None:
        """Whether the person may act, and why or why not; None when nothing is open."""
        if isinstance(self.target, ApprovalInstance):
            step = ApprovalInstance.objects.get(pk=self.target.pk)
            return can_act(step, as_stored(self.user))
        return permission_of(self.target, self.user)

    def approve(self, **arguments: Any) -> ApprovalInstance | None:
        """Approve; `form_data` may be given."""
        return self._act(Action.APPROVE, **arguments)

    def reject(self, **arguments: Any) -> ApprovalInstance | None:
        return self._act(Action.REJECT, **arguments)

    def request_resubmission(
        self, steps: Sequence[Mapping[str, Any]], **arguments: Any
    ) -> ApprovalInstance | None:
        """Send the flow back, to go through these steps in a new round."""
        return self._act(Action.RESUBMIT, resubmission_steps=steps, **arguments)

    def delegate(self, to: Any, **arguments: Any) -> ApprovalInstance | None:
        return self._act(Action.DELEGATE, delegate_to=to, **arguments)

    def escalate(self, to: Any = None, **arguments: Any) -> ApprovalInstance | None:
        """Escalate to somebody, or to the nearest person above."""
        return self._act(Action.ESCALATE, escalate_to=to, **arguments)

    def claim(self, **arguments: Any) -> ApprovalInstance | None:
        return self._act(Action.CLAIM, **arguments)

    def release(self, **arguments: Any) -> ApprovalInstance | None:
        return self._act(Action.RELEASE, **arguments)

    def _act(self, action: Action, **arguments: Any) -> ApprovalInstance | None:
        return advance_flow(self.target, action, self.user, **arguments)
