"""The objects that rows are about, read for whole pages at a time, and what they are called."""

from collections.abc import Iterable
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, prefetch_related_objects
from django.utils.translation import gettext as _


def fetch_objects(rows: Iterable[Any], name: str, content_type: str) -> None:
    """Read the generic relation `name` of all rows, one statement for each kind of object.

    Objects of models that are not installed any more are left out.
    """
    keys = [(row, getattr(row, f"{content_type}_id")) for row in rows]
    readable = [row for row, key in keys if key is not None and _model(key) is not None]
    prefetch_related_objects(readable, name)


def object_of(row: Any, name: str, content_type: str) -> Model | None:
    """Return the object of the generic relation `name`, or None when it cannot be had any more."""
    key = getattr(row, f"{content_type}_id")
    if key is None or _model(key) is None:
        return None
    found: Model | None = getattr(row, name)
    return found


def target_of(row: Any) -> Model | None:
    """Return the object that the row is about, or None when it cannot be had any more."""
    return object_of(row, "target", "content_type")


def target_label(row: Any) -> str:
    """Return what the object is called; of one that is gone, what it was."""
    target = target_of(row)
    if target is not None:
        return str(target)
    return _("%(model)s %(key)s (deleted)") % {
        "model": ContentType.objects.get_for_id(row.content_type_id).name,
        "key": row.object_id,
    }


def _model(content_type_id: Any) -> type[Model] | None:
    return ContentType.objects.get_for_id(content_type_id).model_class()
