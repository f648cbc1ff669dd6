"""What can go wrong in the engine; the core's tree goes on here."""

from approval_workflow.exceptions import (
    ApprovalError,
    ApprovalMisconfigured,
    ApprovalPermissionDenied,
    Conflict,
    InvalidInput,
    InvalidSteps,
)


class WorkflowIncomplete(InvalidSteps):
    """The template cannot be run as it is; `errors` maps a place to what is missing there."""

    code = "workflow_incomplete"


class InvalidConfiguration(InvalidSteps):
    """A stage or an action cannot be as it is configured; `errors` maps a path to its message."""

    code = "invalid_configuration"


class InvalidExpression(InvalidInput):
    """This cannot be a condition; `details` has `line` and `column` where the syntax is wrong."""

    code = "invalid_expression"


class ConditionFailed(Conflict):
    """A condition could not be answered: a value is missing, or none that it can compare."""

    code = "condition_failed"


class StatusUnknown(InvalidInput):
    """The stage has no such status."""

    code = "unknown_status"


class InvalidWorkflowFile(InvalidSteps):
    """A file says what cannot be stored; `errors` maps a path to its message."""

    code = "invalid_workflow_file"


class WorkflowNotActive(Conflict):
    """Only active templates can be attached."""

    code = "workflow_not_active"


class ModelNotEnabled(InvalidInput):
    """`ENABLED_MODELS` does not name the object's model."""

    code = "model_not_enabled"


class UnknownStage(InvalidInput):
    """The stage is none of the workflow that the object runs on."""

    code = "unknown_stage"


class UnknownPipeline(InvalidInput):
    """The pipeline is none of the workflow that the object runs on."""

    code = "unknown_pipeline"


class UnknownVersion(InvalidInput):
    """The template has no such version."""

    code = "unknown_version"


class PlacesNotMapped(InvalidSteps):
    """Objects are at places that the new version does not have; `errors` maps each to how many."""

    code = "places_not_mapped"


class AlreadyAttached(Conflict):
    """The object has an open workflow already."""

    code = "already_attached"


class NotAttached(Conflict):
    """The object has no workflow in the state that this needs."""

    code = "not_attached"


class WorkflowInUse(Conflict):
    """Objects are, or were, on the template; it can be archived, not deleted."""

    code = "workflow_in_use"


class SnapshotIsImmutable(ApprovalError, TypeError):
    """What objects run on does not change; change the template instead."""

    code = "snapshot_is_immutable"


class ActionNotAllowed(ApprovalError, ValueError):
    """The function of an action may not be called."""

    code = "action_not_allowed"


class WorkflowMisconfigured(ApprovalMisconfigured):
    """A setting of the engine cannot be used."""

    code = "workflow_misconfigured"


class WorkflowPermissionDenied(ApprovalPermissionDenied):
    """The person lacks a permission that the settings require."""

    code = "workflow_permission_denied"


class ActionFailed(ApprovalError):
    """The function of an action said that it failed."""

    code = "action_failed"


class WebhookNotVerified(ApprovalError, ValueError):
    """A webhook does not come from who holds the secret, or not from now."""

    code = "webhook_not_verified"
