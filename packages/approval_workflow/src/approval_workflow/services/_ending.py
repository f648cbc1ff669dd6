"""Ending a flow by rejection."""

from approval_workflow.choices import EventKind, FlowStatus
from approval_workflow.services._acting import Act
from approval_workflow.services._closing import cancel_unfinished, end_flow


def reject_flow(act: Act) -> None:
    """End the flow: the act's step is rejected, everything unfinished is cancelled."""
    cancel_unfinished(act.work)
    end_flow(act.work, FlowStatus.REJECTED)
    act.work.events.add(
        EventKind.FLOW_REJECTED,
        instance=act.row,
        actor=act.user,
        on_behalf_of=act.permission.on_behalf_of,
        from_status=FlowStatus.IN_PROGRESS,
        to_status=FlowStatus.REJECTED,
    )
    act.work.call("on_reject", act.row)
    act.work.call("after_reject", act.row)
