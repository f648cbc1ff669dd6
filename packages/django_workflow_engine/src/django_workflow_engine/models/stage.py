"""A place in a pipeline where people are asked."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models.base import BilingualName, TemplatePart
from django_workflow_engine.models.pipeline import Pipeline
from django_workflow_engine.querysets import StageQuerySet
from django_workflow_engine.schemas import validate_stage_info


class Stage(BilingualName, TemplatePart):
    """A place in a pipeline; its approvals are asked for one after the other."""

    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.CASCADE, related_name="stages", verbose_name=_("pipeline")
    )
    # Any non-negative number: only the relative order matters.
    order = models.PositiveIntegerField(_("order"), default=1)
    # {"color": "#rrggbb", "approvals": [...]}; see django_workflow_engine.schemas.
    stage_info = models.JSONField(_("configuration"), default=dict, blank=True)
    # {"required_form": key}: asked for in each approval that names no form of its own.
    form_info = models.JSONField(_("form"), default=dict, blank=True)
    cloned_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    objects = StageQuerySet.as_manager()

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        base_manager_name = "objects"
        ordering = ["order", "pk"]

    def template_id(self) -> Any:
        return self.pipeline.workflow_id

    def clean(self) -> None:
        super().clean()
        try:
            self.stage_info = validate_stage_info(self.stage_info)
        except InvalidConfiguration as error:
            messages = [f"{path}: {message}" for path, message in error.errors.items()]
            raise ValidationError({"stage_info": messages}) from error

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; raise `InvalidConfiguration` for a new configuration that cannot be stored.

        One that is stored already is not judged again: a role that it names may be gone.
        """
        update_fields = kwargs.get("update_fields")
        if update_fields is None or "stage_info" in update_fields:
            using = kwargs.get("using") or self._state.db or DEFAULT_DB_ALIAS
            if self.stage_info != self._stored_stage_info(using):
                self.stage_info = validate_stage_info(self.stage_info)
        super().save(*args, **kwargs)

    def _stored_stage_info(self, using: str) -> Any:
        if self.pk is None:
            return None
        rows = type(self)._base_manager.using(using).filter(pk=self.pk)
        return rows.values_list("stage_info", flat=True).first()
