"""Decide on many steps at once, each through the same rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Model

from approval_workflow.exceptions import ApprovalError
from approval_workflow.models import ApprovalInstance
from approval_workflow.services._locking import write_database
from approval_workflow.services.advance import advance_flow


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one item: what `advance_flow` returned, or the error that kept it."""

    item: Model
    result: ApprovalInstance | None = None
    error: ApprovalError | None = None

    @property
    def succeeded(self) -> bool:
        return self.error is None


def advance_many(
    items: Iterable[Model], action: object, user: Any, **arguments: Any
) -> list[BulkResult]:
    """Act on each object or step as `advance_flow` does, in a transaction of its own.

    `arguments` are those of `advance_flow`, the same for each. One item that fails leaves the
    others as they are. Returns a result for each item, in order.
    """
    return [_advance_one(item, action, user, arguments) for item in items]


def _advance_one(item: Model, action: object, user: Any, arguments: dict[str, Any]) -> BulkResult:
    try:
        with transaction.atomic(using=write_database()):
            return BulkResult(item, result=advance_flow(item, action, user, **arguments))
    except ApprovalError as error:
        return BulkResult(item, error=error)
