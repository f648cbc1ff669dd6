"""Who holds a role, and who is above whom.

A role is an object of any model. Its users are found the first of these ways that exists:

1. the function in `APPROVAL_ROLE_USERS_RESOLVER`;
2. the field `APPROVAL_ROLE_FIELD` of the user model, where it leads to the role's model;
3. `role.users`;
4. `role.user_set` (as `auth.Group` has it).

Seniority needs a tree (`is_descendant_of`, as django-mptt gives it); without one nobody is senior.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any, cast

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignKey, ForeignObjectRel, ManyToManyField, Model, QuerySet

from approval_workflow.conf import settings
from approval_workflow.exceptions import ApprovalMisconfigured


@dataclass(frozen=True)
class RoleRef:
    """A role by its model and key; the object itself is fetched only where it is needed."""

    model: type[Model]
    pk: Any

    @classmethod
    def of(cls, role: Model) -> "RoleRef":
        ref = cls(role._meta.concrete_model or type(role), role.pk)
        ref.__dict__["instance"] = role
        return ref

    @classmethod
    def of_step(cls, step: Any) -> "RoleRef | None":
        """The role that a step is assigned to, or None."""
        if step.assigned_role_object_id is None:
            return None
        content_type = ContentType.objects.get_for_id(step.assigned_role_content_type_id)
        model = content_type.model_class()
        if model is None:
            raise ApprovalMisconfigured(
                f"The role model {content_type.app_label}.{content_type.model} is not installed."
            )
        return cls(model, model._meta.pk.to_python(step.assigned_role_object_id))

    @cached_property
    def instance(self) -> Model | None:
        """The role, or None when it is gone."""
        return self.model._default_manager.filter(pk=self.pk).first()


def holders(role: RoleRef) -> QuerySet[Any]:
    """Return the active users who hold this role now; nobody holds a role that is gone."""
    return active(users_of(role))


def holds(user: Any, role: RoleRef) -> bool:
    """Return whether this user, active or not, holds the role now."""
    field = None if settings.role_users_resolver else _user_field(role.model)
    if isinstance(field, ForeignKey):
        return bool(getattr(user, field.attname) == role.pk)
    return users_of(role).filter(pk=user.pk).exists()


def role_keys(user: Any, model: type[Model] | None = None) -> frozenset[Any]:
    """Return the keys of the roles of a model (`APPROVAL_ROLE_MODEL` unless given) a user holds.

    With `APPROVAL_ROLE_USERS_RESOLVER` every role is asked for its users.
    """
    model = model or settings.role_model
    if model is None:
        return frozenset()
    every = model._default_manager.all()
    if settings.role_users_resolver is not None:
        return frozenset(role.pk for role in every if holds(user, RoleRef.of(role)))
    field = _user_field(model)
    if isinstance(field, ForeignKey):
        key = getattr(user, field.attname)
        return frozenset() if key is None else frozenset([key])
    if isinstance(field, ManyToManyField):
        return frozenset(getattr(user, field.name).values_list("pk", flat=True))
    return frozenset(every.filter(**{_lookup_to_user(model): user}).values_list("pk", flat=True))


def roles_of(user: Any, model: type[Model] | None = None) -> list[Model]:
    """Return the roles that `role_keys` finds, as they are stored now."""
    model, keys = model or settings.role_model, role_keys(user, model)
    return list(model._default_manager.filter(pk__in=keys)) if model and keys else []


def has_tree(model: type[Model]) -> bool:
    """Return whether roles of this model know their ancestors."""
    return hasattr(model, "is_descendant_of")


def is_above(senior: Any, junior: Any) -> bool:
    """Return whether a role of `senior` is an ancestor of a role of `junior`."""
    return knows_seniority() and any_above(role_keys(senior), role_keys(junior))


def is_above_role(user: Any, role: RoleRef) -> bool:
    """Return whether a role of `user` is an ancestor of this role."""
    if role.model is not settings.role_model or not knows_seniority():
        return False
    return any_above(role_keys(user), frozenset([role.pk]))


def knows_seniority() -> bool:
    """Return whether roles are a tree, without which nobody is senior."""
    model = settings.role_model
    return model is not None and has_tree(model)


def any_above(seniors: frozenset[Any], juniors: frozenset[Any]) -> bool:
    """Return whether one of the roles with these keys is an ancestor of one of the others.

    The roles are read anew: what a role object remembers of its place is old as soon as the tree
    has changed elsewhere.
    """
    model = settings.role_model
    if model is None or not seniors or not juniors:
        return False
    stored: dict[Any, Any] = model._default_manager.in_bulk(seniors | juniors)
    above = [stored[key] for key in seniors if key in stored]
    below = [stored[key] for key in juniors if key in stored]
    return any(role.is_descendant_of(senior) for role in below for senior in above)


def superiors(user: Any, levels: int | None) -> list[list[Any]]:
    """Return the active people above a user, level by level, nearest first.

    `levels` limits how many; None goes to the top. Levels come from `APPROVAL_HEAD_MANAGER_FIELD`
    where it is set, else from the role tree. Levels with nobody active are passed over.
    """
    above = _managers(user) if settings.head_manager_field else _ancestor_holders(user)
    return list(islice(above, levels))


def everybody_above(user: Any) -> Iterator[list[Any]]:
    """Yield the active people above a user, level by level, nearest first.

    First by `APPROVAL_HEAD_MANAGER_FIELD` where it is set, to the top, then by the role tree.
    """
    if settings.head_manager_field:
        yield from _managers(user)
    yield from _ancestor_holders(user)


def _managers(user: Any) -> Iterator[list[Any]]:
    name = settings.head_manager_field or ""
    seen = {user.pk}
    manager = _manager_of(user, name)
    while manager is not None and manager.pk not in seen:
        seen.add(manager.pk)
        if manager.is_active:
            yield [manager]
        manager = _manager_of(manager, name)


def _manager_of(user: Any, name: str) -> Any:
    if not hasattr(user, name):
        raise ApprovalMisconfigured(
            f"The user model has no field {name!r}: see APPROVAL_HEAD_MANAGER_FIELD."
        )
    return getattr(user, name)


def _ancestor_holders(user: Any) -> Iterator[list[Any]]:
    model = settings.role_model
    if model is None or not has_tree(model):
        return
    for role in roles_of(user)[:1]:
        for ancestor in cast("Any", role).get_ancestors(ascending=True):
            people = list(holders(RoleRef.of(ancestor)).exclude(pk=user.pk).order_by("pk"))
            if people:
                yield people


@lru_cache(maxsize=8)
def models_with_users(role_field: str) -> tuple[type[Model], ...]:  # noqa: ARG001 - cache key
    """Return the models whose objects lead to users without `APPROVAL_ROLE_USERS_RESOLVER`."""
    return tuple(model for model in apps.get_models() if _leads_to_users(model))


def _leads_to_users(model: type[Model]) -> bool:
    try:
        lookup_from_user(model)
    except ApprovalMisconfigured:
        return False
    return True


def way_to_users(model: type[Model]) -> str | None:
    """Return, in words, how users are found from a role of this model, or None."""
    if settings.role_users_resolver is not None:
        return "APPROVAL_ROLE_USERS_RESOLVER"
    try:
        return f"user.{lookup_from_user(model)}"
    except ApprovalMisconfigured:
        return None


def users_of(role: RoleRef) -> QuerySet[Any]:
    """Return the users, active or not, who hold this role now."""
    resolver = settings.role_users_resolver
    users = get_user_model()._default_manager.all()
    if resolver is None:
        return users.filter(**{lookup_from_user(role.model): role.pk})
    if role.instance is None:
        return users.none()
    return _as_queryset(resolver(role.instance))


def _as_queryset(users: Any) -> QuerySet[Any]:
    if isinstance(users, QuerySet):
        return users
    keys = [getattr(user, "pk", user) for user in users]
    return get_user_model()._default_manager.filter(pk__in=keys)


def active(users: QuerySet[Any]) -> QuerySet[Any]:
    """Return the active ones among the users.

    A user model without such a column has no inactive users as far as the database can tell.
    """
    names = {field.name for field in users.model._meta.concrete_fields}
    return users.filter(is_active=True) if "is_active" in names else users


def _user_field(model: type[Model]) -> "ForeignKey[Any, Any] | ManyToManyField[Any, Any] | None":
    """The field APPROVAL_ROLE_FIELD of the user model, where it leads to this role model."""
    try:
        field = get_user_model()._meta.get_field(settings.role_field)
    except FieldDoesNotExist:
        return None
    if isinstance(field, ForeignKey | ManyToManyField) and issubclass(model, field.related_model):
        return field
    return None


def lookup_from_user(model: type[Model]) -> str:
    """Return the look-up on the user model that leads to roles of this model.

    Raises `ApprovalMisconfigured` when there is none.
    """
    field = _user_field(model)
    if field is not None:
        return field.name
    user_model = get_user_model()
    for name in ("users", "user_set"):
        relation = _relation(model, name)
        if relation is None or relation.related_model is not user_model:
            continue
        # The other side of the relation, as the user model's look-ups name it.
        return str(relation.field.name if relation.auto_created else relation.remote_field.name)
    raise ApprovalMisconfigured(
        f"No way from the role model {model._meta.label} to its users: set"
        " APPROVAL_ROLE_USERS_RESOLVER, let the user field APPROVAL_ROLE_FIELD lead to it, or give"
        " it a relation called 'users'.",
        role_model=model._meta.label,
    )


def _lookup_to_user(model: type[Model]) -> str:
    """The look-up on the role model that leads to its users."""
    for name in ("users", "user_set"):
        relation = _relation(model, name)
        if relation is not None:
            return str(relation.name)
    raise ApprovalMisconfigured(f"No way from the role model {model._meta.label} to its users.")


def _relation(model: type[Model], accessor: str) -> Any:
    """The many-to-many relation (either side) or reverse foreign key behind an attribute."""
    for field in model._meta.get_fields():
        name = field.get_accessor_name() if isinstance(field, ForeignObjectRel) else field.name
        if field.is_relation and name == accessor:
            return field
    return None
