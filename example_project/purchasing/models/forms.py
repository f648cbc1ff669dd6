"""Forms that an approver fills in."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DynamicForm(models.Model):
    """A form described by JSON Schema (2020-12) in `form_schema`."""

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    form_schema = models.JSONField(_("form schema"))

    class Meta:
        verbose_name = _("dynamic form")
        verbose_name_plural = _("dynamic forms")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
