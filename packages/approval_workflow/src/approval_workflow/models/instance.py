"""One person's part in one step of a flow."""

from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from approval_workflow.choices import (
    ApprovalStatus,
    ApprovalType,
    RejectionPolicy,
    TimeoutAction,
)
from approval_workflow.models.flow import ApprovalFlow
from approval_workflow.querysets import ApprovalInstanceQuerySet


class ApprovalInstance(models.Model):
    """One row = one person's part in a step; while the step is still to come, all people's.

    A step is the rows of a flow with the same round, number and track (`parallel_group`).
    """

    flow = models.ForeignKey(
        ApprovalFlow,
        on_delete=models.PROTECT,
        related_name="instances",
        db_index=False,  # the index below begins with it
        verbose_name=_("flow"),
    )
    step_number = models.PositiveIntegerField(_("step"))
    # 1, and one more after each resubmission.
    round = models.PositiveIntegerField(_("round"), default=1)
    status = models.CharField(
        _("status"),
        max_length=20,
        choices=ApprovalStatus.choices,
        default=ApprovalStatus.PENDING,
    )
    approval_type = models.CharField(
        _("kind of step"),
        max_length=20,
        choices=ApprovalType.choices,
        default=ApprovalType.APPROVE,
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="approval_instances",
        db_index=False,  # the index below begins with it
        verbose_name=_("assigned to"),
    )
    assigned_role_content_type = models.ForeignKey(
        ContentType,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    assigned_role_object_id = models.CharField(max_length=255, null=True, blank=True)
    assigned_role = GenericForeignKey("assigned_role_content_type", "assigned_role_object_id")
    # No choices: projects add strategies in APPROVAL_ROLE_STRATEGIES.
    role_selection_strategy = models.CharField(
        _("role strategy"), max_length=50, blank=True, default=""
    )
    # QUORUM: how many approvals.
    quorum_count = models.PositiveIntegerField(_("approvals needed"), null=True, blank=True)
    # PERCENTAGE: above 0, at most 100.
    percentage_required = models.DecimalField(
        _("percentage needed"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    # HIERARCHY_UP, HIERARCHY_CHAIN: how many levels up.
    hierarchy_levels = models.PositiveIntegerField(_("levels up"), null=True, blank=True)
    # The person whose superiors are asked; NULL: whoever started the flow.
    hierarchy_base_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("base person"),
    )
    # DYNAMIC_ATTRIBUTE: a path on the object; DYNAMIC_FUNCTION: the name of a function.
    dynamic_source = models.CharField(_("found by"), max_length=300, blank=True, default="")
    # People of a step with the same voice answer together; NULL: for themselves.
    # Signed: votes are counted by the negative of it.
    voice = models.IntegerField(_("voice"), null=True, blank=True, editable=False)
    allow_higher_level = models.BooleanField(_("seniors may act"), default=True)
    rejection_policy = models.CharField(
        _("rejection policy"),
        max_length=20,
        choices=RejectionPolicy.choices,
        default=RejectionPolicy.FIRST,
    )
    # Separation of duties: who started the flow, and who has decided in it, may not act here.
    exclude_starter = models.BooleanField(_("not who started the flow"), default=False)
    exclude_deciders = models.BooleanField(_("not who has decided before"), default=False)
    parallel_group = models.CharField(_("track"), max_length=100, blank=True, default="")
    parallel_required = models.BooleanField(_("track required"), default=True)
    form_content_type = models.ForeignKey(
        ContentType,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    form_object_id = models.CharField(max_length=255, null=True, blank=True)
    form = GenericForeignKey("form_content_type", "form_object_id")
    form_data = models.JSONField(_("form data"), null=True, blank=True)
    # Whatever the project wants to keep with the step; the core never reads it.
    extra_fields = models.JSONField(_("extra"), default=dict, blank=True)
    # The row that this one took the step over from.
    delegated_from = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="successors",
        db_index=False,  # few rows are taken over: see the index below
        verbose_name=_("taken over from"),
    )
    # How often this part has been escalated, and how often it may be (NULL: to the top).
    escalation_level = models.PositiveIntegerField(_("escalations"), default=0)
    max_escalation_level = models.PositiveIntegerField(
        _("escalations allowed"), null=True, blank=True
    )
    # When the person took the step of a role for themselves.
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    # How long the step may take; `due_at` is counted from when it opens.
    sla_duration = models.DurationField(_("time allowed"), null=True, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    reminded_at = models.DateTimeField(_("reminded"), null=True, blank=True)
    timeout_action = models.CharField(
        _("when overdue"), max_length=20, choices=TimeoutAction.choices, blank=True, default=""
    )
    # Who gets the step at the deadline where that is to delegate it.
    timeout_delegate_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("when overdue, delegate to"),
    )
    # When the deadline was dealt with.
    timed_out_at = models.DateTimeField(_("deadline dealt with"), null=True, blank=True)
    action_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("acted by"),
    )
    comment = models.TextField(_("comment"), blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # When the step became current.
    started_at = models.DateTimeField(_("opened"), null=True, blank=True)
    # When somebody checked in (only in steps of the kind "check in and verify").
    checked_in_at = models.DateTimeField(_("checked in"), null=True, blank=True)
    acted_at = models.DateTimeField(_("acted"), null=True, blank=True)
    # The flow's version at the act that closed the row: those that one act closed have the same.
    closed_in_version = models.PositiveIntegerField(null=True, editable=False)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects = ApprovalInstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval step")
        verbose_name_plural = _("approval steps")
        indexes = [
            # The steps of a flow; its current and its next step.
            models.Index(
                fields=["flow", "status", "step_number"], name="approval_inst_flow_status"
            ),
            # What waits for a person.
            models.Index(fields=["assigned_to", "status"], name="approval_inst_person_status"),
            # The others leave out the many rows that they are not about, which makes writing
            # those cheaper; MariaDB does not know such indexes and has all rows in them.
            # What waits for a role.
            models.Index(
                fields=["assigned_role_content_type", "assigned_role_object_id", "status"],
                condition=models.Q(assigned_role_content_type__isnull=False),
                name="approval_inst_role_status",
            ),
            # What the sweeper of deadlines looks for.
            models.Index(
                fields=["status", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="approval_inst_status_due",
            ),
            # Who took a row over; without it, deleting a row would look through all others.
            models.Index(
                fields=["delegated_from"],
                condition=models.Q(delegated_from__isnull=False),
                name="approval_inst_taken_over",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["flow", "step_number", "parallel_group", "assigned_to"],
                condition=models.Q(status=ApprovalStatus.CURRENT),
                name="approval_inst_one_current_per_person",
            ),
            models.CheckConstraint(
                condition=models.Q(assigned_to__isnull=False)
                | ~models.Q(role_selection_strategy=""),
                name="approval_inst_somebody_assigned",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step_number}: {self.get_status_display()}"

    @property
    def step_key(self) -> tuple[int, int, int, str]:
        """What the rows of one step have in common: flow, round, number and track."""
        return (self.flow_id, self.round, self.step_number, self.parallel_group)

    @property
    def has_strategy(self) -> bool:
        """Whether a strategy finds the people, rather than the step naming one."""
        return bool(self.role_selection_strategy)

    @property
    def is_taken_over(self) -> bool:
        """Whether somebody handed this row to the person who now holds it."""
        return self.delegated_from_id is not None

    @cached_property
    def delegated_to(self) -> Any:
        """The person who took this row over, or None."""
        successor = self.successors.select_related("assigned_to").first()
        return successor.assigned_to if successor else None
