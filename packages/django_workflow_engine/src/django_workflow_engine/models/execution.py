"""The outbox: every action that is due, and what became of it."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.choices import (
    ActionExecutionMode,
    ActionType,
    ExecutionStatus,
    FailurePolicy,
    TaskKind,
)
from django_workflow_engine.models.action import WorkflowAction
from django_workflow_engine.models.attachment import StageRun, WorkflowAttachment
from django_workflow_engine.querysets import ActionExecutionQuerySet


class ActionExecution(models.Model):
    """One due action, written in the transaction of the transition that made it due.

    Function, parameters and all that the action must see are fixed here, so that later changes do
    not reach it. Rows of one transition run in the order of `position`.
    """

    # Look-ups that the object must satisfy: asked when the row is written, and not kept.
    conditions: Mapping[str, Any] = {}
    # The condition in CEL, likewise.
    when: str = ""

    attachment = models.ForeignKey(
        WorkflowAttachment,
        on_delete=models.CASCADE,
        related_name="executions",
        verbose_name=_("attachment"),
    )
    action = models.ForeignKey(
        WorkflowAction,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("action"),
    )
    # The visit that a job or a timer belongs to.
    visit = models.ForeignKey(
        StageRun,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="tasks",
        db_index=False,  # few rows have one: see the index below
        verbose_name=_("visit"),
    )
    action_type = models.CharField(
        _("event"), max_length=30, choices=[*ActionType.choices, *TaskKind.choices]
    )
    # Empty for timers.
    function_path = models.CharField(_("function"), max_length=300, blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    # Keys of stage, pipeline, user and so on, as they were when the event happened.
    context = models.JSONField(_("context"), default=dict, blank=True)
    execution = models.CharField(
        _("execution"),
        max_length=20,
        choices=ActionExecutionMode.choices,
        default=ActionExecutionMode.PROCESS,
    )
    failure_policy = models.CharField(
        _("after a failure"),
        max_length=20,
        choices=FailurePolicy.choices,
        default=FailurePolicy.CONTINUE,
    )
    transition = models.UUIDField(_("transition"))
    position = models.PositiveIntegerField(_("position"))
    status = models.CharField(
        _("status"),
        max_length=20,
        choices=ExecutionStatus.choices,
        default=ExecutionStatus.PENDING,
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # Not before this moment.
    run_after = models.DateTimeField(_("due"))
    result = models.JSONField(_("result"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True, default="")
    # The function that takes its effect back when the decision is undone; empty: there is none.
    compensation = models.CharField(_("compensation"), max_length=300, blank=True, default="")
    # One entry for each attempt: attempt, started_at, finished_at, outcome, error.
    log = models.JSONField(_("attempts"), default=list, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = ActionExecutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("action execution")
        verbose_name_plural = _("action executions")
        indexes = [
            # What a runner looks for.
            models.Index(fields=["status", "run_after"], name="workflow_exec_due"),
            # The jobs and timers of a visit. On MariaDB all rows are in it.
            models.Index(
                fields=["visit"],
                condition=models.Q(visit__isnull=False),
                name="workflow_exec_of_visit",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["transition", "position"], name="workflow_exec_place_in_transition"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_type_display()}: {self.function_path}"
