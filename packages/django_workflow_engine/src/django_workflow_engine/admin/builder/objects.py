"""The objects that workflows name: roles, forms, departments, people. Any number of each."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

from approval_workflow.conf import settings as approval_settings
from django_workflow_engine.conf import settings

ROLE = "role"
FORM = "form"
DEPARTMENT = "department"
PERSON = "person"

# The fields of an approval that name something.
KIND_OF_FIELD: Mapping[str, str] = {
    "user_role": ROLE,
    "required_form": FORM,
    "approval_user": PERSON,
    "hierarchy_base_user": PERSON,
    "timeout_delegate_to": PERSON,
}


def model_of(kind: str) -> type[Model] | None:
    """Return the model of a kind, or None where the project has none."""
    if kind == ROLE:
        return approval_settings.role_model
    if kind == FORM:
        return approval_settings.dynamic_form_model
    if kind == DEPARTMENT:
        return settings.department_model
    return get_user_model()


def in_order(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return rows as lists show them: trees from the top down, the rest as the model says."""
    tree = getattr(rows.model, "_mptt_meta", None)
    if tree is not None:
        return rows.order_by(tree.tree_id_attr, tree.left_attr)
    return rows if rows.ordered else rows.order_by("pk")


def label_of(obj: Model) -> str:
    """Return the name of an object; in a tree, indented by its level."""
    tree = getattr(obj, "_mptt_meta", None)
    level = getattr(obj, tree.level_attr) if tree is not None else 0
    return "— " * level + str(obj)


def names_of(model: type[Model] | None, keys: Iterable[Any]) -> dict[str, str]:
    """Return the names of the objects with these keys, by key as text, in one statement."""
    if model is None:
        return {}
    usable = [key for key in {str(key) for key in keys} if _fits(model, key)]
    if not usable:
        return {}
    return {str(obj.pk): str(obj) for obj in model._default_manager.filter(pk__in=usable)}


def _fits(model: type[Model], key: str) -> bool:
    try:
        model._meta.pk.clean(key, None)
    except ValidationError:
        return False
    return True
