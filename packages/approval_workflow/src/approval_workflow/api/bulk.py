"""One act on many steps, with a result for each."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from approval_workflow.api.errors import problem
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import BulkResult, advance_many


def bulk_results(
    steps: QuerySet[ApprovalInstance],
    user: Any,
    key: str | None,
    *,
    ids: Sequence[int],
    action: str,
    comment: str,
) -> list[dict[str, Any]]:
    """Act on those of the steps with these keys; return what became of each, in order.

    A step that is not among `steps` is reported as not found. Each gets an idempotency key of its
    own, made of `key`.
    """
    found: Mapping[int, ApprovalInstance] = steps.in_bulk(ids)
    return [
        _not_found(pk)
        if pk not in found
        else _shown(_advance(found[pk], action, user, comment, key))
        for pk in ids
    ]


def _advance(
    step: ApprovalInstance, action: str, user: Any, comment: str, key: str | None
) -> BulkResult:
    own_key = None if key is None else f"{key}:{step.pk}"
    (result,) = advance_many([step], action, user, comment=comment, idempotency_key=own_key)
    return result


def _shown(result: BulkResult) -> dict[str, Any]:
    return {
        "id": result.item.pk,
        "succeeded": result.succeeded,
        "next": None if result.result is None else result.result.pk,
        "error": None if result.error is None else problem(result.error),
    }


def _not_found(pk: int) -> dict[str, Any]:
    error = {"code": "not_found", "detail": _("There is no such step.")}
    return {"id": pk, "succeeded": False, "next": None, "error": error}
