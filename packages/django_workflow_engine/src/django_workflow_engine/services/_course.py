"""Where an object goes: from a place that is done to the next that waits for something.

Places are entered and left here and nowhere else, so that approvals, jobs, timers, statuses and
administrators move objects by the same rules.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.types import Continuation
from django_workflow_engine.choices import ActionType, StageKind, StageOutcome, TaskKind
from django_workflow_engine.definition import GroupDefinition, PlaceDefinition
from django_workflow_engine.exceptions import ConditionFailed
from django_workflow_engine.expressions import Facts
from django_workflow_engine.models import StageRun
from django_workflow_engine.services._run import Run
from django_workflow_engine.services._steps import Step, first_steps, steps_of_turn
from django_workflow_engine.services._tasks import drop_tasks
from django_workflow_engine.services._way import Stop, Way, Wayfinder


class Course:
    """One move of one object, inside the transaction of its run."""

    def __init__(
        self,
        run: Run,
        facts: Facts,
        *,
        round_number: int,
        after: int = 0,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """`after`: the number of the flow's last step. `about`: what actions may know of it."""
        self.run = run
        self.round = round_number
        self.after = after
        self.about = dict(about or {})
        self.steps: list[Step] = []
        self.notes: list[dict[str, Any]] = []
        # Whether something else than a decision is waited for, in any branch.
        self.waits = False
        # Whether other branches are not needed any more.
        self.joins = False
        # Why the object cannot go on.
        self.hold = ""
        self.ended = False
        self._finder = Wayfinder(run, facts)

    def answer(self) -> Continuation:
        """What the flow is to do."""
        return Continuation(
            steps=self.steps,
            waits=self.waits and not self.hold,
            joins=self.joins,
            hold=self.hold,
            notes=self.notes,
        )

    def send(self, goal: PlaceDefinition, left: PlaceDefinition | None = None) -> None:
        """Put the object at a place where it was asked to be; where it passes that, behind it.

        Raises `ConditionFailed` when it cannot be there; further on the object is held.
        """
        way = self._finder.onward(goal, left)
        if way.error is not None and not way.stops:
            raise way.error
        self._go(way, left)

    def send_back(self, goal: PlaceDefinition) -> None:
        """Put the object back at a place; raises as `Wayfinder.back_to`."""
        self._go(self._finder.back_to(goal), None)

    def depart(self, left: PlaceDefinition, outcome: StageOutcome) -> None:
        """Take the object from a place that is done, and put it where it goes from there.

        A condition that cannot be answered holds the object where it has come to.
        """
        if left.group:
            self.depart_in_branch(left, outcome)
            if not self.steps and not self.hold:
                self.join(left)
            return
        way = self._way_from(left)
        if way.stops or way.error is not None or not self.run.definition.is_plain:
            self._leave(left, outcome)
        self._go(way, left)

    def depart_in_branch(self, left: PlaceDefinition, outcome: StageOutcome) -> None:
        """Take the object from a place of a branch, and put it where the branch goes on.

        Where the join is complete now, `joins` says so and the other branches are left.
        """
        way = self._way_from(left)
        self._leave(left, outcome)
        self._pass(way)
        if way.error is not None:
            self._stay(way.stops[-1].place if way.stops else left, way.error.message)
        elif way.stands:
            self.run.stand_in_first_branch()
        else:
            self._end_branch(self._group(left))

    def join(self, left: PlaceDefinition) -> None:
        """Put the object behind the group of a place, if its branches have joined."""
        if self._still_open(self._group(left)):
            self.waits = True
            return
        self.waits = False
        way = self._finder.onward(self.run.definition.after_group(left.group), left)
        self._go(way, left)

    def turn_of(self, place: PlaceDefinition, turn: int) -> list[Step]:
        """Return the approvals of a place in a branch whose turn it is."""
        visit = self.run.visits.count(place)
        return steps_of_turn(place, self.run.case, turn, visit=visit, after=self.after)

    def _way_from(self, left: PlaceDefinition) -> Way:
        try:
            goal = self._finder.after(left)
        except ConditionFailed as error:
            return Way(error=error)
        return self._finder.onward(goal, left)

    def _go(self, way: Way, left: PlaceDefinition | None) -> None:
        """Do what the way says, outside of branches."""
        self._pass(way)
        if way.error is not None:
            at = way.stops[-1].place if way.stops else left
            if at is None:
                raise way.error
            self._stay(at, way.error.message)
        elif not way.stands:
            self.ended = True
        elif any(stop.place.group for stop in way.stops if stop.outcome is None):
            self.run.stand_in_first_branch()

    def _pass(self, way: Way) -> None:
        for stop in way.stops:
            if stop.outcome is None:
                self._wait_at(stop)
            else:
                self._pass_by(stop, stop.outcome)

    def _pass_by(self, stop: Stop, outcome: StageOutcome) -> None:
        run, place = self.run, stop.place
        visit = run.visits.enter(place, round_number=self.round)
        run.visits.close(visit, outcome)
        if outcome == StageOutcome.SKIPPED:
            text = _("'%(stage)s' was passed over: %(condition)s")
            self.note(place, "stage_skipped", text, condition=place.skip_when)
        elif outcome == StageOutcome.APPROVED_BY_RULE:
            self._emit_moves(stop)
            text = _("'%(stage)s' approved itself: %(condition)s")
            self.note(place, "approved_by_rule", text, condition=place.approve_when)
            run.emit(ActionType.AFTER_APPROVE, place, stage_complete=True, by_rule=True)

    def _wait_at(self, stop: Stop) -> None:
        run, place = self.run, stop.place
        if place.group:
            # Which of the branches the object is said to be at is found when all are entered.
            visit = run.visits.enter(place, round_number=self.round, status=place.default_status)
        else:
            visit = run.enter(place, round_number=self.round)
        self._emit_moves(stop)
        if place.kind == StageKind.APPROVAL:
            visited = run.visits.count(place) if place.group else 0
            self.steps += first_steps(place, run.case, visit=visited, after=self.after)
            return
        self.waits = True
        self._add_task(stop, visit)

    def _add_task(self, stop: Stop, visit: StageRun) -> None:
        job = stop.place.job
        if job is not None:
            self.run.add_task(TaskKind.JOB, visit, function=job.function, parameters=job.parameters)
        elif stop.moment is not None:
            self.run.add_task(TaskKind.TIMER, visit, run_after=stop.moment)

    def _emit_moves(self, stop: Stop) -> None:
        place, left = stop.place, stop.left
        if left is None:
            return
        context = {**self.about, "previous_stage_id": left.stage_id}
        if place.pipeline != left.pipeline:
            self.run.emit(
                ActionType.AFTER_MOVE_PIPELINE,
                place,
                previous_pipeline_id=left.pipeline_id,
                **context,
            )
        if place.stage_id is not None:
            self.run.emit(ActionType.AFTER_MOVE_STAGE, place, **context)

    def _leave(self, place: PlaceDefinition, outcome: StageOutcome) -> None:
        if self.run.definition.is_plain:
            self.run.leave(outcome)
            return
        self.run.visits.leave(place, outcome)

    def _stay(self, place: PlaceDefinition, problem: str) -> None:
        self.run.visits.stay(place, problem)
        self.run.stand_at(place)
        self.run.attachment.hold_reason = problem
        self.hold = problem

    def _group(self, place: PlaceDefinition) -> GroupDefinition:
        return self.run.definition.groups[place.group]

    def _open_branches(self, group: GroupDefinition) -> set[str]:
        places = self.run.visits.places(self.run.definition)
        return {place.branch for place in places if place.group == group.key}

    def _still_open(self, group: GroupDefinition) -> bool:
        return bool(self._open_branches(group))

    def _end_branch(self, group: GroupDefinition) -> None:
        still_open = self._open_branches(group)
        if len(group.branches) - len(still_open) >= group.needed:
            if still_open:
                self.joins = True
                self._drop_branches(group)
        else:
            self.run.stand_in_first_branch()

    def _drop_branches(self, group: GroupDefinition) -> None:
        """Leave the branches that the join does not wait for."""
        run = self.run
        for place in run.visits.places(run.definition):
            visit = run.visits.at(place)
            if place.group == group.key and visit is not None:
                drop_tasks(run.attachment, run.using, [visit])
                run.visits.close(visit, StageOutcome.NOT_NEEDED)

    def note(
        self, place: PlaceDefinition, what: str, text: str, *, actor: Any = None, **details: Any
    ) -> None:
        """Tell in the history what happened at a place that is no decision on a step."""
        self.notes.append(
            {
                "actor": actor,
                "comment": text % {"stage": place.name_en, **details},
                "what": what,
                **place.keys,
                **details,
            }
        )
