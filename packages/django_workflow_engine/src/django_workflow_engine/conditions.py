"""Conditions on objects: look-ups as `filter()` takes them, stored as text and values.

They come from settings and from rows that people write, so that one which the model cannot answer
is a mistake of the configuration, never of the object.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.exceptions import FieldError, ValidationError
from django.db.models import Model, QuerySet

from django_workflow_engine.exceptions import WorkflowMisconfigured

M = TypeVar("M", bound=Model)


def satisfying(rows: "QuerySet[M]", conditions: Mapping[str, Any]) -> "QuerySet[M]":
    """Return those of the rows that satisfy the conditions, each once; runs no statement.

    Raises `WorkflowMisconfigured` when the model cannot be asked this.
    """
    if not conditions:
        return rows
    try:
        # By key: a look-up through a relation to many would give a row several times.
        found = rows.model._base_manager.filter(**conditions).values("pk")
    except (FieldError, ValidationError, ValueError, TypeError) as error:
        raise WorkflowMisconfigured(
            f"{rows.model._meta.label} cannot be asked for {dict(conditions)!r}: {error}"
        ) from error
    return rows.filter(pk__in=found)


def satisfies(obj: Model, conditions: Mapping[str, Any]) -> bool:
    """Return whether the stored object satisfies the conditions; no statement without conditions.

    Raises `WorkflowMisconfigured` as `satisfying` does.
    """
    if not conditions:
        return True
    rows = type(obj)._base_manager.using(obj._state.db).filter(pk=obj.pk)
    return satisfying(rows, conditions).exists()
