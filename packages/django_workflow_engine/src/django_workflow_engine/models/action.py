"""What happens besides when a workflow moves."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.deletion import Collector
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.action_rules import action_mistakes, by_field, check_action
from django_workflow_engine.choices import ActionExecutionMode, ActionType, FailurePolicy
from django_workflow_engine.conditions import models_on
from django_workflow_engine.models.base import TemplatePart
from django_workflow_engine.models.pipeline import Pipeline
from django_workflow_engine.models.stage import Stage
from django_workflow_engine.models.workflow import WorkFlow
from django_workflow_engine.querysets import WorkflowActionQuerySet

# Fields that are judged when they are written.
CHECKED_FIELDS = frozenset({"function_path", "parameters", "conditions", "when", "compensation"})


def delete_with_level(
    collector: Collector,
    field: Any,
    sub_objs: Any,
    using: str,  # noqa: ARG001  # Django hands it in
) -> None:
    """Delete actions before the level that they are on.

    `CASCADE` would first take them from their level on databases that check constraints at once,
    and an action must be on one.
    """
    collector.collect(sub_objs, source=field.related_model, source_attr=field.name, nullable=False)


class WorkflowAction(TemplatePart):
    """A function that is called after an event, set on a stage, a pipeline or a workflow.

    For one event the nearest level that has active actions counts, alone.
    """

    workflow = models.ForeignKey(
        WorkFlow,
        null=True,
        blank=True,
        on_delete=delete_with_level,
        related_name="actions",
        verbose_name=_("workflow"),
    )
    pipeline = models.ForeignKey(
        Pipeline,
        null=True,
        blank=True,
        on_delete=delete_with_level,
        related_name="actions",
        verbose_name=_("pipeline"),
    )
    stage = models.ForeignKey(
        Stage,
        null=True,
        blank=True,
        on_delete=delete_with_level,
        related_name="actions",
        verbose_name=_("stage"),
    )
    action_type = models.CharField(_("event"), max_length=30, choices=ActionType.choices)
    # A dotted path, or the name of a function registered with @workflow_action.
    function_path = models.CharField(_("function"), max_length=300)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    # Look-ups that the object must satisfy when the event happens, as `filter()` takes them.
    conditions = models.JSONField(_("conditions"), default=dict, blank=True)
    # A condition in CEL; both must hold.
    when = models.TextField(_("condition"), blank=True, default="")
    # The function that takes its effect back when the decision is undone; empty: there is none.
    compensation = models.CharField(_("compensation"), max_length=300, blank=True, default="")
    # Where it runs; empty: as ACTION_EXECUTION says.
    execution = models.CharField(
        _("execution"),
        max_length=20,
        choices=ActionExecutionMode.choices,
        blank=True,
        default="",
    )
    failure_policy = models.CharField(
        _("after a failure"),
        max_length=20,
        choices=FailurePolicy.choices,
        default=FailurePolicy.CONTINUE,
    )
    order = models.PositiveIntegerField(_("order"), default=1)
    is_active = models.BooleanField(_("active"), default=True)
    # Made by default: counts only where no level has an action for the event.
    is_default = models.BooleanField(_("default action"), default=False, editable=False)

    objects = WorkflowActionQuerySet.as_manager()

    class Meta:
        verbose_name = _("workflow action")
        verbose_name_plural = _("workflow actions")
        base_manager_name = "objects"
        ordering = ["action_type", "order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(workflow__isnull=False, pipeline__isnull=True, stage__isnull=True)
                | Q(workflow__isnull=True, pipeline__isnull=False, stage__isnull=True)
                | Q(workflow__isnull=True, pipeline__isnull=True, stage__isnull=False),
                name="workflow_action_on_one_level",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_type_display()}: {self.function_path}"

    def clean(self) -> None:
        """Refuse a function that actions may not call, and what it or the object cannot take."""
        super().clean()
        mistakes = action_mistakes(**self._checked())
        if mistakes:
            raise ValidationError(by_field(mistakes))

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; raise `ActionNotAllowed` for the function, `InvalidConfiguration` for the rest."""
        update_fields = kwargs.get("update_fields")
        if update_fields is None or CHECKED_FIELDS & set(update_fields):
            check_action(**self._checked())
        super().save(*args, **kwargs)

    def target_models(self) -> "list[type[models.Model]]":
        """Return the models that the conditions are for, as far as the settings tell."""
        if not (self.conditions or self.when):
            return []
        workflows = WorkFlow.objects.filter(pk=self.template_id())
        return models_on(workflows.values_list("slug", flat=True).first())

    def _checked(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in CHECKED_FIELDS}
        return {**fields, "models": self.target_models()}

    def template_id(self) -> Any:
        if self.stage is not None:
            return self.stage.template_id()
        if self.pipeline is not None:
            return self.pipeline.workflow_id
        return self.workflow_id
