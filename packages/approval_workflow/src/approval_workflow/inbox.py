"""What waits for a person, as one query set: the rule of `permissions.can_act`, said in SQL."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.models import (
    CharField,
    Exists,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    UUIDField,
    Value,
)
from django.db.models.functions import Cast, Collate, Replace
from django.utils import timezone

from approval_workflow import roles
from approval_workflow.choices import ApprovalStatus
from approval_workflow.conf import settings
from approval_workflow.handlers import barriers_for
from approval_workflow.models import ApprovalInstance, Substitution
from approval_workflow.queries import CAST
from approval_workflow.roles import RoleRef
from approval_workflow.strategies import all_strategies

NOTHING = Q(pk__in=[])


def waiting_for(user: Any, *, at: datetime | None = None) -> QuerySet[ApprovalInstance]:
    """Return the open steps that this user may decide, those due first before those due later.

    Steps assigned to them, to a role that they hold, to people for whom they stand in (at the
    moment `at`, now unless given), and to people below them in the role tree. A step for anybody of
    a role is one row, the person's own where they have one. The number of statements does not
    depend on the number of steps; `count()` is one more. With `APPROVAL_ROLE_USERS_RESOLVER` the
    function is asked about every role that is below the person's or that an open step binds to.
    """
    rows = ApprovalInstance.objects.current().filter(flow__is_open=True)
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return rows.none()
    for barrier in barriers_for(user):
        rows = rows.exclude(barrier.condition)
    at = at or timezone.now()
    held = {model: roles.role_keys(user, model) for model in _role_models()}
    below = _below(user)
    counts = _person_counts(held)
    concerned = (
        _own(user, held)
        | _as_new_holder(user, held)
        | (_as_substitute(user, at) | _as_senior(below)) & counts
    )
    return (
        rows.filter(pk__in=_candidates(user, held, below, at))
        .filter(concerned)
        .exclude(_voted_or_claimed(user, counts))
        .exclude(_kept_out(user))
        .order_by(F("due_at").asc(nulls_last=True), "started_at", "pk")
    )


# The keys of the roles that a user holds, for each model that roles of open steps are of.
Held = Mapping[type[Model], Collection[Any]]


def _candidates(user: Any, held: Held, below: Q, at: datetime) -> QuerySet[Any]:
    """The keys of all rows that may concern the user, each part found by an index.

    The conditions proper, joined by `or`, would be asked of every open row there is.
    """
    rows = ApprovalInstance.objects.current().order_by()
    stood_in_for = Substitution.objects.holding_at(at).filter(substitute=user)
    parts = [
        rows.filter(assigned_to=user),
        rows.filter(_role_among(held)),
        rows.filter(assigned_to__in=stood_in_for.order_by().values("person")),
        rows.filter(assigned_to__in=_users().filter(below).values("pk")),
    ]
    own, *others = (part.values("pk") for part in parts)
    return own.union(*others, all=True)


def _own(user: Any, held: Held) -> Q:
    return Q(assigned_to=user) & (_not_bound() | _role_among(held))


def _as_new_holder(user: Any, held: Held) -> Q:
    """The first row of each step for anybody of a role that the user holds without a row there."""
    admitting = [item.value for item in all_strategies() if item.admits_new_holders]
    better = Q(assigned_to=user) | Q(pk__lt=OuterRef("pk"))
    return (
        Q(role_selection_strategy__in=admitting, claimed_at=None)
        & _role_among(held)
        & ~Q(Exists(_same_step().filter(better, status=ApprovalStatus.CURRENT)))
    )


def _as_substitute(user: Any, at: datetime) -> Q:
    holding = Substitution.objects.holding_at(at).filter(
        substitute=user, person_id=OuterRef("assigned_to_id")
    )
    covering = holding.filter(for_all_models=True) | holding.filter(
        content_types=OuterRef("flow__content_type_id")
    )
    return Q(Exists(covering))


def _as_senior(below: Q) -> Q:
    return Q(Exists(_people_of().filter(below)), allow_higher_level=True)


def _below(user: Any) -> Q:
    """The users below this one in the role tree, as a condition on users."""
    model = settings.role_model
    if model is None or not roles.has_tree(model):
        return NOTHING
    below = NOTHING
    for role in roles.roles_of(user, model):
        below |= Q(pk__in=cast("Any", role).get_descendants().order_by().values("pk"))
    juniors = model._default_manager.filter(below)
    if settings.role_users_resolver is None:
        return Q(**{f"{roles.lookup_from_user(model)}__in": juniors})
    return _any(Q(pk__in=_keys_of_users(RoleRef.of(role))) for role in juniors)


def _person_counts(held: Held) -> Q:
    """The person of the row has not lost the role of a step that binds them to it."""
    if settings.role_users_resolver is not None:
        return _not_bound() | _any(map(_held_by_function, _roles_of_open_steps()))
    counts = _not_bound()
    for model in held:
        key = _comparable(Cast(f"{roles.lookup_from_user(model)}__pk", CharField()))
        holders = _people_of().annotate(role_key=key).filter(role_key=_stored_key(model))
        counts |= Q(Exists(holders), assigned_role_content_type=_content_type(model))
    return counts


def _not_bound() -> Q:
    bound = [item.value for item in all_strategies() if item.bound_to_role]
    return ~Q(role_selection_strategy__in=bound) | Q(delegated_from__isnull=False)


def _held_by_function(role: RoleRef) -> Q:
    """Rows of this role whose person is among its users."""
    return Q(
        assigned_role_content_type=_content_type(role.model),
        assigned_role_object_id=str(role.pk),
        assigned_to__in=_keys_of_users(role),
    )


def _keys_of_users(role: RoleRef) -> QuerySet[Any, Any]:
    return roles.users_of(role).order_by().values("pk")


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, NOTHING)


def _voted_or_claimed(user: Any, counts: Q) -> Q:
    voted = Q(action_user=user, status__in=CAST)
    claimed = (
        Q(status=ApprovalStatus.CURRENT, claimed_at__isnull=False)
        & ~Q(pk=OuterRef("pk"))
        # The claim of somebody who is inactive or has left the role lapses.
        & Exists(roles.active(_people_of()))
        & counts
    )
    return ~Q(role_selection_strategy="") & Q(Exists(_same_step().filter(voted | claimed)))


def _kept_out(user: Any) -> Q:
    """Separation of duties, for the user and for whomever they would act for."""
    decided = ApprovalInstance.objects.filter(flow_id=OuterRef("flow_id"), status__in=CAST)
    by_either = Q(action_user=user) | Q(action_user_id=OuterRef("assigned_to_id"))
    started = Q(flow__started_by=user) | Q(flow__started_by=F("assigned_to"))
    return Q(exclude_starter=True) & started | Q(exclude_deciders=True) & Q(
        Exists(decided.filter(by_either))
    )


def _same_step() -> QuerySet[ApprovalInstance]:
    return ApprovalInstance.objects.filter(
        flow_id=OuterRef("flow_id"),
        round=OuterRef("round"),
        step_number=OuterRef("step_number"),
        parallel_group=OuterRef("parallel_group"),
    )


def _users() -> QuerySet[Any]:
    return get_user_model()._default_manager.order_by()


def _people_of() -> QuerySet[Any]:
    """The user whom the row is assigned to."""
    return _users().filter(pk=OuterRef("assigned_to_id"))


def _role_among(held: Held) -> Q:
    found = NOTHING
    for model, keys in held.items():
        found |= Q(
            assigned_role_content_type=_content_type(model),
            assigned_role_object_id__in=[str(key) for key in keys],
        )
    return found


def _role_models() -> list[type[Model]]:
    """The models that roles of open steps are of."""
    open_rows = ApprovalInstance.objects.current().order_by()
    if settings.role_users_resolver is not None:
        # It may know the users of any model's roles.
        return list(dict.fromkeys(role.model for role in _roles_of_open_steps()))
    possible = {
        _content_type(model).pk: model for model in roles.models_with_users(settings.role_field)
    }
    of_type = open_rows.filter(assigned_role_content_type=OuterRef("pk"))
    in_use = ContentType.objects.filter(Exists(of_type), pk__in=possible)
    return [possible[key] for key in in_use.order_by("pk").values_list("pk", flat=True)]


def _roles_of_open_steps() -> list[RoleRef]:
    """The roles, each once, whose models are installed."""
    steps = ApprovalInstance.objects.current().exclude(assigned_role_content_type=None).order_by()
    found = steps.values_list("assigned_role_content_type", "assigned_role_object_id").distinct()
    models = {key: ContentType.objects.get_for_id(key).model_class() for key, _role in found}
    return [
        RoleRef(model, model._meta.pk.to_python(key))
        for content_type, key in found
        if (model := models[content_type]) is not None
    ]


def _content_type(model: type[Model]) -> ContentType:
    return ContentType.objects.get_for_model(model)


def _stored_key(model: type[Model]) -> Any:
    """The role's key as the row stores it, spelt as the database casts it to text."""
    stored = OuterRef("assigned_role_object_id")
    if isinstance(model._meta.pk, UUIDField) and not _connection().features.has_native_uuid_field:
        return _comparable(Replace(stored, Value("-"), Value("")))
    return _comparable(stored)


def _comparable(text: Any) -> Any:
    """Text that MariaDB compares with text of another collation: a cast has the connection's."""
    return Collate(text, "utf8mb4_bin") if _connection().vendor == "mysql" else text


def _connection() -> Any:
    return connections[ApprovalInstance.objects.db]
