"""Who may see which object: its own people, those asked to decide, and those with permission."""

from typing import Any, TypeVar

from django.contrib.auth import get_permission_codename
from django.contrib.contenttypes.models import ContentType
from django.db.models import BigIntegerField, Model, Q, QuerySet
from django.db.models.functions import Cast

from approval_workflow.models import ApprovalInstance

M = TypeVar("M", bound=Model)


def visible_to(user: Any, queryset: QuerySet[M], *, owner_field: str) -> QuerySet[M]:
    """Keep the objects that the user owns, takes or took part in, or may view by permission."""
    options = queryset.model._meta
    view = f"{options.app_label}.{get_permission_codename('view', options)}"
    if user.has_perm(view):
        return queryset
    return queryset.filter(
        Q(**{owner_field: user}) | Q(pk__in=_keys_of_participant(user, queryset.model))
    )


def _keys_of_participant(user: Any, model: type[Model]) -> QuerySet[Any, int]:
    """The keys of the objects in whose approval the person is or was asked, or has decided."""
    steps = ApprovalInstance.objects.filter(
        Q(assigned_to=user) | Q(action_user=user),
        flow__content_type=ContentType.objects.get_for_model(model),
    )
    # Flows keep keys of any kind as text; those of the models here are numbers.
    return steps.values_list(Cast("flow__object_id", BigIntegerField()), flat=True)
