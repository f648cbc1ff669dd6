"""All that is known about one object's approvals, read once."""

from functools import cached_property, lru_cache
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db.models import Model
from django.db.models.signals import post_migrate

from approval_workflow import queries
from approval_workflow.choices import ApprovalStatus
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.querysets import key_of

# Seconds for which the steps of a flow stay in Django's cache.
CACHE_TTL = 300


@lru_cache(maxsize=128)
def content_type_of(model: type[Model]) -> ContentType:
    return ContentType.objects.get_for_model(model)


def _forget_content_types(**_kwargs: Any) -> None:
    content_type_of.cache_clear()


# Migrating and flushing make content types anew.
post_migrate.connect(_forget_content_types, dispatch_uid="approval_workflow.content_type_of")


class ApprovalRepository:
    """Reads the object's flow and steps at the first access; everything after that is free.

    For reading only: services look again, under a lock, before they decide. The steps are cached
    under the digest of the flow's history, which changes with every change of the flow, so that a
    cached answer is never older than the flow just read.
    """

    def __init__(self, obj: Model) -> None:
        self.obj = obj

    @cached_property
    def flow(self) -> ApprovalFlow | None:
        """The open flow, else the one that ended last, else None."""
        if self.obj.pk is None:
            return None
        return (
            ApprovalFlow.objects.filter(
                content_type=content_type_of(type(self.obj)), object_id=key_of(self.obj)
            )
            .newest_first()
            .first()
        )

    @cached_property
    def instances(self) -> list[ApprovalInstance]:
        """All steps of the flow in order, with the people they name."""
        if self.flow is None:
            return []
        key = _cache_key(self.flow)
        found: list[ApprovalInstance] | None = cache.get(key)
        if found is None:
            found = list(
                self.flow.instances.select_related("assigned_to", "action_user").in_order()
            )
            cache.set(key, found, CACHE_TTL)
        for instance in found:
            instance.flow = self.flow
        return found

    def get_current_approval(self) -> ApprovalInstance | None:
        return self._first(ApprovalStatus.CURRENT)

    def get_next_approval(self) -> ApprovalInstance | None:
        return self._first(ApprovalStatus.PENDING)

    def get_pending_approvals(self) -> list[ApprovalInstance]:
        """The steps whose turn is still to come."""
        return [step for step in self.instances if step.status == ApprovalStatus.PENDING]

    def get_workflow_progress(self) -> dict[str, Any]:
        """How far the flow has come; see `get_approval_summary` for the keys."""
        if self.flow is None:
            return {
                "flow_status": None,
                "total_steps": 0,
                "completed_steps": 0,
                "pending_steps": 0,
                "progress_percentage": 0,
            }
        return queries.progress(self.flow, self.instances)

    @classmethod
    def clear_cache_for_object(cls, obj: Model) -> None:
        """Remove what is cached of the object's flows."""
        flows = ApprovalFlow.objects.for_object(obj).only("pk", "history_digest")
        cache.delete_many([_cache_key(flow) for flow in flows])

    def _first(self, status: ApprovalStatus) -> ApprovalInstance | None:
        return next((step for step in self.instances if step.status == status), None)


def get_approval_repository(obj: Model) -> ApprovalRepository:
    """Return a new repository; keep it for several reads of the same object."""
    return ApprovalRepository(obj)


def get_approval_summary(obj: Model) -> dict[str, Any]:
    """Return progress and the open steps of the object's flow in one go.

    Keys: `flow_status` (a `FlowStatus` value, or None without a flow), `total_steps`,
    `completed_steps`, `pending_steps`, `progress_percentage` (0 to 100), `current_step` and
    `next_step` (instances or None).
    """
    repository = ApprovalRepository(obj)
    return {
        **repository.get_workflow_progress(),
        "current_step": repository.get_current_approval(),
        "next_step": repository.get_next_approval(),
    }


def _cache_key(flow: ApprovalFlow) -> str:
    return f"approval_workflow:steps:{flow.pk}:{flow.history_digest}"
