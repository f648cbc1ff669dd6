"""What the engine keeps in step on the objects of a model."""

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.models.workflow import WorkFlow


class WorkflowConfiguration(models.Model):
    """Which fields of a model follow its workflow, and with which values.

    An empty field name or value switches that one update off.
    """

    content_type = models.OneToOneField(
        ContentType,
        on_delete=models.CASCADE,
        related_name="workflow_configuration",
        verbose_name=_("model"),
    )
    status_field = models.CharField(_("status field"), max_length=100, blank=True, default="")
    start_status_value = models.CharField(
        _("start status value"), max_length=100, blank=True, default=""
    )
    completion_status_value = models.CharField(
        _("completion status value"), max_length=100, blank=True, default=""
    )
    rejection_status_value = models.CharField(
        _("rejection status value"), max_length=100, blank=True, default=""
    )
    # Gets the English name of the current stage.
    stage_field = models.CharField(_("stage field"), max_length=100, blank=True, default="")
    auto_start = models.BooleanField(_("start by itself"), default=False)
    # Started on new objects; empty: the first one mapped to the model.
    default_workflow = models.ForeignKey(
        WorkFlow,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        limit_choices_to={"is_hidden": False},
        verbose_name=_("default workflow"),
    )

    class Meta:
        verbose_name = _("workflow configuration")
        verbose_name_plural = _("workflow configurations")

    def __str__(self) -> str:
        return str(self.content_type)
