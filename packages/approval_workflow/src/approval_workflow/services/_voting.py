"""From one vote to what it means for the step."""

from typing import Any

from approval_workflow.choices import Action, ApprovalStatus
from approval_workflow.models import ApprovalInstance
from approval_workflow.permissions import counts_as_open
from approval_workflow.services._acting import Act
from approval_workflow.services._closing import cancel_rest_of_voice, close
from approval_workflow.strategies import strategy_of
from approval_workflow.types import Decision, Votes


def cast_vote(act: Act, **changes: Any) -> Decision:
    """Close the row with the vote and return what the step's votes mean now."""
    status = ApprovalStatus(act.action.value)
    close(act.work, act.row, status, user=act.user, comment=act.comment, **changes)
    if act.row.voice is not None:
        cancel_rest_of_voice(act.work, act.row)
    return strategy_of(act.row).decide(_votes_with(act), act.row)


def an_open_row(act: Act) -> ApprovalInstance | None:
    """Return a row of the same step that still awaits a vote."""
    rows = ApprovalInstance.objects.using(act.work.using).same_step(act.row).current()
    row = rows.select_related("assigned_to").order_by("pk").first()
    if row is not None:
        row.flow = act.work.flow
    return row


def _votes_with(act: Act) -> Votes:
    """The votes counted before the act, and this one."""
    before = act.tally.votes if act.tally else Votes(open=1)
    left = before.open - 1 if _was_awaited(act) else before.open
    if act.action == Action.APPROVE:
        return Votes(before.approved + 1, before.rejected, left)
    return Votes(before.approved, before.rejected + 1, left)


def _was_awaited(act: Act) -> bool:
    """Whether the act's row is among the open votes counted before.

    It is not when somebody answers in the place of a person who has left the role or is inactive.
    """
    return act.permission.code == "assigned" or counts_as_open(act.row)
