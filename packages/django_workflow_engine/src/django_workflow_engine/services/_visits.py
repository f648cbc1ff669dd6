"""The visits of one attachment: read when they are needed, written together."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from approval_workflow.statements import Insert, Update
from django_workflow_engine.choices import StageOutcome
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition
from django_workflow_engine.models import StageRun, WorkflowAttachment


class Visits:
    """Where an object is: at one place, or at one in each branch."""

    def __init__(self, attachment: WorkflowAttachment, using: str) -> None:
        self.attachment = attachment
        self.using = using
        # Key of the approval step whose decision is being carried out.
        self.decision: int | None = None
        self._left: StageOutcome | None = None
        self._changed: list[StageRun] = []
        self._new: list[StageRun] = []

    @cached_property
    def open(self) -> list[StageRun]:
        """The visits that have not ended, as they are stored and changed here."""
        stored: list[StageRun] = []
        if self.attachment.pk is not None:
            rows = StageRun.objects.using(self.using).filter(attachment=self.attachment)
            stored = list(rows.filter(left_at=None).order_by("entered_at", "pk"))
        return stored + [visit for visit in self._new if visit.left_at is None]

    def at(self, place: PlaceDefinition) -> StageRun | None:
        """Return the open visit of a place, or None."""
        return next((visit for visit in self.open if _is_of(visit, place)), None)

    def places(self, definition: WorkflowDefinition) -> list[PlaceDefinition]:
        """Return the places of the open visits, in the order of the workflow."""
        return [
            place for place in definition.places if any(_is_of(visit, place) for visit in self.open)
        ]

    def count(self, place: PlaceDefinition) -> int:
        """Return how often the object has been at a place, those that are being written too."""
        stored = self._stored.get((place.stage_id, place.pipeline_id), 0)
        return stored + sum(_is_of(visit, place) for visit in self._new)

    @cached_property
    def _stored(self) -> dict[tuple[Any, Any], int]:
        """How many visits are stored, by the keys of their place; not those that were undone."""
        if self.attachment.pk is None:
            return {}
        rows = StageRun.objects.using(self.using).filter(attachment=self.attachment)
        counted = (
            rows.exclude(outcome=StageOutcome.UNDONE)
            .order_by()
            .values_list("stage_id", "pipeline_id")
            .annotate(Count("pk"))
        )
        return {(stage, pipeline): number for stage, pipeline, number in counted}

    def enter(self, place: PlaceDefinition, *, round_number: int, status: str = "") -> StageRun:
        """Begin a visit."""
        visit = StageRun(
            stage_id=place.stage_id,
            pipeline_id=place.pipeline_id,
            round=round_number,
            entered_at=timezone.now(),
            entered_by_step=self.decision,
            status=status,
        )
        self._new.append(visit)
        if "open" in self.__dict__:
            self.open.append(visit)
        return visit

    def leave(self, place: PlaceDefinition, outcome: StageOutcome) -> None:
        """End the visit of one place."""
        visit = self.at(place)
        if visit is not None:
            self.close(visit, outcome)

    def close(self, visit: StageRun, outcome: StageOutcome) -> None:
        # Before it is changed: only what has not ended is found there.
        self.open.remove(visit)
        visit.left_at = timezone.now()
        visit.outcome = outcome
        visit.left_by_step = self.decision
        visit.problem = ""
        self._change(visit)

    def leave_all(self, outcome: StageOutcome) -> None:
        """End all visits, without reading them."""
        self._left = outcome
        self.open = []

    def stay(self, place: PlaceDefinition, problem: str) -> StageRun | None:
        """Note that what the place waited for has come, and why the object cannot go on."""
        visit = self.at(place) or self._last_of(place)
        if visit is None:
            return None
        if visit not in self.open:
            self.open.append(visit)
        visit.left_at, visit.outcome, visit.left_by_step = None, "", None
        visit.finished_at, visit.problem = timezone.now(), problem
        self._change(visit)
        return visit

    def finish(self, visit: StageRun) -> None:
        """Note that what the visit waited for has come."""
        self.change(visit, finished_at=timezone.now())

    def change(self, visit: StageRun, **values: Any) -> None:
        for name, value in values.items():
            setattr(visit, name, value)
        self._change(visit)

    def save(self) -> None:
        if self._left is not None:
            left = {"left_at": timezone.now(), "outcome": self._left, "problem": ""}
            left["left_by_step"] = self.decision
            _open_visits(self.using, left, attachment=self.attachment.pk)
        for visit in self._changed:
            if visit.pk is not None:
                visit.save(using=self.using)
        if self._new:
            self._insert()
        self._left = None
        self._changed, self._new = [], []
        self.__dict__.pop("_stored", None)

    def _insert(self) -> None:
        for visit in self._new:
            visit.attachment = self.attachment
        _insert_visits(self.using, self._new)

    def _last_of(self, place: PlaceDefinition) -> StageRun | None:
        found: Iterable[StageRun] = [*self._changed, *self._new]
        return next((visit for visit in reversed(list(found)) if _is_of(visit, place)), None)

    def _change(self, visit: StageRun) -> None:
        if visit not in self._changed and visit not in self._new:
            self._changed.append(visit)


@Update
def _open_visits(attachment: Any) -> "QuerySet[StageRun]":
    return StageRun.objects.filter(attachment=attachment, left_at=None)


_insert_visits = Insert(StageRun)


def _is_of(visit: StageRun, place: PlaceDefinition) -> bool:
    here: bool = visit.stage_id == place.stage_id and visit.pipeline_id == place.pipeline_id
    return here
