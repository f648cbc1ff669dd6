"""What a stage waits for and where objects go from it, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from django_workflow_engine.admin.builder.vocabulary import function_label
from django_workflow_engine.admin.builder.waiting import (
    Effect,
    job_parameters_of,
    statuses_of,
    timer_of,
)
from django_workflow_engine.admin.builder.ways import Join, group_initial, routes_of
from django_workflow_engine.choices import StageKind
from django_workflow_engine.schemas.places import END


def waiting_notes(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a stage waits for, unless that is people."""
    kind = info.get("kind")
    if kind == StageKind.JOB:
        yield _("Job: %(function)s") % {"function": _called(info)}
    elif kind == StageKind.TIMER:
        length, until = timer_of(info)
        yield (
            _("Waits until: %(moment)s") % {"moment": until}
            if until
            else _("Waits for: %(length)s") % {"length": length}
        )
    elif kind == StageKind.STATUS:
        yield _("Statuses: %(names)s") % {"names": ", ".join(map(_status, statuses_of(info)))}


def way_notes(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield when a stage is passed over, what runs beside it, and its routes."""
    texts = {
        "skip_when": _("Passed over if %(value)s"),
        "approve_when": _("Approves itself if %(value)s"),
        "max_visits": _("Visits at most: %(value)s"),
    }
    yield from (text % {"value": info[key]} for key, text in texts.items() if info.get(key))
    yield from group_notes(info)
    yield from map(_route, routes_of(info))


def group_notes(info: Any) -> Iterator[str]:
    """Yield which group a stage or a pipeline is in."""
    said = group_initial(info if isinstance(info, Mapping) else {})
    if said["parallel_group"]:
        join = said["join_count"] or Join(said["join"]).label
        yield _("Runs beside those of “%(group)s”, then waits for: %(join)s") % {
            "group": said["parallel_group"],
            "join": join,
        }


def _called(info: Mapping[str, Any]) -> str:
    job = info.get("job")
    name = function_label(str(job.get("function") or "") if isinstance(job, Mapping) else "")
    given = ", ".join(f"{row['name']} = {row['value']}" for row in job_parameters_of(info))
    return f"{name} ({given})" if given else name


def _status(row: Mapping[str, Any]) -> str:
    effect = f" ({Effect(row['effect']).label})" if row["effect"] else ""
    return f"{row['name']}{effect}"


def _route(route: Mapping[str, Any]) -> str:
    goal = _("the end") if route["to"] == END else route["to"]
    if not route["when"]:
        return _("Goes to %(goal)s") % {"goal": goal}
    return _("Goes to %(goal)s if %(condition)s") % {"goal": goal, "condition": route["when"]}
