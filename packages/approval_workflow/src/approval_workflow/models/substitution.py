"""Who stands in for whom, and when."""

from datetime import datetime

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approval_workflow.querysets import SubstitutionQuerySet


class Substitution(models.Model):
    """A stand-in for a period, for everything or for objects of some models.

    It begins and ends by itself. It is not handed on: who stands in for a stand-in stands in for
    nobody else.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="substitutions",
        verbose_name=_("person"),
    )
    substitute = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("stand-in"),
    )
    starts_at = models.DateTimeField(_("from"), default=timezone.now)
    # The first moment at which it does not hold any more.
    ends_at = models.DateTimeField(_("until"))
    # None: objects of every model.
    content_types = models.ManyToManyField(
        ContentType, blank=True, related_name="+", verbose_name=_("only for")
    )
    for_all_models = models.BooleanField(_("for everything"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = SubstitutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("substitution")
        verbose_name_plural = _("substitutions")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="approval_substitution_ends_after_start",
            ),
            models.CheckConstraint(
                condition=~models.Q(person=models.F("substitute")),
                name="approval_substitution_not_oneself",
            ),
        ]

    def __str__(self) -> str:
        # In words: an arrow points the wrong way between names written from right to left.
        names = {"substitute": self.substitute, "person": self.person}
        return gettext("%(substitute)s instead of %(person)s") % names

    def holds_at(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at
