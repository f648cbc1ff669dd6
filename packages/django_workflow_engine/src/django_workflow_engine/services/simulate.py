"""Play a workflow for an object in thought: the way that it would take, and where that ends."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from django_workflow_engine.choices import StageKind
from django_workflow_engine.conf import settings
from django_workflow_engine.definition import (
    PlaceDefinition,
    WorkflowDefinition,
    compile_definition,
)
from django_workflow_engine.definition.ways import route_taken
from django_workflow_engine.exceptions import ConditionFailed
from django_workflow_engine.expressions import Facts, WhoAndWhat, evaluate
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services._steps import Case, Named
from django_workflow_engine.services.preview import ApproverPreview, preview_place


class SimulatedKind(Enum):
    """What would happen at a stage."""

    APPROVAL = StageKind.APPROVAL.value
    JOB = StageKind.JOB.value
    TIMER = StageKind.TIMER.value
    STATUS = StageKind.STATUS.value
    PASSED_OVER = "passed_over"
    APPROVES_ITSELF = "approves_itself"


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
    definition = compile_definition(workflow.pk)
    named = Named.by(approval for place in definition.places for approval in place.approvals)
    return _Player(definition, facts, obj, user, named).play()


@dataclass
class _Player:
    definition: WorkflowDefinition
    facts: Facts
    obj: Model
    user: Any
    named: Named
    steps: list[SimulatedStep] = field(default_factory=list)
    visits: Counter[Any] = field(default_factory=Counter)

    def play(self) -> Simulation:
        place = next(iter(self.definition.places), None)
        try:
            while place is not None:
                place = self._pass_group(place) if place.group else self._pass(place)
        except ConditionFailed as error:
            return Simulation(tuple(self.steps), is_completed=False, reason=error.message)
        return Simulation(tuple(self.steps), is_completed=True)

    def _pass_group(self, place: PlaceDefinition) -> PlaceDefinition | None:
        for branch in self.definition.groups[place.group].branches.values():
            at: PlaceDefinition | None = branch[0]
            while at is not None:
                at = self._pass(at)
        return self.definition.after_group(place.group)

    def _pass(self, place: PlaceDefinition) -> PlaceDefinition | None:
        """Note what happens at a place; return where the object goes from it."""
        self._refuse_endless_loop(place)
        kind, reason = self._what_happens(place)
        approvers: tuple[ApproverPreview, ...] = ()
        if kind is SimulatedKind.APPROVAL:
            case = Case(lambda: self.obj, lambda: self.user)
            approvers = tuple(preview_place(place, self.obj, case, self.named, self.user))
        self.steps.append(SimulatedStep(place, kind, reason, approvers))
        route = route_taken(place, self._holds)
        if route is None:
            return self.definition.after(place.id)
        self.steps[-1] = SimulatedStep(place, kind, reason, approvers, route.when)
        return self.definition.coded(route.to) if route.to else None

    def _what_happens(self, place: PlaceDefinition) -> tuple[SimulatedKind, str]:
        if place.skip_when and self._holds(place.skip_when):
            return SimulatedKind.PASSED_OVER, place.skip_when
        if place.approve_when and self._holds(place.approve_when):
            return SimulatedKind.APPROVES_ITSELF, place.approve_when
        return SimulatedKind(place.kind), ""

    def _holds(self, condition: str) -> bool:
        return evaluate(condition, self.facts.values(condition))

    def _refuse_endless_loop(self, place: PlaceDefinition) -> None:
        self.visits[place.id] += 1
        limit = place.max_visits or settings.loop_limit
        if self.visits[place.id] > limit:
            raise ConditionFailed(
                _("'%(stage)s' has been visited %(limit)s times; the loop ends here.")
                % {"stage": place.name_en, "limit": limit}
            )
