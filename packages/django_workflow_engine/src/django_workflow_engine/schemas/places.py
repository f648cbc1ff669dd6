"""What a stage waits for, and where objects go from it. Judged by its shape alone.

{
    "kind": "approval" | "job" | "timer" | "status",     # "approval" when left out

    # Conditions in CEL, see `django_workflow_engine.expressions`.
    "skip_when": condition,                  # the stage is passed over
    "approve_when": condition,               # approvals: it approves itself

    # Stages that follow each other and have the same group run side by side; pipelines too.
    "parallel_group": text,
    "join": "all" | "any" | number,          # of the branches; "all" when left out

    # Where objects go when the stage is done: the first route whose condition holds, else the
    # next stage in order.
    "routes": [{"to": code of a stage or "end", "when": condition, "priority": number}, ...],
    "max_visits": number,                    # of one object, for stages in loops

    "job": {"function": path, "parameters": object},
    "timer": {"duration": ISO 8601 duration or seconds} | {"until": expression of a moment},
    "statuses": [
        {"name": text, "default": bool, "completes": bool, "rejects": bool}, ...
    ],
}
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.exceptions import nearest
from django_workflow_engine.choices import StageKind
from django_workflow_engine.exceptions import InvalidExpression
from django_workflow_engine.expressions import parse_expression
from django_workflow_engine.schemas import values
from django_workflow_engine.schemas.values import Unusable, is_empty

# The end of the workflow, as a route names it.
END = "end"
JOIN_WORDS = ("all", "any")
LONGEST_NAME = 100
LARGEST_PRIORITY = 1_000

Errors = dict[str, str]


def parse_place(info: Mapping[Any, Any], errors: Errors) -> dict[str, Any]:
    """Return what is said in a stage's configuration of what it waits for, as it is stored."""
    parsed = _read(info, STAGE_READERS, "", errors)
    if parsed.get("kind") == StageKind.APPROVAL:
        del parsed["kind"]
    kind = parsed.get("kind", StageKind.APPROVAL.value)
    for needed_by, key in KEY_OF_KIND.items():
        if kind == needed_by and key not in parsed and key not in errors:
            errors[key] = _("A stage of the kind '%(kind)s' needs this.") % {"kind": kind}
        elif kind != needed_by and key in parsed:
            errors[key] = _("Only a stage of the kind '%(kind)s' has this.") % {"kind": needed_by}
    if kind != StageKind.APPROVAL:
        for key in ("approve_when", "approvals"):
            if not is_empty(info.get(key)) and info.get(key) != []:
                errors[key] = _("Only a stage of the kind '%(kind)s' has this.") % {
                    "kind": StageKind.APPROVAL.value
                }
    return parsed


def parse_group(info: Mapping[Any, Any], errors: Errors) -> dict[str, Any]:
    """Return what a pipeline's configuration says of running side by side, as it is stored."""
    return _read(info, GROUP_READERS, "", errors)


def condition(value: Any) -> str:
    """A condition in CEL."""
    text = values.word(value)
    try:
        parse_expression(text)
    except InvalidExpression as error:
        raise Unusable(error.message) from error
    return text


def _read(
    info: Mapping[Any, Any],
    readers: Mapping[str, Callable[[Any], Any]],
    prefix: str,
    errors: Errors,
) -> dict[str, Any]:
    parsed = {}
    for key, read in readers.items():
        value = info.get(key)
        if is_empty(value) or value in ([], {}):
            continue
        try:
            parsed[key] = read(value)
        except Unusable as error:
            errors[f"{prefix}{key}"] = str(error)
        except _Wrong as found:
            errors.update({f"{prefix}{key}{path}": text for path, text in found.errors.items()})
    return parsed


class _Wrong(Exception):
    """Mistakes inside of a value, by path."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors)
        self.errors = errors


def _object_of(
    readers: Mapping[str, Callable[[Any], Any]], *needed: str
) -> Callable[[Any], dict[str, Any]]:
    """Return a reader of objects with these keys."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Unusable(_("Expected an object."))
        errors: Errors = {
            f".{key}": _("Unknown key.") + nearest(key, readers)
            for key in value
            if key not in readers
        }
        parsed = _read(value, readers, ".", errors)
        for key in needed:
            if key not in parsed and f".{key}" not in errors:
                errors[f".{key}"] = _("This is needed.")
        if errors:
            raise _Wrong(errors)
        return parsed

    return read


def _list_of(read_item: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Unusable(_("Expected a list."))
        parsed, errors = [], {}
        for index, item in enumerate(value):
            try:
                parsed.append(read_item(item))
            except Unusable as error:
                errors[f"[{index}]"] = str(error)
            except _Wrong as found:
                errors.update({f"[{index}]{path}": text for path, text in found.errors.items()})
        if errors:
            raise _Wrong(errors)
        return parsed

    return read


def _name(value: Any) -> str:
    text = values.word(value)
    if not text or len(text) > LONGEST_NAME:
        raise Unusable(_("Expected text of at most %(most)s characters.") % {"most": LONGEST_NAME})
    return text


def _join(value: Any) -> str | int:
    if isinstance(value, str) and value.strip().lower() in JOIN_WORDS:
        return value.strip().lower()
    try:
        return values.count(value)
    except Unusable:
        raise Unusable(_("Expected all, any, or a whole number of at least 1.")) from None


def _priority(value: Any) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or abs(value) > LARGEST_PRIORITY:
        raise Unusable(
            _("Expected a whole number between -%(most)s and %(most)s.")
            % {"most": LARGEST_PRIORITY}
        )
    return int(value)


def _timer(value: Any) -> dict[str, Any]:
    parsed = _object_of({"duration": values.duration, "until": condition})(value)
    if len(parsed) != 1:
        raise Unusable(_("Expected either duration or until."))
    return parsed


def _statuses(value: Any) -> list[dict[str, Any]]:
    parsed = _list_of(
        _object_of(
            {
                "name": _name,
                "default": values.boolean,
                "completes": values.boolean,
                "rejects": values.boolean,
            },
            "name",
        )
    )(value)
    names = [status["name"] for status in parsed]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise Unusable(_("There are two statuses '%(name)s'.") % {"name": doubled[0]})
    if sum(status.get("default", False) for status in parsed) > 1:
        raise Unusable(_("Expected one default status at most."))
    if any(status.get("completes") and status.get("rejects") for status in parsed):
        raise Unusable(_("A status either completes or rejects."))
    if not any(status.get("completes") for status in parsed):
        raise Unusable(_("Expected at least one status that completes."))
    # What is not so is left out.
    return [{key: item for key, item in status.items() if item} for status in parsed]


GROUP_READERS: Mapping[str, Callable[[Any], Any]] = {"parallel_group": _name, "join": _join}
STAGE_READERS: Mapping[str, Callable[[Any], Any]] = {
    "kind": values.one_of(StageKind),
    "skip_when": condition,
    "approve_when": condition,
    **GROUP_READERS,
    "routes": _list_of(
        _object_of({"to": values.word, "when": condition, "priority": _priority}, "to")
    ),
    "max_visits": values.count,
    "job": _object_of({"function": values.word, "parameters": values.json_object}, "function"),
    "timer": _timer,
    "statuses": _statuses,
}
# What a stage of a kind needs.
KEY_OF_KIND: Mapping[str, str] = {
    StageKind.JOB.value: "job",
    StageKind.TIMER.value: "timer",
    StageKind.STATUS.value: "statuses",
}
