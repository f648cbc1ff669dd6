"""Greetings to the world."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.mixins import WorkflowTargetMixin


class HelloRequest(WorkflowTargetMixin):
    """A greeting that somebody would like to send; only what is approved goes out."""

    text = models.CharField(_("text"), max_length=150)
    approved = models.BooleanField(_("approved"), default=False)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requester"),
        on_delete=models.CASCADE,
        related_name="hello_requests",
    )
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("greeting")
        verbose_name_plural = _("greetings")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text
