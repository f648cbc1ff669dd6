"""Everything that can go wrong, as one tree.

Each class has a `code` that stays the same between releases, and `details` that programs can read.
Subclasses also inherit the built-in or Django exception that callers already catch.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.utils.translation import gettext as _


def nearest(word: object, known: Iterable[str]) -> str:
    """Return " Did you mean '…'?" for the known word nearest to `word`, or an empty string."""
    matches = get_close_matches(str(word), list(known), n=1)
    return _(" Did you mean '%(known)s'?") % {"known": matches[0]} if matches else ""


class ApprovalError(Exception):
    """Something about an approval went wrong."""

    code = "approval_error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return self.message


class ApprovalPermissionDenied(ApprovalError, PermissionError, PermissionDenied):
    """This person may not do this now; `details["reason"]` holds the code of the reason."""

    code = "permission_denied"


class InvalidInput(ApprovalError, ValueError):
    """What the caller handed in cannot be used."""

    code = "invalid_input"


class InvalidSteps(InvalidInput):
    """The steps are not what a flow can be made of; `errors` maps a path to its message."""

    code = "invalid_steps"

    def __init__(self, errors: Mapping[str, str]) -> None:
        text = "; ".join(f"{path}: {message}" for path, message in errors.items())
        super().__init__(text, errors=dict(errors))
        self.errors = dict(errors)


class UnknownAction(InvalidInput):
    """The action is none that a step knows."""

    code = "unknown_action"

    def __init__(self, value: object, *, expected: Iterable[str]) -> None:
        expected = list(expected)
        super().__init__(
            _("Unknown action '%(value)s'; expected one of: %(expected)s.")
            % {"value": value, "expected": ", ".join(expected)},
            expected=expected,
        )


class InvalidDelegate(InvalidInput):
    """The person named cannot take this step over."""

    code = "invalid_delegate"


class InvalidSubstitution(InvalidInput):
    """This person cannot stand in for the other at that time."""

    code = "invalid_substitution"


class InvalidFormData(InvalidInput):
    """The form data does not fit; `errors` maps a field path to its messages."""

    code = "invalid_form_data"

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        text = "; ".join(f"{path}: {' '.join(found)}" for path, found in errors.items())
        super().__init__(text, errors=dict(errors))
        self.errors = dict(errors)


class IdempotencyKeyReused(InvalidInput):
    """The idempotency key was used before, for something else."""

    code = "idempotency_key_reused"


class Conflict(ApprovalError, ValueError):
    """The flow is not in a state in which this can be done."""

    code = "conflict"


class StepAlreadyProcessed(Conflict):
    """Somebody has decided this step already; `details["status"]` tells how it stands now."""

    code = "step_already_processed"


class StepNotOpen(Conflict):
    """The step's turn has not come yet."""

    code = "step_not_open"


class NoCurrentStep(Conflict):
    """There is no open step on this object."""

    code = "no_current_step"


class FlowAlreadyOpen(Conflict):
    """The object has an open flow; one at a time."""

    code = "flow_already_open"


class FlowEnded(Conflict):
    """The flow has ended and does not change any more."""

    code = "flow_ended"


class FlowOnHold(Conflict):
    """The flow is on hold: nothing is decided in it until it is resumed."""

    code = "flow_on_hold"


class CannotUndo(Conflict):
    """The last decision stands: too late, or somebody has acted since."""

    code = "cannot_undo"


class VersionConflict(Conflict):
    """The flow has changed since the caller read it."""

    code = "version_conflict"


class NobodyEligible(Conflict):
    """A step would open with nobody who may act on it."""

    code = "nobody_eligible"


class NothingLeftToAsk(Conflict):
    """All that the flow is to ask for is approved already; a change of its steps ends no flow."""

    code = "nothing_left_to_ask"


class HistoryIsAppendOnly(ApprovalError, TypeError):
    """Rows of the history cannot be changed or deleted."""

    code = "history_is_append_only"


class ApprovalMisconfigured(ApprovalError, ImproperlyConfigured):
    """A setting, model or class named in the settings cannot be used."""

    code = "misconfigured"
