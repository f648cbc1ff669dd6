"""Opening steps: a pending row becomes current, a role's row becomes one row per person asked."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalStatus, EventKind
from approval_workflow.deadlines import due_from
from approval_workflow.exceptions import NobodyEligible, StepAlreadyProcessed
from approval_workflow.models import ApprovalInstance
from approval_workflow.permissions import excluded_people
from approval_workflow.roles import RoleRef
from approval_workflow.services._builder import build_for, insert
from approval_workflow.services._locking import FlowWork
from approval_workflow.statements import Update
from approval_workflow.strategies import Asked, Selection, Strategy, strategy_of


def insert_steps(work: FlowWork, rows: Sequence[ApprovalInstance]) -> list[ApprovalInstance]:
    """Insert new rows and open those with the lowest number; return the rows that are current."""
    first = min(row.step_number for row in rows)
    opened = [expand(work, row) for row in rows if row.step_number == first]
    current = [row for group in opened for row in group]
    waiting = [row for row in rows if row.step_number != first]
    insert(work.using, [*current, *waiting])
    for group in opened:
        _record_opening(work, group)
    return current


def open_steps(work: FlowWork, rows: Iterable[ApprovalInstance]) -> list[ApprovalInstance]:
    """Make stored pending rows current, with further rows for the people of a role."""
    groups = [expand(work, row) for row in rows]
    stored = [group[0] for group in groups]
    alike = [row for row in stored if not row.has_strategy and row.due_at is None]
    _open_stored(work, alike)
    for row in stored:
        if row not in alike:
            changes = {"assigned_to": row.assigned_to, "voice": row.voice, "due_at": row.due_at}
            _open_stored(work, [row], **changes)
    added = [row for group in groups for row in group[1:]]
    if added:
        insert(work.using, added)
    for group in groups:
        _record_opening(work, group)
    return [row for group in groups for row in group]


def expand(work: FlowWork, row: ApprovalInstance) -> list[ApprovalInstance]:
    """Return the rows, in memory, that a pending row becomes; the first of them is the row itself.

    Raises `NobodyEligible` when nobody would be asked; a handler may say what the step is called.
    """
    try:
        return _expand(row)
    except NobodyEligible as error:
        names = (handler.describe_step(row) for handler in work.handlers)
        name = next(filter(None, names), "")
        message = f"{name}: {error.message}" if name else error.message
        details = {**error.details, "extra_fields": row.extra_fields}
        raise NobodyEligible(message, **details) from error


def _expand(row: ApprovalInstance) -> list[ApprovalInstance]:
    row.status = ApprovalStatus.CURRENT
    row.started_at = timezone.now()
    row.due_at = due_from(row.started_at, row.sla_duration)
    if not row.has_strategy:
        require_not_excluded(row, excluded_people(row))
        return [row]
    strategy, selection = selection_for(row, excluded_people(row))
    first, *others = require_enough(row, eligible(selection, strategy.ask(selection)))
    row.assigned_to, row.voice = first.user, first.voice
    return [row, *(build_for(row, asked.user, voice=asked.voice) for asked in others)]


def require_not_excluded(row: ApprovalInstance, excluded: frozenset[Any]) -> None:
    """Refuse to open a step whose one person separation of duties keeps out."""
    if row.assigned_to_id in excluded:
        raise NobodyEligible(
            _("Step %(step)s cannot open: separation of duties keeps %(person)s out of it.")
            % {"step": row.step_number, "person": row.assigned_to},
            step=row.step_number,
        )


def selection_for(row: ApprovalInstance, excluded: frozenset[Any]) -> tuple[Strategy, Selection]:
    """Return the strategy of a row, and what it sees."""
    return strategy_of(row), Selection(row.flow, row, RoleRef.of_step(row), excluded)


def require_enough(row: ApprovalInstance, asked: Sequence[Asked]) -> Sequence[Asked]:
    """Return those who are asked; raise `NobodyEligible` when they cannot satisfy the step."""
    strategy, role = strategy_of(row), RoleRef.of_step(row)
    voices = voices_of(asked)
    if not asked:
        raise NobodyEligible(
            _("Step %(step)s cannot open: there is nobody eligible (%(strategy)s, %(role)s).")
            % {
                "step": row.step_number,
                "strategy": strategy.label,
                "role": (role and role.instance) or "-",
            },
            step=row.step_number,
        )
    needed = strategy.needed(voices, row)
    if voices < needed:
        raise NobodyEligible(
            _("Step %(step)s cannot open: it needs %(needed)s approvals, of %(voices)s people.")
            % {"step": row.step_number, "needed": needed, "voices": voices},
            step=row.step_number,
        )
    return asked


def voices_of(asked: Sequence[Asked]) -> int:
    """Return how many answers those asked give."""
    return len({person.voice or -index for index, person in enumerate(asked, start=1)})


def eligible(selection: Selection, found: Iterable[Asked]) -> list[Asked]:
    """Return those whom the strategy has found, each once, without those who may not act."""
    people: dict[Any, Asked] = {}
    for asked in found:
        if selection.is_eligible(asked.user):
            people.setdefault(asked.user.pk, asked)
    return list(people.values())


def _open_stored(work: FlowWork, rows: Sequence[ApprovalInstance], **changes: Any) -> None:
    if not rows:
        return
    now = rows[0].started_at
    changes |= {"status": ApprovalStatus.CURRENT, "started_at": now, "updated_at": now}
    if len(rows) == 1:
        opened = _pending(work.using, changes, step=rows[0].pk)
    else:
        stored = ApprovalInstance.objects.using(work.using).filter(pk__in=[row.pk for row in rows])
        opened = stored.pending().update(**changes)
    if opened != len(rows):
        raise StepAlreadyProcessed(_("A step that was to open is not pending any more."))


@Update
def _pending(step: Any) -> "QuerySet[ApprovalInstance]":
    return ApprovalInstance.objects.filter(pk=step).pending()


def _record_opening(work: FlowWork, rows: Sequence[ApprovalInstance]) -> None:
    work.events.add(
        EventKind.STEP_OPENED,
        instance=rows[0],
        from_status=ApprovalStatus.PENDING,
        to_status=ApprovalStatus.CURRENT,
        step=rows[0].step_number,
        asked=[str(row.assigned_to_id) for row in rows],
    )
