"""The way that an object takes from one place to the next that waits for something.

Decided before anything is written, so that a condition without an answer leaves all as it was.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.utils import timezone
from django.utils.translation import gettext as _

from django_workflow_engine.choices import StageKind, StageOutcome
from django_workflow_engine.conf import settings
from django_workflow_engine.definition import PlaceDefinition, RouteDefinition, WorkflowDefinition
from django_workflow_engine.exceptions import ConditionFailed, UnknownStage
from django_workflow_engine.expressions import Facts, evaluate
from django_workflow_engine.expressions.language import moment_of


class Counted(Protocol):
    """How often an object was at a place."""

    def count(self, place: PlaceDefinition) -> int: ...


class Travelled(Protocol):
    """What is to be known of an object to find its way: a `Run`, or one that is only imagined."""

    @property
    def definition(self) -> WorkflowDefinition: ...
    @property
    def visits(self) -> Counted: ...
    def following(self, place: PlaceDefinition) -> PlaceDefinition | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A place on the way."""

    place: PlaceDefinition
    # Where the object comes from; None at the start.
    left: PlaceDefinition | None
    # How the visit ends at once; None: something is waited for here.
    outcome: StageOutcome | None = None
    # Of timers: until when.
    moment: datetime | None = None

    @property
    def asks(self) -> bool:
        """Whether people are asked here."""
        return self.outcome is None and self.place.kind == StageKind.APPROVAL


@dataclass(frozen=True, slots=True)
class Way:
    """Places that are passed, and then one that waits, or one in each branch of a group."""

    stops: tuple[Stop, ...] = ()
    # Why the object cannot go further than these.
    error: ConditionFailed | None = None

    @property
    def stands(self) -> bool:
        """Whether something is waited for at its end; else the workflow or the branch ends."""
        return any(stop.outcome is None for stop in self.stops)


class Wayfinder:
    """Asks the conditions of a definition, with the values that they name."""

    def __init__(self, run: Travelled, facts: Facts) -> None:
        self.definition = run.definition
        self.facts = facts
        self._run = run
        self._passed: Counter[Any] = Counter()
        self._has_routes = any(place.routes for place in self.definition.places)

    def onward(self, goal: PlaceDefinition | None, left: PlaceDefinition | None) -> Way:
        """Return the way to a goal and, where it waits for nothing, to what follows it."""
        stops: list[Stop] = []
        try:
            while goal is not None:
                at = stops[-1].place if stops else left
                reached = self._at(goal, at)
                stops += reached
                if any(stop.outcome is None for stop in reached):
                    break
                goal = self._behind(goal, at)
        except ConditionFailed as error:
            return Way(tuple(stops), error)
        return Way(tuple(stops))

    def after(self, place: PlaceDefinition) -> PlaceDefinition | None:
        """Return where objects go from here: by the first route that holds, else in order.

        None is the end: of the workflow, or of a branch. Raises `ConditionFailed`.
        """
        route = self.route(place)
        if route is None:
            return self._run.following(place)
        return self.definition.coded(route.to) if route.to else None

    def route(self, place: PlaceDefinition) -> RouteDefinition | None:
        """Return the first of the place's routes whose condition holds; None: none does."""
        return next(
            (route for route in place.routes if not route.when or self._holds(route.when)), None
        )

    def back_to(self, goal: PlaceDefinition) -> Way:
        """Return where an object is that was sent back to a place: there, whatever it says.

        A place that runs beside others is come to with all of them, as on the way on. Raises
        `ConditionFailed`, and `UnknownStage` where nobody is asked.
        """
        stops = [Stop(place=goal, left=None)]
        if goal.group:
            stops = self._in_branches(goal.group, None)
        if not any(stop.asks for stop in stops):
            raise UnknownStage(
                _("stage_id: nobody is asked at '%(stage)s'; name a stage that asks people.")
                % {"stage": goal.name_en},
                stage=goal.id,
            )
        return Way(tuple(stops))

    def _at(self, goal: PlaceDefinition, left: PlaceDefinition | None) -> list[Stop]:
        if _enters_group(goal, left):
            return self._in_branches(goal.group, left)
        return [self._stop(goal, left)]

    def _behind(
        self, goal: PlaceDefinition, left: PlaceDefinition | None
    ) -> PlaceDefinition | None:
        """What follows a goal that was passed: a group is passed as a whole."""
        if _enters_group(goal, left):
            return self.definition.after_group(goal.group)
        return self.after(goal)

    def _in_branches(self, key: str, left: PlaceDefinition | None) -> list[Stop]:
        group = self.definition.groups[key]
        ways = [self._in_branch(places[0], left) for places in group.branches.values()]
        ended = sum(all(stop.outcome for stop in stops) for stops in ways)
        stops = [stop for way in ways for stop in way]
        if ended < group.needed:
            return stops
        return [
            stop
            if stop.outcome
            else Stop(place=stop.place, left=stop.left, outcome=StageOutcome.NOT_NEEDED)
            for stop in stops
        ]

    def _in_branch(self, first: PlaceDefinition, left: PlaceDefinition | None) -> list[Stop]:
        stops = [self._stop(first, left)]
        while stops[-1].outcome is not None:
            at = stops[-1].place
            following = self.after(at)
            if following is None:
                break
            stops.append(self._stop(following, at))
        return stops

    def _stop(self, place: PlaceDefinition, left: PlaceDefinition | None) -> Stop:
        self._refuse_endless_loop(place)
        self._passed[place.id] += 1
        outcome, moment = self._outcome(place), None
        if outcome is None and place.timer is not None:
            moment = self._moment(place)
        return Stop(place=place, left=left, outcome=outcome, moment=moment)

    def _outcome(self, place: PlaceDefinition) -> StageOutcome | None:
        if place.skip_when and self._holds(place.skip_when):
            return StageOutcome.SKIPPED
        if place.approve_when and self._holds(place.approve_when):
            return StageOutcome.APPROVED_BY_RULE
        return None

    def _moment(self, place: PlaceDefinition) -> datetime | None:
        timer = place.timer
        if timer is None:
            return None
        if timer.duration is not None:
            return timezone.now() + timer.duration
        return moment_of(timer.until, self.facts.values(timer.until))

    def _holds(self, condition: str) -> bool:
        return evaluate(condition, self.facts.values(condition))

    def _refuse_endless_loop(self, place: PlaceDefinition) -> None:
        if not self._has_routes:
            return
        limit = place.max_visits or settings.loop_limit
        if self._run.visits.count(place) + self._passed[place.id] >= limit:
            raise ConditionFailed(
                _("'%(stage)s' has been visited %(limit)s times; the loop ends here.")
                % {"stage": place.name_en, "limit": limit}
            )


def _enters_group(goal: PlaceDefinition, left: PlaceDefinition | None) -> bool:
    """Whether going there means all branches of its group."""
    return bool(goal.group) and (left is None or left.group != goal.group)
