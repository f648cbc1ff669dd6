"""The append-only history of a flow."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from approval_workflow.choices import EventKind
from approval_workflow.exceptions import HistoryIsAppendOnly
from approval_workflow.models.flow import ApprovalFlow
from approval_workflow.models.instance import ApprovalInstance
from approval_workflow.querysets import ApprovalEventQuerySet


class ApprovalEvent(models.Model):
    """One thing that happened in a flow, written in the same transaction as what it tells.

    Each row's `digest` covers the row and the digest before it, so that a change to any row, a
    missing row and a row put in later can be found.
    """

    flow = models.ForeignKey(
        ApprovalFlow,
        on_delete=models.PROTECT,
        related_name="events",
        db_index=False,  # the unique constraint below begins with it
        verbose_name=_("flow"),
    )
    sequence = models.PositiveIntegerField(_("number"))
    kind = models.CharField(_("event"), max_length=30, choices=EventKind.choices)
    instance = models.ForeignKey(
        ApprovalInstance,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="events",
        verbose_name=_("step"),
    )
    # No database constraint: who acted stays on record after the account is gone.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("by"),
    )
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("on behalf of"),
    )
    comment = models.TextField(_("comment"), blank=True, default="")
    from_status = models.CharField(_("from"), max_length=20, blank=True, default="")
    to_status = models.CharField(_("to"), max_length=20, blank=True, default="")
    data = models.JSONField(_("details"), default=dict, blank=True)
    # NULL when the caller gave none: NULLs are distinct in the unique constraint.
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    created_at = models.DateTimeField(_("when"))
    digest = models.CharField(max_length=64)

    objects = ApprovalEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval event")
        verbose_name_plural = _("approval history")
        constraints = [
            models.UniqueConstraint(
                fields=["flow", "sequence"], name="approval_event_numbered_in_flow"
            ),
            models.UniqueConstraint(
                fields=["flow", "idempotency_key"], name="approval_event_key_once_per_flow"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence}. {self.get_kind_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the row; raise `HistoryIsAppendOnly` when it exists already."""
        if not self._state.adding:
            raise HistoryIsAppendOnly("The history of a flow cannot be changed.")
        # Otherwise a new object with the key of a stored row would replace that.
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise HistoryIsAppendOnly(
            "The history of a flow cannot be deleted; purge_flows() removes whole flows."
        )
