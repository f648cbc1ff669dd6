"""A place in a pipeline where people are asked."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.models.base import BilingualName, ConfiguredPart
from django_workflow_engine.models.pipeline import Pipeline
from django_workflow_engine.querysets import StageQuerySet
from django_workflow_engine.schemas import validate_stage


class Stage(BilingualName, ConfiguredPart):
    """A place in a pipeline; its approvals are asked for one after the other."""

    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.CASCADE, related_name="stages", verbose_name=_("pipeline")
    )
    # Names the stage in routes and conditions: a word, unique in its workflow.
    code = models.CharField(_("code"), max_length=60, blank=True, default="")
    # Any non-negative number: only the relative order matters.
    order = models.PositiveIntegerField(_("order"), default=1)
    # {"color": "#rrggbb", "approvals": [...]}; see django_workflow_engine.schemas.
    stage_info = models.JSONField(_("configuration"), default=dict, blank=True)
    # {"required_form": key}: asked for in each approval that names no form of its own.
    form_info = models.JSONField(_("form"), default=dict, blank=True)
    cloned_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    configuration_fields = ("stage_info", "form_info")

    objects = StageQuerySet.as_manager()

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        base_manager_name = "objects"
        ordering = ["order", "pk"]

    def template_id(self) -> Any:
        return self.pipeline.workflow_id

    def check_configuration(self) -> None:
        self.stage_info, self.form_info = validate_stage(self.stage_info, self.form_info)
