"""Name a stand-in for a period."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.exceptions import InvalidInput, InvalidSubstitution
from approval_workflow.models import Substitution
from approval_workflow.services._locking import write_database


def substitute(
    person: Any,
    by: Any,
    *,
    ends_at: datetime,
    starts_at: datetime | None = None,
    models: Iterable[type[Model]] = (),
) -> Substitution:
    """Let `by` see and decide what waits for `person`, from `starts_at` (now) until `ends_at`.

    For objects of `models`, or for everything when there are none. History names both people.
    Raises `InvalidInput` for what is no user, model or moment, and `InvalidSubstitution` for
    oneself, an inactive stand-in, a period that ends before it begins or in the past, and a circle
    with other substitutions of the same time.
    """
    start = starts_at or timezone.now()
    _check_people(person, by)
    _check_period(start, ends_at)
    types = _checked_types(models)
    using = write_database()
    with transaction.atomic(using=using):
        _check_active(_locked(person, by, using).get(by.pk))
        _check_circle(person, by, start, ends_at)
        made = Substitution.objects.using(using).create(
            person=person,
            substitute=by,
            starts_at=start,
            ends_at=ends_at,
            for_all_models=not types,
        )
        made.content_types.set(types)
    return made


def end_substitution(substitution: Substitution) -> None:
    """End a substitution now; one that has not begun goes away."""
    now = timezone.now()
    if substitution.starts_at >= now:
        substitution.delete()
    elif substitution.ends_at > now:
        substitution.ends_at = now
        substitution.save(update_fields=["ends_at"])


def _check_people(person: Any, by: Any) -> None:
    for argument, user in (("person", person), ("by", by)):
        if not isinstance(user, get_user_model()) or user.pk is None:
            raise InvalidInput(f"{argument}: " + _("expected a user."))
    if person.pk == by.pk:
        raise InvalidSubstitution("by: " + _("nobody stands in for themselves."))


def _check_active(by: Any) -> None:
    if by is None or not by.is_active:
        raise InvalidSubstitution("by: " + _("this account is not active."))


def _locked(person: Any, by: Any, using: str) -> dict[Any, Any]:
    """Both people as stored; whoever names a stand-in of one of them now waits meanwhile."""
    users = get_user_model()._default_manager.using(using)
    locked = users.filter(pk__in={person.pk, by.pk}).order_by("pk").select_for_update()
    return {user.pk: user for user in locked}


def _checked_types(models: Iterable[type[Model]]) -> list[ContentType]:
    models = list(models)
    if not all(isinstance(model, type) and issubclass(model, Model) for model in models):
        raise InvalidInput("models: " + _("expected models."))
    return [ContentType.objects.get_for_model(model) for model in models]


def _check_period(starts_at: datetime, ends_at: datetime) -> None:
    for argument, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
        if not isinstance(moment, datetime) or timezone.is_naive(moment):
            raise InvalidInput(f"{argument}: " + _("expected a moment with its time zone."))
    if ends_at <= starts_at or ends_at <= timezone.now():
        raise InvalidSubstitution("ends_at: " + _("expected a moment after the beginning and now."))


def _check_circle(person: Any, by: Any, starts_at: datetime, ends_at: datetime) -> None:
    """Refuse when stand-ins of stand-ins of the same time lead back to the person."""
    seen: set[Any] = set()
    following = {by.pk}
    while following:
        if person.pk in following:
            raise InvalidSubstitution("by: " + _("these substitutions would go round in a circle."))
        seen |= following
        at_the_same_time = Substitution.objects.overlapping(starts_at, ends_at)
        stand_ins = at_the_same_time.filter(person_id__in=following)
        following = set(stand_ins.values_list("substitute_id", flat=True)) - seen
