"""Put a flow on hold, and let it go on."""

from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import Conflict
from approval_workflow.models import ApprovalFlow
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._holding import put_on_hold, take_off_hold
from approval_workflow.services._locking import require_open, require_running, work_on


def hold_flow(
    flow_or_obj: Model,
    user: Any = None,
    *,
    reason: str = "",
    expected_version: int | None = None,
) -> ApprovalFlow:
    """Put a flow, or the running flow of an object, on hold.

    Until it is resumed nobody may act in it, nobody is reminded, and its deadlines stand still.
    Whether `user` may do this is for the caller to decide; the history names them.

    Events: `flow_held`. Raises `FlowOnHold` when it is already, `NoCurrentStep`, `FlowEnded`,
    `VersionConflict`, `InvalidInput`.
    """
    user, reason = checked_person("user", user), checked_text("reason", reason)
    with work_on(flow_or_obj, expected_version) as work:
        require_running(work.flow)
        put_on_hold(work, user, reason=reason)
    return work.flow


def resume_flow(
    flow_or_obj: Model,
    user: Any = None,
    *,
    reason: str = "",
    expected_version: int | None = None,
) -> ApprovalFlow:
    """Let a flow on hold go on; the deadlines of its open steps are put off by the time it took.

    With a business calendar that is the working time that passed.

    Events: `flow_resumed`. Raises `Conflict` when it is not on hold, `NoCurrentStep`, `FlowEnded`,
    `VersionConflict`, `InvalidInput`.
    """
    user, reason = checked_person("user", user), checked_text("reason", reason)
    with work_on(flow_or_obj, expected_version) as work:
        require_open(work.flow)
        if work.flow.status != FlowStatus.ON_HOLD:
            raise Conflict(_("This flow is not on hold."), status=work.flow.status)
        take_off_hold(work, user, reason=reason)
    return work.flow
