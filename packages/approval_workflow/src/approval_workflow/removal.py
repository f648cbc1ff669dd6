"""Deleting many rows without reading them first, where that makes no difference."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import DO_NOTHING, signals
from django.db.models.deletion import get_candidate_relations_to_delete

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet


def delete_rows(rows: "QuerySet[Any]", *, gone: "Collection[type[Model]]" = ()) -> int:
    """Delete the rows and return how many went, without counting what goes with them.

    It takes one statement where no signal tells of them and nothing refers to them; otherwise
    Django reads each and does to what refers to it what that asks for. `gone`: models of which no
    row refers to them any more, so that these are not asked.
    """
    if _is_told_of(rows.model) or _are_referred_to(rows, gone):
        return rows.delete()[1].get(rows.model._meta.label, 0)
    # What delete() does itself where it may; None where no row can match.
    return rows._raw_delete(rows.db) or 0  # noqa: SLF001


def _is_told_of(model: "type[Model]") -> bool:
    """Whether somebody listens, or a generic relation has been put on the model."""
    return (
        signals.pre_delete.has_listeners(model)
        or signals.post_delete.has_listeners(model)
        or any(hasattr(field, "bulk_related_objects") for field in model._meta.private_fields)
    )


def _are_referred_to(rows: "QuerySet[Any]", gone: "Collection[type[Model]]") -> bool:
    relations: Iterable[Any] = get_candidate_relations_to_delete(rows.model._meta)
    return any(
        relation.related_model._base_manager.using(rows.db)
        .filter(**{f"{relation.field.name}__in": rows})
        .exists()
        for relation in relations
        if relation.related_model not in gone and relation.on_delete is not DO_NOTHING
    )
