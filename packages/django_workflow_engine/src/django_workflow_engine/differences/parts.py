"""What a stage waits for and where objects go from it, as people read it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from django_workflow_engine.definition import (
    JobDefinition,
    RouteDefinition,
    StatusDefinition,
    TimerDefinition,
)

# Lengths of time are said as time since then.
AN_EPOCH = datetime(2001, 1, 1)  # noqa: DTZ001  # only the distance counts


@dataclass(frozen=True)
class Others:
    """The branches that run beside one; the same where they are, whatever they are called."""

    keys: frozenset[str]
    names: tuple[str, ...] = field(compare=False)


def part_in_words(value: Any) -> str | None:
    """Return a part of a definition, or several, in words; None for what is no part."""
    if isinstance(value, tuple):
        parts = [part_in_words(part) for part in value]
        return None if None in parts else "; ".join(map(str, parts))
    in_words = IN_WORDS.get(type(value))
    return None if in_words is None else in_words(value)


def length_of_time(duration: timedelta) -> str:
    """Return a length of time in its two largest units, in the language that is active."""
    return timesince(AN_EPOCH, AN_EPOCH + duration)


def _route(route: RouteDefinition) -> str:
    texts = {"code": route.to, "condition": route.when}
    if not route.to:
        return _("to the end if %(condition)s") % texts if route.when else _("to the end")
    return _("to %(code)s if %(condition)s") % texts if route.when else _("to %(code)s") % texts


def _job(job: JobDefinition) -> str:
    if not job.parameters:
        return job.function
    return f"{job.function} {json.dumps(job.parameters, ensure_ascii=False, sort_keys=True)}"


def _timer(timer: TimerDefinition) -> str:
    if timer.duration is not None:
        return length_of_time(timer.duration)
    return _("until %(moment)s") % {"moment": timer.until}


def _status(status: StatusDefinition) -> str:
    marks = [
        text
        for holds, text in (
            (status.default, _("at first")),
            (status.completes, _("completes")),
            (status.rejects, _("rejects")),
        )
        if holds
    ]
    return f"{status.name} ({', '.join(marks)})" if marks else status.name


def _others(others: Others) -> str:
    return ", ".join(others.names)


IN_WORDS: Mapping[type, Callable[[Any], str]] = {
    RouteDefinition: _route,
    JobDefinition: _job,
    TimerDefinition: _timer,
    StatusDefinition: _status,
    Others: _others,
}
