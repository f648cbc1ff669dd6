"""The closed vocabularies of the core: statuses, kinds of step, ways to select people, events."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from approval_workflow.exceptions import UnknownAction


class FlowStatus(models.TextChoices):
    """Where a whole flow stands. The first two are open; the others are final."""

    IN_PROGRESS = "in_progress", _("In progress")
    # Nobody may act, and deadlines stand still, until it is resumed.
    ON_HOLD = "on_hold", _("On hold")
    COMPLETED = "completed", _("Completed")
    REJECTED = "rejected", _("Rejected")
    CANCELLED = "cancelled", _("Cancelled")

    @classmethod
    def open(cls) -> tuple["FlowStatus", ...]:
        return (cls.IN_PROGRESS, cls.ON_HOLD)


class ApprovalStatus(models.TextChoices):
    """Where one person's part in a step stands."""

    # A step whose turn has not come yet.
    PENDING = "pending", _("Pending")
    # The step is open and this person's decision is awaited.
    CURRENT = "current", _("Current")
    # The step was open when its flow was put on hold, and is again when that is resumed.
    ON_HOLD = "on_hold", _("On hold")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    # The person asked for corrections; the flow went on in a new round.
    NEEDS_RESUBMISSION = "resubmission", _("Needs resubmission")
    # The person handed the decision to somebody else, who has a row of their own.
    DELEGATED = "delegated", _("Delegated")
    # It was handed to somebody above, by the person or because the deadline passed.
    ESCALATED = "escalated", _("Escalated")
    # A manager gave it to somebody else.
    REASSIGNED = "reassigned", _("Reassigned")
    # Nobody needs this decision any more.
    CANCELLED = "cancelled", _("Cancelled")
    # The value that a finished flow's own status has.
    COMPLETED = "completed", _("Completed")

    @classmethod
    def unfinished(cls) -> tuple["ApprovalStatus", ...]:
        return (cls.PENDING, cls.CURRENT, cls.ON_HOLD)


class ApprovalType(models.TextChoices):
    """What a step asks of a person."""

    # Read and decide; a form may be attached.
    APPROVE = "approve", _("Approve")
    # Fill in a form: form and data are required.
    SUBMIT = "submit", _("Submit")
    # Act twice: the first act checks in, the second decides.
    CHECK_IN_VERIFY = "check_in_verify", _("Check in and verify")
    # Pass it on: neither form nor data.
    MOVE = "move", _("Move")


class RejectionPolicy(models.TextChoices):
    """When negative votes reject a step."""

    # The first rejection is enough.
    FIRST = "first", _("The first rejection rejects")
    # Only once approval cannot be reached any more.
    OUT_OF_REACH = "out_of_reach", _("Rejected when approval is out of reach")


class TimeoutAction(models.TextChoices):
    """What happens to a step whose deadline has passed. Without one, people are reminded only."""

    ESCALATE = "escalate", _("Escalate")
    DELEGATE = "delegate", _("Delegate")
    APPROVE = "approve", _("Approve")
    REJECT = "reject", _("Reject")


class RoleSelectionStrategy(models.TextChoices):
    """Who of a role is asked, and when the role has answered."""

    ANYONE = "anyone", _("Any user with role can approve")
    CONSENSUS = "consensus", _("All users with role must approve")
    ROUND_ROBIN = "round_robin", _("Users with role take turns")
    QUORUM = "quorum", _("A number of users with role must approve")
    MAJORITY = "majority", _("More than half of the users with role must approve")
    PERCENTAGE = "percentage", _("A percentage of the users with role must approve")
    RANDOM = "random", _("One user with role, by chance")
    WORKLOAD_BALANCED = "workload_balanced", _("The user with role who has the fewest open steps")
    SENIORITY_BASED = "seniority_based", _("The user with role who joined first")
    LEAD_ONLY = "lead_only", _("The lead of the role")
    HIERARCHY_UP = "hierarchy_up", _("The levels above a person")
    HIERARCHY_CHAIN = "hierarchy_chain", _("A person and the levels above")
    SUPERVISOR = "supervisor", _("The supervisor of a person")
    MANAGEMENT_PATH = "management_path", _("Every level above a person, to the top")
    DYNAMIC_ATTRIBUTE = "dynamic_attribute", _("People that the object names")
    DYNAMIC_FUNCTION = "dynamic_function", _("People that a function finds")


class EventKind(models.TextChoices):
    """What one row of the history tells."""

    FLOW_STARTED = "flow_started", _("Started")
    STEPS_ADDED = "steps_added", _("Steps added")
    # Tracks or steps that are not needed any more, and were cancelled undecided.
    STEPS_DROPPED = "steps_dropped", _("Steps dropped")
    STEPS_REPLACED = "steps_replaced", _("Steps replaced")
    STEP_OPENED = "step_opened", _("Step opened")
    CHECKED_IN = "checked_in", _("Checked in")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    RESUBMISSION_REQUESTED = "resubmission_requested", _("Resubmission requested")
    DELEGATED = "delegated", _("Delegated")
    ESCALATED = "escalated", _("Escalated")
    REASSIGNED = "reassigned", _("Reassigned")
    CLAIMED = "claimed", _("Claimed")
    RELEASED = "released", _("Released")
    REMINDED = "reminded", _("Reminded")
    TIMED_OUT = "timed_out", _("Deadline passed")
    # What a handler tells of its own doing: what was passed over, and why.
    NOTED = "noted", _("Noted")
    DECISION_UNDONE = "decision_undone", _("Decision undone")
    FLOW_HELD = "flow_held", _("Flow put on hold")
    FLOW_RESUMED = "flow_resumed", _("Flow resumed")
    FLOW_COMPLETED = "flow_completed", _("Flow completed")
    FLOW_REJECTED = "flow_rejected", _("Flow rejected")
    FLOW_CANCELLED = "flow_cancelled", _("Flow cancelled")


class Action(models.TextChoices):
    """What a person can do with an open step. Most values are the status that results."""

    APPROVE = ApprovalStatus.APPROVED.value, _("Approve")
    REJECT = ApprovalStatus.REJECTED.value, _("Reject")
    RESUBMIT = ApprovalStatus.NEEDS_RESUBMISSION.value, _("Request resubmission")
    DELEGATE = ApprovalStatus.DELEGATED.value, _("Delegate")
    ESCALATE = ApprovalStatus.ESCALATED.value, _("Escalate")
    # These two leave the row current.
    CLAIM = "claimed", _("Claim")
    RELEASE = "released", _("Release")

    @classmethod
    def parse(cls, value: object) -> "Action":
        """Return the action meant by a status member, its name or value, or a verb, in any case.

        Raises `UnknownAction`, naming what is accepted.
        """
        key = str(getattr(value, "value", value)).strip().lower()
        try:
            return _ACTIONS_BY_WORD[key]
        except KeyError:
            raise UnknownAction(value, expected=[action.value for action in cls]) from None


def _words(action: Action) -> set[str]:
    names = {status.name.lower() for status in ApprovalStatus if status.value == action.value}
    return {action.value, action.name.lower()} | names


_ACTIONS_BY_WORD = {word: action for action in Action for word in _words(action)}
