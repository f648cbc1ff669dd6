"""What the serializers of templates have in common."""

from collections.abc import Mapping
from copy import copy
from typing import Any, TypeVar

from django.db import router, transaction
from django.db.models import Model, prefetch_related_objects
from django.db.models.manager import BaseManager
from django.utils.translation import gettext as _
from rest_framework import serializers

from django_workflow_engine.exceptions import SnapshotIsImmutable
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.querysets import refuse_snapshot
from django_workflow_engine.serializers.errors import as_api_errors
from django_workflow_engine.serializers.tree import check_tree, own_values, write_lists

M = TypeVar("M", bound=Model)

# Where Django keeps the rows that `prefetch_related` has found.
READ_AHEAD = "_prefetched_objects_cache"


class PartsListSerializer(serializers.ListSerializer[Any]):
    """A list that reads what is below its rows at once, not row by row."""

    def to_representation(self, data: Any) -> list[Any]:
        rows = list(data.all() if isinstance(data, BaseManager) else data)
        if self.parent is None:
            prefetch_related_objects(rows, *self.child.parts)
        return super().to_representation(rows)


class TemplatePartSerializer(serializers.ModelSerializer[M]):
    """A row of a template with the lists below it, read and written as one.

    In an update a list that is given replaces the stored one: rows with an `id` are changed, rows
    without are made, stored rows that are not named are deleted. A list that is not given stays.
    Everything is written in one transaction or not at all. A snapshot cannot be written.
    """

    # Look-ups of what the representation shows of other rows.
    parts: tuple[str, ...] = ()
    # What a new row must be given, also where the rest of the request is partial.
    needed: tuple[str, ...] = ("name_en",)
    # The fields that say what a row is in, by the name that the model has for them.
    parent_fields: Mapping[str, str] = {}

    id = serializers.IntegerField(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        if not self.is_top:
            # What a nested row is in is said by its place.
            for name in self.parent_fields.values():
                del fields[name]
        return fields

    def save(self, **kwargs: Any) -> M:
        """Save, validating first where that was not done; raise REST framework's errors."""
        self.is_valid(raise_exception=True)
        with as_api_errors(), transaction.atomic(using=router.db_for_write(WorkFlow)):
            return super().save(**kwargs)

    def create(self, validated_data: dict[str, Any]) -> M:
        model: Any = self.Meta.model
        instance: M = model._default_manager.create(**own_values(validated_data))
        write_lists(instance, validated_data)
        return instance

    def update(self, instance: M, validated_data: dict[str, Any]) -> M:
        for name, value in own_values(validated_data).items():
            setattr(instance, name, value)
        instance.save()
        write_lists(instance, validated_data)
        # What was read ahead is of the time before.
        vars(instance).pop(READ_AHEAD, None)
        return instance

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not self.is_stored(attrs):
            self._require_what_a_new_row_needs(attrs)
        if self.is_top:
            self._check_as_root(attrs)
        return attrs

    def to_representation(self, instance: M) -> dict[str, Any]:
        if self.parent is None:
            # On a copy: what is read ahead for this answer must not answer for the instance later.
            instance = copy(instance)
            vars(instance)[READ_AHEAD] = dict(vars(instance).get(READ_AHEAD, {}))
            prefetch_related_objects([instance], *self.parts)
        return super().to_representation(instance)

    @property
    def is_top(self) -> bool:
        """Whether this is what the caller made, or the row of a list that they made."""
        return self.parent is None or (
            isinstance(self.parent, PartsListSerializer) and self.parent.parent is None
        )

    def is_stored(self, attrs: Mapping[str, Any]) -> bool:
        """Whether the values are for a row that exists."""
        return self.instance is not None if self.is_top else attrs.get("id") is not None

    def _check_as_root(self, attrs: dict[str, Any]) -> None:
        attrs.pop("id", None)
        stored: Any = self.instance
        if stored is not None and _is_in_snapshot(stored):
            error = refuse_snapshot()
            raise serializers.ValidationError(error.message, code=SnapshotIsImmutable.code)
        check_tree(self.Meta.model, attrs, None if stored is None else stored.pk)

    def _require_what_a_new_row_needs(self, attrs: Mapping[str, Any]) -> None:
        missing = [name for name in self.needed if not attrs.get(name)]
        if self.is_top and len(self.parent_fields) == 1:
            missing += [key for name, key in self.parent_fields.items() if not attrs.get(name)]
        if missing:
            message = _("This field is required.")
            raise serializers.ValidationError(
                {name: [message] for name in missing}, code="required"
            )


def _is_in_snapshot(row: Any) -> bool:
    workflows = WorkFlow.objects.filter(pk=row.template_id())
    return workflows.snapshots().exists()
