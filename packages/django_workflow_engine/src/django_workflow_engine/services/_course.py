"""Where an object goes: from a place that is done to the next that waits for something.

Places are entered and left here and nowhere else, so that approvals, jobs, timers, statuses and
administrators move objects by the same rules.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.types import Continuation
from django_workflow_engine.choices import ActionType, StageKind, StageOutcome, TaskKind
from django_workflow_engine.conf import settings
from django_workflow_engine.definition import GroupDefinition, PlaceDefinition, TimerDefinition
from django_workflow_engine.exceptions import ConditionFailed
from django_workflow_engine.expressions import Facts, evaluate
from django_workflow_engine.expressions.language import moment_of
from django_workflow_engine.models import StageRun
from django_workflow_engine.services._run import Run
from django_workflow_engine.services._steps import TURN_KEY, Step, build_steps
from django_workflow_engine.services._tasks import drop_tasks


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
        self.facts = facts
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

    def answer(self) -> Continuation:
        """What the flow is to do."""
        return Continuation(
            steps=self.steps,
            waits=self.waits and not self.hold,
            joins=self.joins,
            hold=self.hold,
            notes=self.notes,
        )

    def arrive(self, goal: PlaceDefinition | None, left: PlaceDefinition | None = None) -> None:
        """Put the object at a place; where nothing is to be waited for, at what follows.

        A condition that cannot be answered holds the object where it was; at the start, where it
        was nowhere, the error is raised.
        """
        while goal is not None:
            try:
                stands = self._arrive(goal, left)
            except ConditionFailed as error:
                if left is None:
                    raise
                self._stay(left, error.message)
                return
            if stands:
                return
            left = goal
            try:
                goal = self._following(left)
            except ConditionFailed as error:
                self._stay(left, error.message)
                return
        self.ended = True

    def depart(self, left: PlaceDefinition, outcome: StageOutcome) -> None:
        """Take the object from a place that is done, and put it where it goes from there."""
        try:
            goal = self._following(left)
        except ConditionFailed as error:
            self._stay(left, error.message)
            return
        if not left.group:
            if goal is not None or not self.run.definition.is_plain:
                self._leave(left, outcome)
            self.arrive(goal, left)
            return
        self.depart_in_branch(left, outcome)
        if not self.steps and not self.hold:
            self.join(left)

    def depart_in_branch(self, left: PlaceDefinition, outcome: StageOutcome) -> None:
        """Take the object from a place of a branch, and put it where the branch goes on.

        Where the join is complete now, `joins` says so and the other branches are left.
        """
        try:
            goal = self._following(left)
        except ConditionFailed as error:
            self._stay(left, error.message)
            return
        self._leave(left, outcome)
        while goal is not None:
            try:
                if self._arrive_at(goal, left):
                    self.run.stand_in_first_branch()
                    return
                left, goal = goal, self._following(goal)
            except ConditionFailed as error:
                self._stay(left, error.message)
                return
        self._end_branch(self._group(left))

    def join(self, left: PlaceDefinition) -> None:
        """Put the object behind the group of a place, if its branches have joined."""
        if self._still_open(self._group(left)):
            self.waits = True
            return
        self.waits = False
        self.arrive(self.run.definition.after_group(left.group), left)

    def holds(self, condition: str) -> bool:
        return evaluate(condition, self.facts.values(condition))

    def _arrive(self, goal: PlaceDefinition, left: PlaceDefinition | None) -> bool:
        """Put the object at a place or a group; return whether it stands there."""
        if goal.group and (left is None or left.group != goal.group):
            return self._arrive_at_group(self._group(goal), left)
        return self._arrive_at(goal, left)

    def _arrive_at_group(self, group: GroupDefinition, left: PlaceDefinition | None) -> bool:
        for branch in group.branches.values():
            at: PlaceDefinition | None = branch[0]
            came_from = left
            while at is not None and not self._arrive_at(at, came_from):
                came_from, at = at, self._following(at)
        ended = len(group.branches) - len(self._open_branches(group))
        if ended >= group.needed:
            self._drop_branches(group)
            return False
        self.run.stand_in_first_branch()
        return True

    def _arrive_at(self, place: PlaceDefinition, left: PlaceDefinition | None) -> bool:
        """Put the object at one place; return whether something is waited for there."""
        run = self.run
        self._refuse_endless_loop(place)
        if place.skip_when and self.holds(place.skip_when):
            visit = run.visits.enter(place, round_number=self.round)
            run.visits.close(visit, StageOutcome.SKIPPED)
            text = _("'%(stage)s' was passed over: %(condition)s")
            self.note(place, "stage_skipped", text, condition=place.skip_when)
            return False
        by_rule = bool(place.approve_when) and self.holds(place.approve_when)
        if place.group and run.stands_in(place.group):
            visit = run.visits.enter(place, round_number=self.round, status=place.default_status)
        else:
            visit = run.enter(place, round_number=self.round)
        self._emit_moves(place, left)
        if by_rule:
            run.visits.close(visit, StageOutcome.APPROVED_BY_RULE)
            text = _("'%(stage)s' approved itself: %(condition)s")
            self.note(place, "approved_by_rule", text, condition=place.approve_when)
            run.emit(ActionType.AFTER_APPROVE, place, stage_complete=True, by_rule=True)
            return False
        self._wait_at(place, visit)
        return True

    def _wait_at(self, place: PlaceDefinition, visit: StageRun) -> None:
        if place.kind == StageKind.APPROVAL:
            self.steps += self._steps_at(place)
            return
        self.waits = True
        if place.job is not None:
            self.run.add_task(
                TaskKind.JOB,
                visit,
                function=place.job.function,
                parameters=place.job.parameters,
            )
        elif place.timer is not None:
            self.run.add_task(TaskKind.TIMER, visit, run_after=self._moment(place.timer))

    def _steps_at(self, place: PlaceDefinition) -> list[Step]:
        if not place.group:
            return build_steps(place, self.run.case, after=self.after)
        return self.turn_of(place, 1)

    def turn_of(self, place: PlaceDefinition, turn: int) -> list[Step]:
        """Return the approvals of a place in a branch whose turn it is, as tracks of one number.

        The tracks of a later visit have names of their own.
        """
        visit = self.run.visits.count(place)
        track = f"{place.code}.{visit}.{turn}"
        return [
            {
                **step,
                "step": self.after + 1,
                "parallel_group": f"{track}.{step['parallel_group']}".rstrip("."),
                "extra_fields": {**step["extra_fields"], TURN_KEY: turn},
            }
            for step in build_steps(place, self.run.case)
            if step["step"] == turn
        ]

    def _moment(self, timer: TimerDefinition) -> datetime:
        if timer.duration is not None:
            return timezone.now() + timer.duration
        return moment_of(timer.until, self.facts.values(timer.until))

    def _emit_moves(self, place: PlaceDefinition, left: PlaceDefinition | None) -> None:
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

    def _following(self, place: PlaceDefinition) -> PlaceDefinition | None:
        """Where objects go from here: by the first route whose condition holds, else in order."""
        for route in place.routes:
            if not route.when or self.holds(route.when):
                return self.run.definition.coded(route.to) if route.to else None
        return self.run.following(place)

    def _refuse_endless_loop(self, place: PlaceDefinition) -> None:
        if not any(other.routes for other in self.run.definition.places):
            return
        limit = place.max_visits or settings.loop_limit
        if self.run.visits.count(place) >= limit:
            raise ConditionFailed(
                _("'%(stage)s' has been visited %(limit)s times; the loop ends here.")
                % {"stage": place.name_en, "limit": limit}
            )

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
                run.drop_new_tasks(visit)
                run.visits.close(visit, StageOutcome.NOT_NEEDED)
        self.steps = []

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
