"""How long objects wait and for whom: numbers from the visits of stages and the steps.

Visits of all versions of a template are added up. Each function takes the same number of
statements however many objects, stages and people there are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, DurationField, F, Max, Min, Q, Sum, Value
from django.db.models.expressions import ExpressionWrapper
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus
from approval_workflow.exceptions import InvalidInput
from approval_workflow.spreadsheet import as_csv
from django_workflow_engine.choices import AttachmentStatus, StageOutcome
from django_workflow_engine.services._percentiles import MEDIAN, P90, percentiles
from django_workflow_engine.services._run_places import (
    PIPELINE,
    STAGE,
    Place,
    read_places,
    template_of,
    workflow_key,
)
from django_workflow_engine.services._run_scope import Period, Scope

Data = dict[str, Any]

# A person has decided the step.
DECIDED = (
    ApprovalStatus.APPROVED,
    ApprovalStatus.REJECTED,
    ApprovalStatus.NEEDS_RESUBMISSION,
)
# A person has handed the step on, which does not stop the time that it may take.
HANDED_ON = (ApprovalStatus.DELEGATED, ApprovalStatus.ESCALATED, ApprovalStatus.REASSIGNED)

# Digits of the largest key that every database can compare with.
LONGEST_KEY = 18

STAGE_COLUMNS = (
    "workflow_id",
    "workflow",
    "level",
    "pipeline",
    "id",
    "name_en",
    "name_ar",
    "removed",
    "waiting",
    "oldest_waiting_seconds",
    "total_waiting_seconds",
    "visits",
    "median_seconds",
    "p90_seconds",
    "with_deadline",
    "late",
    "late_share",
)
PERSON_COLUMNS = ("id", "name", "open", "overdue", "decided", "median_seconds")
TABLES = {"stages": STAGE_COLUMNS, "people": PERSON_COLUMNS}


def get_run_statistics(
    workflow_id: Any = None,
    company_id: Any = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Data:
    """Return how the workflows run: how many, how long at each stage, for whom they wait.

    `workflow_id`: only this template, in all its versions, or only this version; raises
    `WorkFlow.DoesNotExist`, also where it is not of the company `company_id`. `company_id`: only
    templates of this company. `since` and `until`: what ended or was decided from the first moment
    on and before the second. What runs and waits is told as it is now, whatever the period.

    `as_of` is now. `overview`: `not_started` and `running` now; `started`, `completed`, `rejected`
    and `cancelled` in the period.

    `stages`: one dictionary for each place where people are asked, in the order of the template,
    then those that ask nobody there any more. `level` ("stage"; "pipeline" or "workflow" where
    those ask), `id` (in the template; None where it was `removed`), `name_en`, `name_ar`,
    `pipeline` (its English name), `workflow_id` and `workflow` (of the template); `waiting` now
    with `oldest_waiting_seconds` and `total_waiting_seconds`; `visits` that ended in the period
    with `median_seconds` and `p90_seconds`; `with_deadline`, `late` and `late_share`. A visit that
    was broken off because the object was moved to another version is none of these: nothing was
    decided there, and the object waits elsewhere from then on.

    `bottleneck`: of the stages the one with the largest `total_waiting_seconds`, the first of them
    where two are equal; None where nothing waits.

    `deadlines`: `with_deadline`, `late` and `late_share` over all steps. Steps with a deadline
    count that were decided in the period or are open; late are those decided after it, and open
    ones past it. What was handed on after its deadline counts as late; handed on before, not at
    all.

    `people`: `id`, `name`, `open` steps and how many of them are `overdue`; `decided` in the period
    with `median_seconds` from when the step opened. Who has most open steps comes first.

    Shares are from 0 to 1. Times are seconds; shares and times are None where there is nothing to
    compute them from. Raises `InvalidInput` for a period that cannot be.
    """
    scope = Scope(workflow_id, company_id, Period(since, until), timezone.now())
    stages = _stages(scope)
    return {
        "as_of": scope.now,
        "since": since,
        "until": until,
        "overview": _overview(scope),
        "stages": stages.rows,
        "bottleneck": _bottleneck(stages.rows),
        "deadlines": stages.deadlines,
        "people": _people(scope),
    }


def export_run_statistics_csv(statistics: Mapping[str, Any], table: str = "stages") -> str:
    """Return one table of `get_run_statistics` as CSV with a header: "stages" or "people".

    Cells that a spreadsheet program would take for a formula begin with an apostrophe. Raises
    `InvalidInput` for another table.
    """
    if table not in TABLES:
        raise InvalidInput(
            _("table: '%(table)s' is none of: %(known)s.")
            % {"table": table, "known": ", ".join(TABLES)}
        )
    return as_csv(TABLES[table], statistics[table])


def _overview(scope: Scope) -> dict[str, int]:
    ended = {
        status.value: Count("pk", filter=Q(status=status) & scope.period.of("completed_at"))
        for status in AttachmentStatus.final()
    }
    waiting = Q(status=AttachmentStatus.NOT_STARTED)
    return scope.attachments().aggregate(
        not_started=Count("pk", filter=waiting),
        running=Count("pk", filter=Q(is_open=True) & ~waiting),
        started=Count("pk", filter=scope.period.of("started_at")),
        **ended,
    )


@dataclass(frozen=True, slots=True)
class _Stages:
    rows: list[Data]
    deadlines: Data


def _stages(scope: Scope) -> _Stages:
    visited = {row.pop("at"): row for row in _visited(scope)}
    ended = scope.visits().filter(_ended(scope))
    times = percentiles(ended, group="at", start="entered_at", end="left_at", shares=(MEDIAN, P90))
    judged = list(_judged(scope))
    no_stage = (row["pipeline_id"] for row in judged if row["stage_id"] is None)
    places, keys = read_places(
        scope.templates(),
        _known(
            [row["last_stage"] for row in visited.values()], (row["stage_id"] for row in judged)
        ),
        _known([row["last_pipeline"] for row in visited.values()], no_stage),
        visited,
    )
    late = _by_place(judged, keys)
    found = sorted(places.items(), key=lambda item: item[1].order)
    return _Stages(
        rows=[
            {
                **_described(place),
                **_waiting(visited.get(key), scope.now),
                "visits": visited[key]["ended"] if key in visited else 0,
                "median_seconds": _seconds(times.get(key, {}).get(MEDIAN)),
                "p90_seconds": _seconds(times.get(key, {}).get(P90)),
                **_lateness(late.get(key, Counter())),
            }
            for key, place in found
        ],
        deadlines=_lateness(sum(late.values(), Counter())),
    )


def _visited(scope: Scope) -> Iterable[Any]:
    """Each place with who is there now, how many have left it, and a row that names it."""
    here = Q(left_at=None, attachment__is_open=True)
    waited = ExpressionWrapper(Value(scope.now) - F("entered_at"), output_field=DurationField())
    found: Iterable[Any] = (
        scope.visits()
        .values("at")
        .annotate(
            waiting=Count("pk", filter=here),
            oldest=Min("entered_at", filter=here),
            waited=Sum(waited, filter=here),
            ended=Count("pk", filter=_ended(scope)),
            last_stage=Max("stage_id"),
            last_pipeline=Max("pipeline_id", filter=Q(stage=None)),
        )
    )
    return found


def _ended(scope: Scope) -> Q:
    """Visits that ended by themselves in the period: not because of a move to another version."""
    return scope.period.of("left_at") & ~Q(outcome=StageOutcome.MIGRATED)


def _judged(scope: Scope) -> Iterable[Any]:
    """How many steps have a deadline that counts, and how many missed it, by what they name."""
    now_open = Q(status=ApprovalStatus.CURRENT)
    in_period = scope.period.of("acted_at")
    missed = Q(acted_at__gt=F("due_at"))
    counted = (
        now_open | Q(status__in=DECIDED) & in_period | Q(status__in=HANDED_ON) & in_period & missed
    )
    late = now_open & Q(due_at__lt=scope.now) | ~now_open & missed
    return (
        scope.steps()
        .filter(counted, due_at__isnull=False)
        .values(
            template=template_of("flow__workflow_attachment__workflow__"),
            stage_id=KeyTextTransform("stage_id", "extra_fields"),
            pipeline_id=KeyTextTransform("pipeline_id", "extra_fields"),
        )
        .annotate(with_deadline=Count("pk"), late=Count("pk", filter=late))
    )


def _by_place(judged: Iterable[Data], keys: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The counts by place."""
    found: dict[str, Counter[str]] = {}
    for row in judged:
        place = workflow_key(row["template"])
        if row["pipeline_id"] is not None:
            place = keys.get((PIPELINE, str(row["pipeline_id"])), "")
        if row["stage_id"] is not None:
            place = keys.get((STAGE, str(row["stage_id"])), "")
        counts = found.setdefault(place, Counter())
        counts.update({name: row[name] for name in ("with_deadline", "late")})
    return found


def _known(visited: Iterable[Any], named: Iterable[Any]) -> set[str]:
    """The keys as text. What a step names is data of the step, which may be anything."""
    keys = {str(key) for source in (visited, named) for key in source if key is not None}
    return {key for key in keys if key.isdecimal() and len(key) <= LONGEST_KEY}


def _people(scope: Scope) -> list[Data]:
    now_open = scope.steps().filter(status=ApprovalStatus.CURRENT).values("assigned_to_id")
    waiting = {
        row["assigned_to_id"]: row
        for row in now_open.annotate(
            open=Count("pk"), overdue=Count("pk", filter=Q(due_at__lt=scope.now))
        )
    }
    decided = scope.steps().filter(
        scope.period.of("acted_at"), status__in=DECIDED, action_user__isnull=False
    )
    counts = dict(decided.values_list("action_user_id").annotate(decided=Count("pk")))
    times = percentiles(
        decided.filter(started_at__isnull=False),
        group="action_user_id",
        start="started_at",
        end="acted_at",
        shares=(MEDIAN,),
    )
    users = get_user_model()._default_manager.filter(pk__in=waiting.keys() | counts.keys())
    rows = [
        {
            "id": key,
            "name": person.get_username(),
            "open": waiting[key]["open"] if key in waiting else 0,
            "overdue": waiting[key]["overdue"] if key in waiting else 0,
            "decided": counts.get(key, 0),
            "median_seconds": _seconds(times.get(key, {}).get(MEDIAN)),
        }
        for key, person in ((user.pk, user) for user in users)
    ]
    return sorted(rows, key=lambda row: (-row["open"], -row["decided"], row["name"]))


def _bottleneck(rows: Iterable[Data]) -> Data | None:
    waiting = [row for row in rows if row["waiting"]]
    return max(waiting, key=lambda row: row["total_waiting_seconds"], default=None)


def _described(place: Place) -> Data:
    return {
        "workflow_id": place.workflow_id,
        "workflow": place.workflow,
        "level": place.level,
        "pipeline": place.pipeline,
        "id": place.id,
        "name_en": place.name_en,
        "name_ar": place.name_ar,
        "removed": place.id is None,
    }


def _waiting(visited: Mapping[str, Any] | None, now: datetime) -> Data:
    if not visited or not visited["waiting"]:
        return {"waiting": 0, "oldest_waiting_seconds": None, "total_waiting_seconds": 0.0}
    return {
        "waiting": visited["waiting"],
        "oldest_waiting_seconds": (now - visited["oldest"]).total_seconds(),
        "total_waiting_seconds": visited["waited"].total_seconds(),
    }


def _lateness(counts: Mapping[str, int]) -> Data:
    total, late = counts.get("with_deadline", 0), counts.get("late", 0)
    return {
        "with_deadline": total,
        "late": late,
        "late_share": round(late / total, 4) if total else None,
    }


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()
