"""What configurations name outside themselves: objects, strategies, functions of the project."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalType, RoleSelectionStrategy
from approval_workflow.conf import settings as approval_settings
from approval_workflow.exceptions import nearest
from approval_workflow.strategies import get_strategy, known_strategies
from approval_workflow.types import StepSpec
from django_workflow_engine.action_parameters import check_action_parameters
from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import (
    ActionNotAllowed,
    InvalidConfiguration,
    InvalidExpression,
)
from django_workflow_engine.expressions import check_expression
from django_workflow_engine.expressions.context import names_for
from django_workflow_engine.function_paths import load_function

K = TypeVar("K", bound=Hashable)
Errors = Iterable[tuple[str, str]]

# Keys that name an object, and the setting that says which model it is of.
SETTING_OF_KEY: Mapping[str, str] = {
    "user_role": "APPROVAL_ROLE_MODEL",
    "approval_user": "AUTH_USER_MODEL",
    "hierarchy_base_user": "AUTH_USER_MODEL",
    "timeout_delegate_to": "AUTH_USER_MODEL",
    "required_form": "APPROVAL_DYNAMIC_FORM_MODEL",
}
REFERENCE_KEYS = tuple(SETTING_OF_KEY)


def reference_errors(configurations: Mapping[K, Mapping[str, Any]]) -> dict[K, dict[str, str]]:
    """Return what is named in parsed configurations and cannot be used, by path.

    A configuration has `approvals`, and may have `required_form`, the form of approvals that name
    none. One statement for each kind of object, however many configurations. Keys of the answer are
    those of `configurations` that have errors.
    """
    found = _existing(configurations.values())
    errors = {
        name: dict(_configuration_errors(configuration, found))
        for name, configuration in configurations.items()
    }
    return {name: messages for name, messages in errors.items() if messages}


def existing_keys(model: type[Model] | None, keys: Iterable[str]) -> set[str]:
    """Return those of the keys for which the model has an object; none without a model."""
    usable = [key for key in keys if model is not None and _can_be_key(model, key)]
    if model is None or not usable:
        return set()
    found = model._default_manager.filter(pk__in=usable).values_list("pk", flat=True)
    return {str(pk) for pk in found}


def _can_be_key(model: type[Model], text: str) -> bool:
    try:
        model._meta.pk.run_validators(model._meta.pk.to_python(text))
    except ValidationError:
        return False
    return True


def _existing(configurations: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """The named keys for which there is an object, as text, by the setting of the model."""
    named: dict[str, set[str]] = {setting: set() for setting in SETTING_OF_KEY.values()}
    for configuration in configurations:
        for place in (configuration, *configuration.get("approvals", ())):
            for key, setting in SETTING_OF_KEY.items():
                if key in place:
                    named[setting].add(str(place[key]))
    return {setting: existing_keys(_model_of(setting), keys) for setting, keys in named.items()}


def _configuration_errors(
    configuration: Mapping[str, Any], found: Mapping[str, set[str]]
) -> Errors:
    yield from _reference_errors(configuration, found)
    yield from _job_errors(configuration.get("job"))
    yield from _condition_errors(configuration)
    has_form = "required_form" in configuration
    for index, approval in enumerate(configuration.get("approvals", ())):
        errors = dict(_approval_errors(approval, found, has_form=has_form))
        yield from ((f"approvals[{index}].{key}", message) for key, message in errors.items())


def _job_errors(job: Mapping[str, Any] | None) -> Errors:
    if job is None:
        return
    try:
        check_action_parameters(load_function(job["function"]), job.get("parameters", {}))
    except ActionNotAllowed as error:
        yield "job.function", error.message
    except InvalidConfiguration as error:
        yield from ((f"job.{path}", message) for path, message in error.errors.items())


def _condition_errors(configuration: Mapping[str, Any]) -> Errors:
    for path, text in conditions_in(configuration):
        try:
            check_expression(text, names_for(()))
        except InvalidExpression as error:
            yield path, error.message


def conditions_in(configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the conditions of a parsed configuration, each with its path."""
    for key in ("skip_when", "approve_when"):
        if key in configuration:
            yield key, configuration[key]
    for index, route in enumerate(configuration.get("routes", ())):
        if "when" in route:
            yield f"routes[{index}].when", route["when"]


def _approval_errors(
    approval: Mapping[str, Any], found: Mapping[str, set[str]], *, has_form: bool
) -> Errors:
    yield from _reference_errors(approval, found)
    submits = approval.get("step_approval_type") == ApprovalType.SUBMIT.value
    if submits and not has_form and "required_form" not in approval:
        yield "required_form", _("Something to submit needs a form.")
    if "role_selection_strategy" in approval:
        yield from _strategy_errors(approval)
    if "assigned_field" in approval:
        yield from _field_errors(approval["assigned_field"])
    if "assigned_resolver" in approval:
        yield from _resolver_errors(approval["assigned_resolver"])


def _reference_errors(place: Mapping[str, Any], found: Mapping[str, set[str]]) -> Errors:
    for key, setting in SETTING_OF_KEY.items():
        if key in place and str(place[key]) not in found[setting]:
            yield key, _missing(setting, place[key])


def _strategy_errors(approval: Mapping[str, Any]) -> Errors:
    """The strategy must be known, and says itself what it lacks."""
    value, known = approval["role_selection_strategy"], known_strategies()
    if value not in known:
        expected = _("Expected one of: %(known)s.") % {"known": ", ".join(known)}
        yield "role_selection_strategy", expected
        return
    strategy = get_strategy(value)
    if strategy.needs_role and "user_role" not in approval:
        yield "user_role", _("This is required.")
    percentage = approval.get("percentage_required")
    spec = StepSpec(
        step=1,
        role_selection_strategy=value,
        quorum_count=approval.get("quorum_count"),
        percentage_required=None if percentage is None else Decimal(str(percentage)),
        hierarchy_levels=approval.get("hierarchy_levels"),
        dynamic_source=approval.get("dynamic_source", ""),
    )
    yield from strategy.validate(spec).items()


def _field_errors(path: str) -> Errors:
    strategy = get_strategy(RoleSelectionStrategy.DYNAMIC_ATTRIBUTE.value)
    for message in strategy.validate(StepSpec(step=1, dynamic_source=path)).values():
        yield "assigned_field", message


def _resolver_errors(name: str) -> Errors:
    known = settings.assignment_resolvers
    if name not in known:
        message = _("The setting ASSIGNMENT_RESOLVERS has no such name.") + nearest(name, known)
        yield "assigned_resolver", message


def _missing(setting: str, value: Any) -> str:
    if _model_of(setting) is None:
        return _("The setting %(setting)s does not say what this is.") % {"setting": setting}
    return _("There is none with the key '%(key)s'.") % {"key": value}


def _model_of(setting: str) -> type[Model] | None:
    if setting == "AUTH_USER_MODEL":
        return get_user_model()
    if setting == "APPROVAL_ROLE_MODEL":
        return approval_settings.role_model
    return approval_settings.dynamic_form_model
