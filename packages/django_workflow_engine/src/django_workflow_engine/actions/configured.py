"""Default actions of a project's own: `WORKFLOW_ACTIONS_CONFIG`.

A list of actions, or such a list for each "app.Model" and for "default". New templates get the list
(or that of "default") as rows, in place of the e-mails. A template does not belong to a model, so
the list of a model takes the place of default actions when an event happens on such an object.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType

from approval_workflow.exceptions import nearest
from django_workflow_engine.action_rules import action_mistakes
from django_workflow_engine.choices import ActionExecutionMode, ActionType, FailurePolicy
from django_workflow_engine.conf import DEFAULT_ENTRY, SETTING, settings
from django_workflow_engine.definition import ActionDefinition, WorkflowDefinition
from django_workflow_engine.exceptions import WorkflowMisconfigured

KEY = "WORKFLOW_ACTIONS_CONFIG"
REQUIRED = ("action_type", "function_path")
KINDS = (
    ("when", str, "a text"),
    ("compensation", str, "a text"),
    ("order", int, "a whole number"),
)
ENTRY_KEYS = (
    *REQUIRED,
    *("parameters", "conditions", "execution", "failure_policy"),
    *(key for key, _kind, _expected in KINDS),
)

# Actions by event, each list in order.
Configured = Mapping[str, tuple[ActionDefinition, ...]]


def configured_defaults() -> Configured | None:
    """Return the actions of new templates; None where the e-mails are the default."""
    return _for_label(DEFAULT_ENTRY)


def effective_actions(
    definition: WorkflowDefinition, event: ActionType, place_id: Any, content_type_id: Any
) -> tuple[ActionDefinition, ...]:
    """Return the actions that follow an event at a place, on an object of this model."""
    found = definition.actions(event, place_id)
    if settings.workflow_actions_config is None or any(not each.is_default for each in found):
        return found
    # By key: this way Django remembers content types.
    content_type = ContentType.objects.get_for_id(content_type_id)
    own = _for_label(f"{content_type.app_label}.{content_type.model}")
    return found if own is None else own.get(event.value, ())


def mistakes() -> Iterator[str]:
    """Yield what is wrong with the setting, each with its place."""
    try:
        entries = list(_entries())
    except WorkflowMisconfigured as error:
        yield error.message
        return
    for label in _lists():
        if label != DEFAULT_ENTRY and not _is_model(label):
            yield f"{SETTING}[{KEY!r}] names {label!r}, which is no model of an installed app."
    for place, _label, entry in entries:
        try:
            action = _action(place, entry)
        except WorkflowMisconfigured as error:
            yield error.message
            continue
        found = action_mistakes(
            action.function_path,
            action.parameters,
            action.conditions,
            when=action.when,
            compensation=action.compensation,
        )
        yield from (f"{place}, {path}: {message}" for path, message in found.items())


def _for_label(wanted: str) -> Configured | None:
    """The actions of one entry of the setting; None where there is none of this name."""
    if wanted not in {label.lower() for label in _lists()}:
        return None
    by_event: dict[str, list[ActionDefinition]] = {}
    for place, label, entry in _entries():
        if label.lower() == wanted:
            action = _action(place, entry)
            by_event.setdefault(entry["action_type"], []).append(action)
    return {
        event: tuple(sorted(actions, key=lambda action: action.order))
        for event, actions in by_event.items()
    }


def _lists() -> Mapping[str, Any]:
    """The setting as lists by label."""
    value = settings.workflow_actions_config
    if value is None:
        return {}
    lists = value if isinstance(value, Mapping) else {DEFAULT_ENTRY: value}
    for label, entries in lists.items():
        if not isinstance(entries, list | tuple):
            raise WorkflowMisconfigured(f"{SETTING}[{KEY!r}], {label}: expected a list of actions.")
    return {str(label): entries for label, entries in lists.items()}


def _entries() -> Iterator[tuple[str, str, Any]]:
    """Yield each entry with its place in words and its label."""
    for label, entries in _lists().items():
        for position, entry in enumerate(entries):
            yield f"{SETTING}[{KEY!r}], {label}, {position}", label, entry


def _action(place: str, entry: Any) -> ActionDefinition:
    if not isinstance(entry, Mapping):
        raise WorkflowMisconfigured(f"{place}: expected a dictionary.")
    for key in entry:
        if key not in ENTRY_KEYS:
            raise WorkflowMisconfigured(f"{place} has no key {key!r}.{nearest(key, ENTRY_KEYS)}")
    for key in REQUIRED:
        if not isinstance(entry.get(key), str):
            raise WorkflowMisconfigured(f"{place} has no {key}.")
    _require(place, "action_type", entry["action_type"], ActionType.values)
    _require(place, "execution", entry.get("execution", ""), ["", *ActionExecutionMode.values])
    policy = entry.get("failure_policy", FailurePolicy.CONTINUE.value)
    _require(place, "failure_policy", policy, FailurePolicy.values)
    for key, kind, expected in KINDS:
        if not isinstance(entry.get(key, kind()), kind):
            raise WorkflowMisconfigured(f"{place}: {key} is not {expected}.")
    return ActionDefinition(
        id=None,
        function_path=entry["function_path"],
        parameters=entry.get("parameters", {}),
        order=entry.get("order", 1),
        conditions=entry.get("conditions", {}),
        when=entry.get("when", ""),
        compensation=entry.get("compensation", ""),
        execution=entry.get("execution", ""),
        failure_policy=policy,
        is_default=True,
    )


def _is_model(label: str) -> bool:
    try:
        apps.get_model(label)
    except (LookupError, ValueError):
        return False
    return True


def _require(place: str, key: str, value: Any, known: list[str]) -> None:
    if value not in known:
        raise WorkflowMisconfigured(
            f"{place}: {key} {value!r} is none of: {', '.join(filter(None, known))}."
            f"{nearest(value, known)}"
        )
