"""The closed vocabularies of the engine."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class WorkflowStatus(models.TextChoices):
    """Whether a template is offered. Only active ones can be attached."""

    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    ARCHIVED = "archived", _("Archived")


class WorkflowStrategy(models.TextChoices):
    """At which level of a template people are asked."""

    STAGE = "stage", _("In stages")
    # Pipelines have approvals of their own, and no stages.
    PIPELINE = "pipeline", _("In pipelines")
    # The workflow itself has the approvals, and neither pipelines nor stages.
    WORKFLOW = "workflow", _("In the workflow itself")


class StageKind(models.TextChoices):
    """What a stage waits for."""

    APPROVAL = "approval", _("People decide")
    # A function of the project.
    JOB = "job", _("A job is done")
    TIMER = "timer", _("Time passes")
    # One of the stage's own statuses that completes it.
    STATUS = "status", _("A status is set")


class PermissionVerb(models.TextChoices):
    """What a permission that a template asks for allows."""

    START = "start", _("Starting")
    VIEW = "view", _("Viewing")
    ACT = "act", _("Deciding")


class AttachmentStatus(models.TextChoices):
    """Where an object stands in its workflow. The last three are final."""

    NOT_STARTED = "not_started", _("Not started")
    IN_PROGRESS = "in_progress", _("In progress")
    # Nobody may act until it is resumed; `hold_reason` says why.
    ON_HOLD = "on_hold", _("On hold")
    COMPLETED = "completed", _("Completed")
    REJECTED = "rejected", _("Rejected")
    CANCELLED = "cancelled", _("Cancelled")

    @classmethod
    def final(cls) -> tuple["AttachmentStatus", ...]:
        return (cls.COMPLETED, cls.REJECTED, cls.CANCELLED)

    @classmethod
    def running(cls) -> tuple["AttachmentStatus", ...]:
        return (cls.IN_PROGRESS, cls.ON_HOLD)


class StageOutcome(models.TextChoices):
    """How a visit of a stage ended; empty while the object is there."""

    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    RESUBMISSION = "resubmission", _("Sent back")
    CANCELLED = "cancelled", _("Cancelled")
    # The object was moved to a version that does not have the stage.
    MIGRATED = "migrated", _("Moved to another version")
    # A job, a timer or a status: what the stage waited for has come.
    DONE = "done", _("Done")
    # The stage's own condition held: `approve_when`, `skip_when`.
    APPROVED_BY_RULE = "approved_by_rule", _("Approved by rule")
    SKIPPED = "skipped", _("Skipped")
    # Other branches were enough.
    NOT_NEEDED = "not_needed", _("Not needed")
    # An administrator sent the object elsewhere.
    JUMPED = "jumped", _("Sent elsewhere")
    UNDONE = "undone", _("Undone")


class ApprovalTypes(models.TextChoices):
    """Who is asked in an approval of a stage. (What they are asked for is `ApprovalType`.)"""

    ROLE = "ROLE", _("Role-based Approval")
    USER = "USER", _("User-specific Approval")
    # The requester: who created the object, else who started the workflow.
    SELF = "SELF", _("Approval by the requester")
    # Whom a field of the object, or a function of the project, names.
    ASSIGNED = "ASSIGNED", _("Approval by the people assigned")
    # The level above the requester.
    TEAM_HEAD = "TEAM_HEAD", _("Approval by the head of the team")
    # The head of the pipeline's department; where it has none, of the requester's.
    DEPARTMENT_HEAD = "DEPARTMENT_HEAD", _("Approval by the head of the department")


class ActionType(models.TextChoices):
    """The events of a workflow that actions follow."""

    AFTER_APPROVE = "after_approve", _("After approval")
    AFTER_REJECT = "after_reject", _("After rejection")
    AFTER_RESUBMISSION = "after_resubmission", _("After a request for resubmission")
    AFTER_DELEGATE = "after_delegate", _("After delegation")
    AFTER_MOVE_STAGE = "after_move_stage", _("After moving to another stage")
    AFTER_MOVE_PIPELINE = "after_move_pipeline", _("After moving to another pipeline")
    ON_WORKFLOW_START = "on_workflow_start", _("When the workflow starts")
    ON_WORKFLOW_COMPLETE = "on_workflow_complete", _("When the workflow is completed")


class TaskKind(models.TextChoices):
    """What the outbox holds besides actions."""

    JOB = "job", _("Job of a stage")
    TIMER = "timer", _("Timer of a stage")
    # A stage that was done while its workflow was on hold is left.
    CONTINUE = "continue", _("Going on")
    COMPENSATION = "compensation", _("Compensation of an action that was undone")


class FailurePolicy(models.TextChoices):
    """What an action that has failed means for the later ones of its transition."""

    CONTINUE = "continue", _("Go on with the next action")
    # They wait until it succeeds, and are not run when it has failed for good.
    STOP = "stop", _("Stop until it succeeds")


class ExecutionStatus(models.TextChoices):
    """Where one due action stands. The last three are final."""

    PENDING = "pending", _("Waiting")
    RUNNING = "running", _("Running")
    # Its workflow is on hold.
    HELD = "held", _("On hold")
    # Failed and will be tried again.
    FAILED = "failed", _("Failed, to be tried again")
    DONE = "done", _("Done")
    # Failed for good; a person may run it again.
    DEAD = "dead", _("Failed for good")
    # Its conditions did not hold, an earlier action that stops the others failed for good, or
    # nobody needs it any more.
    SKIPPED = "skipped", _("Not run")

    @classmethod
    def unfinished(cls) -> tuple["ExecutionStatus", ...]:
        return (cls.PENDING, cls.RUNNING, cls.HELD, cls.FAILED)


class ActionExecutionMode(models.TextChoices):
    """Where actions run: `ACTION_EXECUTION`."""

    # After commit, in the process that made the transition.
    PROCESS = "process", _("In the process, after commit")
    # After commit, by a Celery worker.
    CELERY = "celery", _("By Celery, after commit")
    # At once, inside the transaction of the transition.
    INLINE = "inline", _("At once, inside the transaction")
