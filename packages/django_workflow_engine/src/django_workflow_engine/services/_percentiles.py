"""Percentiles of durations in groups, the same on every database.

The percentile at the share a/b of n durations is what stands at the place a(n - 1)/b when they are
put in order and counted from 0; between two of them it lies on the straight line (as
`PERCENTILE_CONT` in SQL has it). The database numbers the durations; of each group only those come
back that stand next to such a place, however many there are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.db.models.lookups import GreaterThan, LessThan

MEDIAN = Fraction(1, 2)
P90 = Fraction(9, 10)


def percentiles(
    rows: "QuerySet[Any]", *, group: str, start: str, end: str, shares: Sequence[Fraction]
) -> dict[Any, dict[Fraction, timedelta]]:
    """Return {group: {share: duration}} of the time from one field to another, in one statement.

    `group` names a field or an annotation of `rows`; `start` and `end` are not empty in them.
    """
    taken = ExpressionWrapper(F(end) - F(start), output_field=DurationField())
    numbered = rows.annotate(
        taken=taken,
        place=Window(RowNumber(), partition_by=F(group), order_by=[taken, F("pk")]),
        of=Window(Count("pk"), partition_by=F(group)),
    )
    wanted = Q()
    for share in shares:
        wanted |= _next_to(share)
    found: dict[Any, dict[int, timedelta]] = defaultdict(dict)
    sizes: dict[Any, int] = {}
    for key, duration, place, size in numbered.filter(wanted).values_list(
        group, "taken", "place", "of"
    ):
        found[key][place - 1] = duration
        sizes[key] = size
    return {
        key: {share: at_share(share, durations, sizes[key]) for share in shares}
        for key, durations in found.items()
    }


def at_share(share: Fraction, durations: Mapping[int, timedelta], size: int) -> timedelta:
    """Return the percentile of `size` durations, of which those next to its place are given."""
    below, beyond = divmod(share.numerator * (size - 1), share.denominator)
    low = durations[below]
    if not beyond:
        return low
    return low + (durations[below + 1] - low) * beyond / share.denominator


def _next_to(share: Fraction) -> Q:
    """Rows less than one place away from the percentile's: |b(place - 1) - a(n - 1)| < b.

    Without differences and quotients, which databases disagree about.
    """
    a, b = share.numerator, share.denominator
    here, goal = F("place") * b + a, F("of") * a
    return Q(GreaterThan(here, goal)) & Q(LessThan(here, goal + 2 * b))
