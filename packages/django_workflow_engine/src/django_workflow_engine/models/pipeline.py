"""A phase of a workflow."""

from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.models.base import BilingualName, ConfiguredPart
from django_workflow_engine.models.workflow import WorkFlow
from django_workflow_engine.querysets import PipelineQuerySet
from django_workflow_engine.schemas import validate_pipeline_info


class Pipeline(BilingualName, ConfiguredPart):
    """A phase of a workflow, often a department's; its stages follow one another."""

    workflow = models.ForeignKey(
        WorkFlow, on_delete=models.CASCADE, related_name="pipelines", verbose_name=_("workflow")
    )
    # Any non-negative number: only the relative order matters.
    order = models.PositiveIntegerField(_("order"), default=1)
    # Of the model in DEPARTMENT_MODEL; the key is text so that any kind of key fits.
    department_content_type = models.ForeignKey(
        ContentType, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    department_id = models.CharField(_("department"), max_length=255, null=True, blank=True)
    # {"approvals": [...]} where pipelines ask people, "parallel_group" and "join" where they run
    # side by side; see django_workflow_engine.schemas.
    pipeline_info = models.JSONField(_("configuration"), default=dict, blank=True)
    department = GenericForeignKey("department_content_type", "department_id")
    cloned_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    configuration_fields = ("pipeline_info",)

    objects = PipelineQuerySet.as_manager()

    class Meta:
        verbose_name = _("pipeline")
        verbose_name_plural = _("pipelines")
        base_manager_name = "objects"
        ordering = ["order", "pk"]

    def check_configuration(self) -> None:
        self.pipeline_info = validate_pipeline_info(self.pipeline_info)

    def template_id(self) -> Any:
        return self.workflow_id
