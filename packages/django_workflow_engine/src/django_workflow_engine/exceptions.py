"""What can go wrong in the engine; the core's tree goes on here."""

from collections.abc import Mapping

from approval_workflow.exceptions import (
    ApprovalError,
    ApprovalMisconfigured,
    ApprovalPermissionDenied,
    Conflict,
    InvalidInput,
)


class WorkflowIncomplete(InvalidInput):
    """The template cannot be run as it is; `errors` maps a place to what is missing there."""

    code = "workflow_incomplete"

    def __init__(self, errors: Mapping[str, str]) -> None:
        text = "; ".join(f"{place}: {message}" for place, message in errors.items())
        super().__init__(text, errors=dict(errors))
        self.errors = dict(errors)


class InvalidConfiguration(InvalidInput):
    """The configuration of a stage cannot be stored; `errors` maps a path to its message."""

    code = "invalid_configuration"

    def __init__(self, errors: Mapping[str, str]) -> None:
        text = "; ".join(f"{path}: {message}" for path, message in errors.items())
        super().__init__(text, errors=dict(errors))
        self.errors = dict(errors)


class WorkflowNotActive(InvalidInput):
    """Only active templates can be attached."""

    code = "workflow_not_active"


class ModelNotEnabled(InvalidInput):
    """`ENABLED_MODELS` does not name the object's model."""

    code = "model_not_enabled"


class UnknownStage(InvalidInput):
    """The stage is none of the workflow that the object runs on."""

    code = "unknown_stage"


class AlreadyAttached(Conflict):
    """The object has an open workflow already."""

    code = "already_attached"


class NotAttached(Conflict):
    """The object has no workflow in the state that this needs."""

    code = "not_attached"


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
