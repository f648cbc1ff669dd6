"""Strategies that find people through the object or a function of the project.

All who are found must approve, or `quorum_count` of them where the step says so.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Manager, Model, QuerySet
from django.utils.translation import gettext as _

from approval_workflow.choices import RoleSelectionStrategy
from approval_workflow.conf import load, settings
from approval_workflow.exceptions import ApprovalMisconfigured, nearest
from approval_workflow.strategies.base import Selection, Strategy
from approval_workflow.types import StepRules, StepSpec

F = TypeVar("F", bound=Callable[..., Any])

_registered: dict[str, Callable[..., Any]] = {}


def approver_function(name: str) -> Callable[[F], F]:
    """Decorator: let steps name this function in `dynamic_source`.

    It is called with the object and the step and returns a user, several, or None.
    """

    def register(function: F) -> F:
        _registered[name] = function
        return function

    return register


class Found(Strategy):
    """Base of the strategies that find people by `dynamic_source`."""

    needs_role = False
    bound_to_role = False

    def validate(self, step: StepSpec) -> dict[str, str]:
        if not step.dynamic_source:
            return {"dynamic_source": _("Expected where this step finds its people.")}
        return {}

    def needed(self, electorate: int, rules: StepRules) -> int:
        return rules.quorum_count or max(electorate, 1)


class DynamicAttribute(Found):
    """A path on the object, as `requester.head_manager` or `reviewers`; lists are followed."""

    value = RoleSelectionStrategy.DYNAMIC_ATTRIBUTE.value
    label = RoleSelectionStrategy.DYNAMIC_ATTRIBUTE.label

    def validate(self, step: StepSpec) -> dict[str, str]:
        errors = super().validate(step)
        private = [part for part in step.dynamic_source.split(".") if not _is_public(part)]
        if private and not errors:
            return {"dynamic_source": _("Expected names of fields, separated by dots.")}
        return errors

    def select(self, selection: Selection) -> Sequence[Any]:
        found: list[Any] = [selection.flow.target]
        for name in selection.step.dynamic_source.split("."):
            found = [value for item in found for value in _values(item, name)]
        return _people(selection, found)


class DynamicFunction(Found):
    """A function registered with `@approver_function`, or listed in `APPROVAL_FUNCTIONS`."""

    value = RoleSelectionStrategy.DYNAMIC_FUNCTION.value
    label = RoleSelectionStrategy.DYNAMIC_FUNCTION.label

    def validate(self, step: StepSpec) -> dict[str, str]:
        errors = super().validate(step)
        known = known_functions()
        if not errors and step.dynamic_source not in known:
            unknown = _("There is no such function.") + nearest(step.dynamic_source, known)
            return {"dynamic_source": unknown}
        return errors

    def select(self, selection: Selection) -> Sequence[Any]:
        function = function_named(selection.step.dynamic_source)
        found = function(selection.flow.target, selection.step)
        return _people(selection, _flattened(found))


def known_functions() -> list[str]:
    """Return the names of all functions that steps may name."""
    return sorted({*_registered, *settings.functions})


def function_named(name: str) -> Callable[..., Any]:
    """Return a registered or listed function; raise `ApprovalMisconfigured` for any other name."""
    path = settings.functions.get(name)
    function = load("APPROVAL_FUNCTIONS", path) if path else _registered.get(name)
    if not callable(function):
        raise ApprovalMisconfigured(f"There is no approver function {name!r} that can be called.")
    return function


def _is_public(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_")


def _values(item: Any, name: str) -> list[Any]:
    """The values behind a field or attribute of an object; none where the way ends."""
    if item is None:
        return []
    try:
        return _flattened(getattr(item, name))
    except ObjectDoesNotExist:
        # The other side of a one-to-one relation, with nothing there.
        return []
    except AttributeError as error:
        raise ApprovalMisconfigured(f"{type(item).__name__} has no field {name!r}.") from error


def _flattened(value: Any) -> list[Any]:
    if isinstance(value, Manager):
        value = value.all()
    if value is None:
        return []
    if isinstance(value, QuerySet | list | tuple | set | frozenset):
        return [item for item in value if item is not None]
    return [value]


def _people(selection: Selection, found: Iterable[Any]) -> list[Any]:
    """The active users among what was found, each once."""
    user_model = get_user_model()
    people: dict[Any, Any] = {}
    for item in found:
        if not isinstance(item, user_model):
            kind = item._meta.label if isinstance(item, Model) else type(item).__name__
            raise ApprovalMisconfigured(
                f"Step {selection.step.step_number}: expected users, found {kind}."
            )
        if selection.is_eligible(item):
            people[item.pk] = item
    return list(people.values())
