"""The steps that an act may be about, and those that would come next, read in one statement."""

from typing import Any

from django.db.models import Case, IntegerField, Min, Q, QuerySet, Subquery, Value, When

from approval_workflow.choices import ApprovalStatus
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._locking import FlowWork
from approval_workflow.statements import Select

# As many rows as are read. Most acts are about one, and one comes next; a role may have thousands.
MOST = 4
_FIRST, _OWN, _OPEN, _TO_COME = range(4)


def read_at_hand(
    work: FlowWork, *, user_key: Any = None, step_key: Any = None
) -> list[ApprovalInstance]:
    """Return rows of the flow: the named one, in whatever state; the open ones, the person's first;
    those of the next number to come.

    What is found is noted on `work` when it is all there is.
    """
    found = _at_hand(work.using, flow=work.flow.pk, user=user_key, step=step_key)
    work.with_flow(found)
    if len(found) < MOST:
        work.unfinished = [row for row in found if row.status in ApprovalStatus.unfinished()]
    return found


def read_all_open(work: FlowWork, user_key: Any) -> list[ApprovalInstance]:
    """Return all open rows of the flow, the person's first."""
    rows = ApprovalInstance.objects.using(work.using).filter(flow=work.flow).current()
    own_first = Case(
        When(assigned_to=user_key, then=Value(_OWN)),
        default=Value(_OPEN),
        output_field=IntegerField(),
    )
    found = list(rows.select_related("assigned_to").order_by(own_first, *_IN_ORDER))
    work.with_flow(found)
    return found


_IN_ORDER = ("step_number", "parallel_group", "pk")


def _rows(flow: Any, user: Any, step: Any) -> "QuerySet[ApprovalInstance]":
    rows = ApprovalInstance.objects.filter(flow=flow)
    is_open = Q(status=ApprovalStatus.CURRENT)
    number = rows.pending().order_by().values("flow").annotate(first=Min("step_number"))
    is_next = Q(status=ApprovalStatus.PENDING, step_number=Subquery(number.values("first")))
    precedence = Case(
        When(pk=step, then=Value(_FIRST)),
        When(is_open & Q(assigned_to=user), then=Value(_OWN)),
        When(is_open, then=Value(_OPEN)),
        default=Value(_TO_COME),
        output_field=IntegerField(),
    )
    found = rows.filter(Q(pk=step) | is_open | is_next).alias(precedence=precedence)
    return found.order_by("precedence", *_IN_ORDER)[:MOST]


_at_hand = Select(_rows, "assigned_to")
