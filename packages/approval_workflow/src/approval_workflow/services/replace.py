"""Put other steps in the place of those that are not decided yet."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.choices import EventKind
from approval_workflow.exceptions import Conflict, InvalidInput, NobodyEligible, NothingLeftToAsk
from approval_workflow.forms import is_json
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.permissions import tally_of
from approval_workflow.services._arguments import checked_person, checked_text
from approval_workflow.services._builder import build_instance
from approval_workflow.services._closing import cancel_rest_of_step, cancel_rows
from approval_workflow.services._dropping import rows_of_round, without_dropped
from approval_workflow.services._freshness import bring_up_to_date
from approval_workflow.services._locking import FlowWork, require_running, work_on_flow
from approval_workflow.services._matching import Matching, StoredStep, group_steps, match
from approval_workflow.services._opening import insert_steps, open_steps
from approval_workflow.services._placing import Placing, place
from approval_workflow.services._steps import parse_steps
from approval_workflow.services._terms import RULES, change_terms, change_track
from approval_workflow.strategies import strategy_of
from approval_workflow.types import Outcome, Replacement, StepSpec


def replace_steps(
    flow: ApprovalFlow,
    steps: Sequence[Mapping[str, Any]],
    user: Any = None,
    *,
    since: int = 1,
    afresh: bool = False,
    distinct_by: Collection[str] = (),
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    expected_version: int | None = None,
) -> Replacement:
    """Make `steps`, as `start_flow` takes them, what the flow's present round asks for.

    Steps of the round from the number `since` on are compared with them in order; earlier ones are
    left alone. A step that was approved and asks the same people by the same strategy counts, and
    is not asked for again. One that is open or to come and asks the same people stays: votes,
    claims and delegations too. It gets the new form, deadline, numbers and so on, and stays open
    where others were put before it. Where the votes cast are enough by a new rule, it is done. All
    other steps that are not decided are cancelled, and what is left of `steps` follows. With
    `afresh` nothing counts and nothing stays. Steps that differ in one of the keys `distinct_by` of
    `extra_fields`, where the new step has it, ask different people.

    Whether `user` may do this is for the caller to decide; the history names them, with the reason
    and `details` (a dictionary of JSON).

    Events: `steps_replaced`, `step_opened`. Raises `NothingLeftToAsk` when all of `steps` are
    approved, `Conflict` when the votes cast would reject a step by its new rule, `NobodyEligible`,
    `InvalidSteps`, `FlowEnded`, `FlowOnHold`, `VersionConflict`, `InvalidInput`.
    """
    user, reason = checked_person("user", user), checked_text("reason", reason)
    details, since = _checked_details(details), _checked_number(since)
    with work_on_flow(flow_id=flow.pk, expected_version=expected_version) as work:
        require_running(work.flow)
        specs = parse_steps(steps)
        compared = Compared(since, afresh, tuple(distinct_by))
        change = _Change.prepare(work, specs, compared)
        result = change.result()
        told = {"since": since, **change.numbers(), **({"details": details} if details else {})}
        work.events.add(EventKind.STEPS_REPLACED, actor=user, comment=reason, **told)
        change.write()
    bring_up_to_date(flow, work.flow)
    return result


def _checked_number(since: Any) -> int:
    if isinstance(since, bool) or not isinstance(since, int) or since < 1:
        raise InvalidInput(_("since: expected a whole number of at least 1."))
    return since


def _checked_details(details: Any) -> dict[str, Any]:
    if details is None:
        return {}
    if not isinstance(details, Mapping) or not is_json(dict(details)):
        raise InvalidInput(_("details: expected a dictionary of values that JSON knows."))
    return dict(details)


@dataclass(frozen=True, slots=True)
class Compared:
    """How new steps are compared with those that are stored; see `replace_steps`."""

    since: int
    afresh: bool
    distinct_by: tuple[str, ...]


@dataclass
class _Change:
    """What is to happen to the steps of a locked flow."""

    work: FlowWork
    round_number: int
    matching: Matching
    placing: Placing
    # Open steps that the votes cast satisfy by their new rule.
    settled: list[StoredStep]

    @classmethod
    def prepare(cls, work: FlowWork, specs: Sequence[StepSpec], compared: Compared) -> "_Change":
        rows = rows_of_round(work)
        # A flow that has only waited so far has no rows.
        round_number = rows[0].round if rows else 1
        new = [build_instance(work.flow, spec, round_number=round_number) for spec in specs]
        stored = group_steps(row for row in rows if row.step_number >= compared.since)
        matching = match(
            [] if compared.afresh else new, without_dropped(work, stored), compared.distinct_by
        )
        open_pairs = [
            (row, partner)
            for row in new
            if (partner := matching.partner(row)) is not None and partner.is_open
        ]
        settled = [partner for row, partner in open_pairs if _is_settled(row, partner)]
        placing = place(new, matching, rows, settled)
        if not placing.goes_on:
            raise NothingLeftToAsk(_("All of these steps are approved: nothing is left to ask."))
        return cls(work, round_number, matching, placing, settled)

    def numbers(self) -> dict[str, Any]:
        """What the history keeps; the keys of cancelled rows tell that their votes do not count."""
        return {
            "round": self.round_number,
            "kept": [step.first.step_number for _row, step in self._staying()],
            "counted": [step.first.step_number for step in self._counted()],
            "cancelled": [row.pk for step in self.matching.dropped for row in step.rows],
            "steps": [row.step_number for row in self.placing.added],
        }

    def result(self) -> Replacement:
        return Replacement(
            kept=len(self._staying()),
            counted=len(self._counted()),
            cancelled=len(self.matching.dropped),
            added=len(self.placing.added),
        )

    def write(self) -> None:
        work = self.work
        cancel_rows(work, [row for step in self.matching.dropped for row in step.unfinished])
        for step in self.settled:
            cancel_rest_of_step(work, step.first)
        for row, step in self._staying():
            change_track(work, step.rows, row.parallel_group)
            change_terms(work, step.unfinished, row)
        opening = self.placing.opening
        partners = [self.matching.partner(row) for row in opening]
        stored = [partner.first for partner in partners if partner is not None]
        if stored:
            open_steps(work, stored)
        new = [row for row in opening if self.matching.partner(row) is None]
        if new:
            insert_steps(work, new)
        waiting = [row for row in self.placing.added if row not in new]
        ApprovalInstance.objects.using(work.using).bulk_create(waiting)

    def _staying(self) -> list[tuple[ApprovalInstance, StoredStep]]:
        return self.placing.staying

    def _counted(self) -> list[StoredStep]:
        approved = [step for step in self.matching.partners.values() if step.is_approved]
        return [*approved, *self.settled]


def _is_settled(row: ApprovalInstance, step: StoredStep) -> bool:
    """Whether the votes cast satisfy an open step by the rule that `row` brings."""
    before = step.unfinished[0]
    if not row.has_strategy or all(getattr(before, name) == getattr(row, name) for name in RULES):
        return False
    strategy = strategy_of(row)
    votes = tally_of(before, None).votes
    if strategy.needed(votes.electorate, row) > votes.electorate:
        raise NobodyEligible(
            _("Step %(step)s cannot go on: it needs %(needed)s approvals, of %(voices)s people.")
            % {
                "step": before.step_number,
                "needed": strategy.needed(votes.electorate, row),
                "voices": votes.electorate,
            },
            step=before.step_number,
        )
    outcome = strategy.decide(votes, row).outcome
    if outcome is Outcome.REJECTED:
        raise Conflict(
            _("Step %(step)s: the votes cast would reject it by its new rule.")
            % {"step": before.step_number},
            step=before.step_number,
        )
    return outcome is Outcome.APPROVED
