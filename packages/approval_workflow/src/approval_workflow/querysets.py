"""The vocabulary of look-ups. Query sets here filter and order; they never write."""

from datetime import datetime
from typing import Any, NoReturn, Self, TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db import models

from approval_workflow.choices import ApprovalStatus
from approval_workflow.exceptions import HistoryIsAppendOnly

M = TypeVar("M", bound=models.Model)


def key_of(obj: models.Model) -> str:
    """Return an object's key as text, the same however whoever made the object spelt it."""
    return str(obj._meta.pk.to_python(obj.pk))


def columns_naming(obj: models.Model) -> dict[str, Any]:
    """Return what rows about this object have in `content_type` (its key) and `object_id`."""
    return {"content_type": ContentType.objects.get_for_model(obj).pk, "object_id": key_of(obj)}


class ApprovalFlowQuerySet(models.QuerySet[M]):
    """Flows by object and state."""

    def for_object(self, obj: models.Model) -> Self:
        """Flows of this object, running and ended; none of an object that is not saved."""
        if obj.pk is None:
            return self.none()
        return self.filter(**columns_naming(obj))

    def open(self) -> Self:
        return self.filter(is_open=True)

    def newest_first(self) -> Self:
        """The open flow, if there is one, then those that have ended, latest first."""
        return self.order_by(models.F("is_open").desc(nulls_last=True), "-pk")


class ApprovalInstanceQuerySet(models.QuerySet[M]):
    """Steps by object, state and place."""

    def for_object(self, obj: models.Model) -> Self:
        """Steps of this object's flows; none of an object that is not saved."""
        if obj.pk is None:
            return self.none()
        return self.filter(
            flow__content_type=ContentType.objects.get_for_model(obj), flow__object_id=key_of(obj)
        )

    def current(self) -> Self:
        return self.filter(status=ApprovalStatus.CURRENT)

    def pending(self) -> Self:
        return self.filter(status=ApprovalStatus.PENDING)

    def on_hold(self) -> Self:
        return self.filter(status=ApprovalStatus.ON_HOLD)

    def asked(self) -> Self:
        """Rows of steps that have opened and are not decided, whether or not anybody may act."""
        return self.filter(status__in=(ApprovalStatus.CURRENT, ApprovalStatus.ON_HOLD))

    def unfinished(self) -> Self:
        return self.filter(status__in=ApprovalStatus.unfinished())

    def same_step(self, instance: Any) -> Self:
        """All rows of the step that `instance` belongs to: same flow, round, number and track."""
        return self.filter(
            flow_id=instance.flow_id,
            round=instance.round,
            step_number=instance.step_number,
            parallel_group=instance.parallel_group,
        )

    def in_order(self) -> Self:
        return self.order_by("round", "step_number", "parallel_group", "pk")


class SubstitutionQuerySet(models.QuerySet[M]):
    """Substitutions by time and person."""

    def holding_at(self, moment: datetime) -> Self:
        return self.filter(starts_at__lte=moment, ends_at__gt=moment)

    def overlapping(self, starts_at: datetime, ends_at: datetime) -> Self:
        return self.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)

    def for_model(self, content_type_id: Any) -> Self:
        """Those that cover objects of this model."""
        return self.filter(models.Q(for_all_models=True) | models.Q(content_types=content_type_id))


class ApprovalEventQuerySet(models.QuerySet[M]):
    """History rows, which can be read and added, not changed."""

    def in_order(self) -> Self:
        return self.order_by("flow_id", "sequence")

    def update(self, **kwargs: Any) -> NoReturn:
        raise HistoryIsAppendOnly("The history of a flow cannot be changed.")

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("update_conflicts"):
            raise HistoryIsAppendOnly("The history of a flow cannot be changed.")
        return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise HistoryIsAppendOnly("The history of a flow cannot be changed.")

    def delete(self) -> NoReturn:
        raise HistoryIsAppendOnly(
            "The history of a flow cannot be deleted; purge_flows() removes whole flows."
        )

    def purge(self) -> int:
        """Delete these rows. Only for the removal of whole, ended flows."""
        deleted, _by_model = super().delete()
        return deleted
