"""Play a workflow for an object in thought: the way that it would take, and where that ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from django.db.models import Model

from django_workflow_engine.choices import StageKind, StageOutcome
from django_workflow_engine.definition import (
    PlaceDefinition,
    WorkflowDefinition,
    compile_definition,
)
from django_workflow_engine.exceptions import ConditionFailed
from django_workflow_engine.expressions import Facts, WhoAndWhat
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services._steps import Case, Named
from django_workflow_engine.services._way import Stop, Wayfinder
from django_workflow_engine.services.preview import ApproverPreview, preview_place


class SimulatedKind(Enum):
    """What would happen at a stage."""

    APPROVAL = StageKind.APPROVAL.value
    JOB = StageKind.JOB.value
    TIMER = StageKind.TIMER.value
    STATUS = StageKind.STATUS.value
    PASSED_OVER = "passed_over"
    APPROVES_ITSELF = "approves_itself"
    # Other branches are enough at once.
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class SimulatedStep:
    """One stage on the way: what would happen there, who would be asked, and how it goes on."""

    place: PlaceDefinition
    kind: SimulatedKind
    # Empty, or the condition by which it is passed over or approves itself.
    reason: str = ""
    approvers: tuple[ApproverPreview, ...] = ()
    # The condition of the route that leads on; empty: in order.
    route: str = ""


@dataclass(frozen=True, slots=True)
class Simulation:
    """The way of an object. `is_completed`: it would come to the end; else `reason` says why not.

    Steps of branches stand after each other; `step.place.branch` tells them apart.
    """

    steps: tuple[SimulatedStep, ...]
    is_completed: bool
    reason: str = ""


def simulate(
    workflow: WorkFlow,
    obj: Model,
    user: Any = None,
    *,
    metadata: Mapping[str, Any] | None = None,
    form_data: Mapping[str, Any] | None = None,
    results: Mapping[str, Any] | None = None,
    context_data: Mapping[str, Any] | None = None,
) -> Simulation:
    """Return the way that the object would take if `user` attached the workflow as it is stored.

    Everybody asked is taken to approve. Conditions see the object as it is now; `form_data`, the
    `results` of jobs by the code of their stage, `metadata` and `context_data` are what they are
    taken to be. A condition that needs more than that ends the way there, as it would hold the
    object. Nothing is written. Raises `InvalidConfiguration` for what cannot be read.
    """
    facts = Facts(
        WhoAndWhat(
            target=lambda: obj,
            metadata=metadata or {},
            form=form_data or {},
            user=lambda: user,
            results=lambda: results or {},
            given=context_data or {},
        )
    )
    return _Player(compile_definition(workflow.pk), facts, obj, user).play()


class _Nowhere:
    """The visits of an object that is only imagined on its way."""

    def count(self, place: PlaceDefinition) -> int:  # it has been nowhere yet
        return 0


@dataclass(frozen=True)
class _Imagined:
    """A run that is only imagined, as the finder of ways wants it."""

    definition: WorkflowDefinition
    visits: _Nowhere = field(default_factory=_Nowhere)

    def following(self, place: PlaceDefinition) -> PlaceDefinition | None:
        return self.definition.after(place.id)


class _Player:
    def __init__(self, definition: WorkflowDefinition, facts: Facts, obj: Model, user: Any) -> None:
        self._finder = Wayfinder(_Imagined(definition), facts)
        self._definition = definition
        self._obj = obj
        self._user = user
        self._named = Named.by(
            approval for place in definition.places for approval in place.approvals
        )
        self._steps: list[SimulatedStep] = []

    def play(self) -> Simulation:
        try:
            self._play()
        except ConditionFailed as error:
            return Simulation(tuple(self._steps), is_completed=False, reason=error.message)
        return Simulation(tuple(self._steps), is_completed=True)

    def _play(self) -> None:
        waiting = self._go(next(iter(self._definition.places), None), None)
        while waiting:
            first = waiting[0]
            if first.group:
                for place in waiting:
                    self._play_branch(place)
                goal = self._definition.after_group(first.group)
            else:
                goal = self._leave(first)
            waiting = self._go(goal, first)

    def _play_branch(self, place: PlaceDefinition) -> None:
        waiting = [place]
        while waiting:
            waiting = self._go(self._leave(waiting[0]), waiting[0])

    def _go(
        self, goal: PlaceDefinition | None, left: PlaceDefinition | None
    ) -> list[PlaceDefinition]:
        """Note the places on the way to a goal; return those where something is waited for."""
        way = self._finder.onward(goal, left)
        for stop in way.stops:
            self._note(stop)
        if way.error is not None:
            raise way.error
        return [stop.place for stop in way.stops if stop.outcome is None]

    def _leave(self, place: PlaceDefinition) -> PlaceDefinition | None:
        """Where the object goes from a place that is done; the route is noted there."""
        route = self._finder.route(place)
        if route is None:
            return self._definition.after(place.id)
        number = max(n for n, step in enumerate(self._steps) if step.place == place)
        self._steps[number] = replace(self._steps[number], route=route.when)
        return self._definition.coded(route.to) if route.to else None

    def _note(self, stop: Stop) -> None:
        place, kind = stop.place, KIND_OF_OUTCOME.get(stop.outcome)
        approvers: tuple[ApproverPreview, ...] = ()
        if kind is None:
            case = Case(lambda: self._obj, lambda: self._user)
            approvers = tuple(preview_place(place, self._obj, case, self._named, self._user))
        reason = place.skip_when if kind is SimulatedKind.PASSED_OVER else ""
        if kind is SimulatedKind.APPROVES_ITSELF:
            reason = place.approve_when
        self._steps.append(
            SimulatedStep(place, kind or SimulatedKind(place.kind), reason, approvers)
        )


# What ends a visit at once; where nothing does, the kind of the stage tells what happens.
KIND_OF_OUTCOME: Mapping[StageOutcome | None, SimulatedKind] = {
    StageOutcome.SKIPPED: SimulatedKind.PASSED_OVER,
    StageOutcome.APPROVED_BY_RULE: SimulatedKind.APPROVES_ITSELF,
    StageOutcome.NOT_NEEDED: SimulatedKind.NOT_NEEDED,
}
