"""The values that expressions see: of the object, only the fields that are named."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import ConditionFailed, InvalidExpression
from django_workflow_engine.expressions.language import (
    MAX_ITEMS,
    Expression,
    check_expression,
    parse_expression,
)

NAMES = ("object", "metadata", "form", "results", "user", "now")
# Never shown to conditions.
HIDDEN = frozenset({"password"})
# Numbers of so many digits are the same as text and as the number that CEL compares.
EXACT_DIGITS = 15

# A value of the kind that a field has, for checking expressions.
SAMPLES: Mapping[Any, Any] = {
    models.BooleanField: True,
    models.DecimalField: 1.5,
    models.FloatField: 1.5,
    models.IntegerField: 1,
    models.DateTimeField: datetime(2026, 1, 1, tzinfo=timezone.get_fixed_timezone(0)),
    models.DateField: datetime(2026, 1, 1, tzinfo=timezone.get_fixed_timezone(0)),
    models.DurationField: timedelta(hours=1),
    models.CharField: "a",
    models.TextField: "a",
}


@dataclass(frozen=True, kw_only=True)
class WhoAndWhat:
    """Where the values come from; functions are asked when an expression needs them."""

    target: Callable[[], models.Model | None]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    user: Callable[[], Any] = lambda: None
    # {code of the stage: result of its job}.
    results: Callable[[], Mapping[str, Any]] = dict
    # Given by the caller; comes before everything else.
    given: Mapping[str, Any] = field(default_factory=dict)


class Facts:
    """The values that one expression names."""

    def __init__(self, source: WhoAndWhat) -> None:
        self._source = source

    @cached_property
    def _target(self) -> models.Model | None:
        return self._source.target()

    def values(self, text: str) -> dict[str, Any]:
        """Return the values; raise `ConditionFailed` for one that cannot be shown exactly."""
        expression = parse_expression(text)
        return {
            name: value
            for name in expression.names
            if (value := self._value(name, expression)) is not None
        }

    def _value(self, name: str, expression: Expression) -> Any:
        source = self._source
        if name in source.given:
            return plain(source.given[name], name)
        if name in ("object", self._model_name):
            return self._of_target(expression, name)
        read: Callable[[], Any] | None = {
            "now": timezone.now,
            "metadata": lambda: plain(dict(source.metadata), name),
            "form": lambda: plain(dict(source.form), name),
            "results": lambda: plain(dict(source.results()), name),
            "user": lambda: self._of_user(expression),
        }.get(name)
        return None if read is None else read()

    def _of_target(self, expression: Expression, name: str) -> dict[str, Any]:
        if self._target is None:
            raise ConditionFailed(_("The object is gone."), expression=expression.source)
        return shown(self._target, expression.paths.get(name, ()), name)

    def _of_user(self, expression: Expression) -> dict[str, Any]:
        user = self._source.user()
        return {} if user is None else shown(user, expression.paths.get("user", ()), "user")

    @property
    def _model_name(self) -> str:
        return "" if self._target is None else str(self._target._meta.model_name)


def names_for(models_known: Collection[type[models.Model]]) -> set[str]:
    """Return the names that a stored expression may use; any model's where none is known."""
    candidates = models_known or apps.get_models()
    return {
        *NAMES,
        *settings.condition_names,
        *(str(model._meta.model_name) for model in candidates),
    }


def check_condition(text: str, models_known: Collection[type[models.Model]] = ()) -> None:
    """Raise `InvalidExpression` for what cannot be a condition on objects of one of the models.

    Where no model is known, its fields are not judged.
    """
    check_expression(text, names_for(models_known))
    _require_one_fits(text, models_known, lambda sample: check_expression(text, sample=sample))


def check_moment(text: str, models_known: Collection[type[models.Model]] = ()) -> None:
    """Raise `InvalidExpression` for what cannot give a moment, likewise."""
    expression = parse_expression(text)
    if expression.names:
        check_expression(text, names_for(models_known))
    _require_one_fits(text, models_known, lambda _sample: None)


def _require_one_fits(
    text: str,
    models_known: Collection[type[models.Model]],
    check: Callable[[Mapping[str, Any]], None],
) -> None:
    complaints = []
    for model in models_known:
        try:
            sample = sample_of(text, model)
            if sample is not None:
                check(sample)
        except InvalidExpression as error:
            complaints.append(error)
    if complaints and len(complaints) == len(models_known):
        raise complaints[0]


def sample_of(text: str, model: type[models.Model]) -> dict[str, Any] | None:
    """Return values of the kinds that an expression names, or None where that is not known.

    Raises `InvalidExpression` for a field that the model does not have.
    """
    expression = parse_expression(text)
    own = {"object", str(model._meta.model_name)}
    if not set(expression.names) <= own | {"now"}:
        return None
    found: dict[str, Any] = {"now": timezone.now()}
    for name in own & set(expression.names):
        found[name] = {}
        for path in expression.paths.get(name, ()):
            if not _put_sample(found[name], path, model, text):
                return None
    return found


def _put_sample(found: dict[str, Any], path: str, model: type[models.Model], text: str) -> bool:
    first, _dot, rest = path.partition(".")
    try:
        column: Any = model._meta.get_field(first)
    except FieldDoesNotExist:
        if hasattr(model, first):
            return False  # a property: its kind is not known
        raise InvalidExpression(
            _("%(model)s has no field '%(name)s'.") % {"model": model._meta.label, "name": first},
            source=text,
        ) from None
    if rest and column.is_relation and column.related_model is not None:
        return _put_sample(found.setdefault(first, {}), rest, column.related_model, text)
    for kind, sample in SAMPLES.items():
        if isinstance(column, kind) and not rest:
            found[first] = sample
            return True
    return False


def shown(obj: Any, paths: Collection[str], name: str) -> dict[str, Any]:
    """Return the values at the paths of an object as nested dictionaries.

    What the object does not have is left out, so that CEL finds it missing.
    """
    found: dict[str, Any] = {}
    for path in paths:
        _put(found, obj, path, f"{name}.{path}")
    return found


def _put(found: dict[str, Any], obj: Any, path: str, label: str) -> None:
    first, _dot, rest = path.partition(".")
    if first.startswith("_") or first in HIDDEN:
        return
    try:
        value = getattr(obj, first)
    except (AttributeError, ObjectDoesNotExist):
        return
    if isinstance(value, models.Manager):
        related = list(value.all()[: MAX_ITEMS + 1])
        found[first] = [_of_related(item) for item in _few(related, label)]
        return
    if callable(value):
        return
    if isinstance(value, models.Model):
        below = found.setdefault(first, {})
        if rest and isinstance(below, dict):
            _put(below, value, rest, label)
        elif not rest:
            found[first] = _of_related(value)
        return
    found[first] = plain(value, label)


def _of_related(obj: models.Model) -> dict[str, Any]:
    """An object of a relation: its own columns."""
    return {
        column.attname: plain(getattr(obj, column.attname), column.attname)
        for column in obj._meta.concrete_fields
        if column.name not in HIDDEN
    }


def _few(items: list[Any], label: str) -> list[Any]:
    if len(items) > MAX_ITEMS:
        raise ConditionFailed(
            _("%(name)s: more than %(most)s values.") % {"name": label, "most": MAX_ITEMS}
        )
    return items


def plain(value: Any, label: str) -> Any:
    """Return the value as CEL knows it; raise `ConditionFailed` where it could not be exact."""
    if value is None or isinstance(value, bool | int | float | str | datetime | timedelta):
        return value
    for kind, convert in CONVERTED.items():
        if isinstance(value, kind):
            return convert(value, label)
    return str(value)


def _exact(value: Decimal, label: str) -> float:
    if value.is_finite() and len(value.normalize().as_tuple().digits) <= EXACT_DIGITS:
        return float(value)
    raise ConditionFailed(
        _("%(name)s: %(value)s has more digits than can be compared exactly.")
        % {"name": label, "value": value}
    )


def _midnight(day: date, _label: str) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())


CONVERTED: Mapping[Any, Callable[[Any, str], Any]] = {
    Decimal: _exact,
    date: _midnight,
    Mapping: lambda value, label: {str(key): plain(item, label) for key, item in value.items()},
    (list, tuple, set, frozenset): lambda value, label: [
        plain(item, label) for item in _few(list(value), label)
    ],
    models.Model: lambda value, _label: _of_related(value),
}
