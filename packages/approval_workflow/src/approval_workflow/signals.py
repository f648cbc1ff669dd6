"""Django signals that mirror the history. They are sent after the transaction has committed.

Every receiver gets `sender` (the `ApprovalFlow` class), `flow`, `event` (the `ApprovalEvent`) and
`instance` (the `ApprovalInstance` it is about, or None). A receiver that fails is logged and does
not keep the others from running.
"""

from django.dispatch import Signal

from approval_workflow.choices import EventKind

flow_started = Signal()
steps_added = Signal()
steps_replaced = Signal()
step_opened = Signal()
step_checked_in = Signal()
step_approved = Signal()
step_rejected = Signal()
resubmission_requested = Signal()
step_delegated = Signal()
step_escalated = Signal()
step_reassigned = Signal()
step_claimed = Signal()
step_released = Signal()
step_reminded = Signal()
step_timed_out = Signal()
noted = Signal()
steps_dropped = Signal()
decision_undone = Signal()
flow_held = Signal()
flow_resumed = Signal()
flow_completed = Signal()
flow_rejected = Signal()
flow_cancelled = Signal()

BY_EVENT_KIND: dict[str, Signal] = {
    EventKind.FLOW_STARTED: flow_started,
    EventKind.STEPS_ADDED: steps_added,
    EventKind.STEPS_REPLACED: steps_replaced,
    EventKind.STEP_OPENED: step_opened,
    EventKind.CHECKED_IN: step_checked_in,
    EventKind.APPROVED: step_approved,
    EventKind.REJECTED: step_rejected,
    EventKind.RESUBMISSION_REQUESTED: resubmission_requested,
    EventKind.DELEGATED: step_delegated,
    EventKind.ESCALATED: step_escalated,
    EventKind.REASSIGNED: step_reassigned,
    EventKind.CLAIMED: step_claimed,
    EventKind.RELEASED: step_released,
    EventKind.REMINDED: step_reminded,
    EventKind.TIMED_OUT: step_timed_out,
    EventKind.NOTED: noted,
    EventKind.STEPS_DROPPED: steps_dropped,
    EventKind.DECISION_UNDONE: decision_undone,
    EventKind.FLOW_HELD: flow_held,
    EventKind.FLOW_RESUMED: flow_resumed,
    EventKind.FLOW_COMPLETED: flow_completed,
    EventKind.FLOW_REJECTED: flow_rejected,
    EventKind.FLOW_CANCELLED: flow_cancelled,
}
