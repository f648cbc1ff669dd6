"""Conditions on objects: look-ups as `filter()` takes them, stored as text and values.

They come from settings and from rows that people write, so that one which the model cannot answer
is a mistake of the configuration, never of the object.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import FieldError, ValidationError
from django.db import DatabaseError, transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils.translation import gettext as _

from approval_workflow.forms import is_json
from django_workflow_engine.conf import DEFAULT_ENTRY, settings
from django_workflow_engine.exceptions import InvalidConfiguration, WorkflowMisconfigured

M = TypeVar("M", bound=Model)

# What Django raises for look-ups that a model cannot answer.
UNANSWERABLE = (FieldError, ValidationError, ValueError, TypeError)


def satisfying(rows: "QuerySet[M]", conditions: Mapping[str, Any]) -> "QuerySet[M]":
    """Return those of the rows that satisfy the conditions, each once; runs no statement.

    Raises `WorkflowMisconfigured` when the model cannot be asked this.
    """
    if not conditions:
        return rows
    try:
        # By key: a look-up through a relation to many would give a row several times.
        found = rows.model._base_manager.filter(**conditions).values("pk")
    except UNANSWERABLE as error:
        raise _unanswerable(rows.model, conditions, error) from error
    return rows.filter(pk__in=found)


def satisfies(obj: Model, conditions: Mapping[str, Any]) -> bool:
    """Return whether the stored object satisfies the conditions; no statement without conditions.

    Raises `WorkflowMisconfigured` as `satisfying` does.
    """
    if not conditions:
        return True
    rows = type(obj)._base_manager.using(obj._state.db).filter(pk=obj.pk)
    return satisfying(rows, conditions).exists()


def answers(
    rows: "QuerySet[M]", conditions: Sequence[Mapping[str, Any]]
) -> "list[bool | WorkflowMisconfigured]":
    """Return for each of the conditions whether the one object in `rows` satisfies it.

    One statement for all of them. In place of an answer there is the error where the model or the
    database cannot be asked; a transaction around this stays usable.
    """
    if not conditions:
        return []
    try:
        with transaction.atomic(using=rows.db):
            return _ask(rows, conditions)
    except (*UNANSWERABLE, DatabaseError) as error:
        if len(conditions) == 1:
            return [_unanswerable(rows.model, conditions[0], error)]
    # One of them spoils the statement: each is asked by itself.
    return [answer for each in conditions for answer in answers(rows, [each])]


def check_conditions(conditions: Any, models: Sequence[type[Model]] = ()) -> None:
    """Raise `InvalidConfiguration` unless objects of one of the models can be asked this.

    Where no model is known only the shape is judged: an object of look-ups and values.
    """
    if not isinstance(conditions, Mapping) or not is_json(dict(conditions)):
        raise InvalidConfiguration({"conditions": _("Expected an object of look-ups and values.")})
    complaints = [_complaint(model, conditions) for model in models]
    if complaints and all(complaints):
        raise InvalidConfiguration({"conditions": str(complaints[0])})


def models_on(slug: str | None) -> list[type[Model]]:
    """Return the models that the settings put on the workflow of this slug; empty: not known."""
    labels = {
        *(label for label, slugs in settings.model_workflow_mappings.items() if slug in slugs),
        *(
            label
            for label, rules in settings.auto_start_workflows.items()
            if any(rule.workflow_slug == slug for rule in rules)
        ),
    }
    if not labels:
        labels = set(settings.enabled_models)
    return [] if DEFAULT_ENTRY in labels else list(_installed(sorted(labels)))


def _installed(labels: Sequence[str]) -> Iterator[type[Model]]:
    for label in labels:
        try:
            yield apps.get_model(label)
        except (LookupError, ValueError):
            continue  # a system check tells of it


def _complaint(model: type[Model], conditions: Mapping[str, Any]) -> str | None:
    try:
        model._base_manager.filter(**conditions)
    except UNANSWERABLE as error:
        return _unanswerable(model, conditions, error).message
    return None


def _ask(
    rows: "QuerySet[M]", conditions: Sequence[Mapping[str, Any]]
) -> "list[bool | WorkflowMisconfigured]":
    questions = {
        f"answer_{number}": Exists(
            rows.model._base_manager.filter(pk=OuterRef("pk")).filter(**lookups)
        )
        for number, lookups in enumerate(conditions)
    }
    found = list(rows.values(**questions)[:1])
    return [bool(found and found[0][name]) for name in questions]


def _unanswerable(
    model: type[Model], conditions: Mapping[str, Any], error: Exception
) -> WorkflowMisconfigured:
    return WorkflowMisconfigured(
        f"{model._meta.label} cannot be asked for {dict(conditions)!r}: {error}"
    )
