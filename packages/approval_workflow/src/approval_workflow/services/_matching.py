"""Which stored steps ask for the same as new ones, so that nobody is asked twice."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from approval_workflow.choices import ApprovalStatus
from approval_workflow.models import ApprovalInstance
from approval_workflow.strategies import strategy_of
from approval_workflow.strategies.role import Holders


@dataclass(frozen=True, eq=False)
class StoredStep:
    """The rows of one stored step, oldest first."""

    rows: Sequence[ApprovalInstance]

    @property
    def first(self) -> ApprovalInstance:
        """The row that says whom the step asks, whoever took it over later.

        Rows of steps that an undone decision had added come before it, and are cancelled.
        """
        standing = (row for row in self.rows if row.status != ApprovalStatus.CANCELLED)
        return next(standing, self.rows[0])

    @property
    def unfinished(self) -> list[ApprovalInstance]:
        unfinished = (ApprovalStatus.CURRENT, ApprovalStatus.PENDING)
        return [row for row in self.rows if row.status in unfinished]

    @property
    def is_open(self) -> bool:
        return self._has(ApprovalStatus.CURRENT)

    @property
    def is_to_come(self) -> bool:
        return self._has(ApprovalStatus.PENDING)

    @property
    def is_approved(self) -> bool:
        """Whether it ended with approvals; those of a step that was dropped say nothing."""
        return not self.unfinished and self._has(ApprovalStatus.APPROVED)

    def _has(self, status: ApprovalStatus) -> bool:
        return any(row.status == status for row in self.rows)


@dataclass
class Matching:
    """The stored step for each new row that has one, and the unfinished steps that have none."""

    partners: dict[int, StoredStep] = field(default_factory=dict)
    dropped: list[StoredStep] = field(default_factory=list)

    def partner(self, row: ApprovalInstance) -> StoredStep | None:
        return self.partners.get(id(row))


def group_steps(rows: Iterable[ApprovalInstance]) -> list[StoredStep]:
    """Return the steps of one round's rows in order."""
    groups: dict[tuple[int, str], list[ApprovalInstance]] = {}
    for row in sorted(rows, key=lambda row: (row.step_number, row.parallel_group, row.pk)):
        groups.setdefault((row.step_number, row.parallel_group), []).append(row)
    return [StoredStep(found) for found in groups.values()]


def match(
    new: Sequence[ApprovalInstance], stored: Iterable[StoredStep], distinct_by: Collection[str] = ()
) -> Matching:
    """Find for each new row, in order, the first stored step that asks the same and is free.

    `distinct_by`: keys of `extra_fields` that must be the same too where the new row has them.
    """
    free = [step for step in stored if step.unfinished or step.is_approved]
    matching = Matching()
    for row in new:
        noted = [(key, row.extra_fields[key]) for key in distinct_by if key in row.extra_fields]
        alike = (step for step in free if _asks_the_same(step, row) and _notes(step, noted))
        partner = next(alike, None)
        if partner is not None:
            matching.partners[id(row)] = partner
            free.remove(partner)
    matching.dropped = [step for step in free if step.unfinished]
    return matching


def _asks_the_same(step: StoredStep, row: ApprovalInstance) -> bool:
    if step.is_approved:
        return _people(step.first) == _people(row)
    return _electorate(step.first) == _electorate(row)


def _notes(step: StoredStep, noted: Iterable[tuple[str, Any]]) -> bool:
    extra = (step.unfinished or step.rows)[0].extra_fields
    return all(key in extra and extra[key] == value for key, value in noted)


def _people(row: ApprovalInstance) -> tuple[Any, ...]:
    """Who is asked, as the step says it."""
    return (
        None if row.has_strategy else row.assigned_to_id,
        row.assigned_role_content_type_id,
        row.assigned_role_object_id,
        str(row.role_selection_strategy),
        row.hierarchy_levels,
        row.hierarchy_base_user_id,
        row.dynamic_source,
    )


def _electorate(row: ApprovalInstance) -> tuple[Any, ...]:
    """Who may vote: the same for all strategies that ask everybody who holds the role."""
    person, role_type, role_key, strategy, *rest = _people(row)
    asks_holders = isinstance(strategy_of(row), Holders)
    kind = Holders if asks_holders else strategy
    return (person, role_type, role_key, kind, *rest, row.exclude_starter, row.exclude_deciders)
