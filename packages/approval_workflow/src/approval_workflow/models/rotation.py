"""Whose turn it was in a role."""

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _


class RoleTurn(models.Model):
    """The number of a person's last turn in a role; the lowest number is asked next."""

    role_content_type = models.ForeignKey(
        ContentType, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    role_object_id = models.CharField(max_length=255)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    turn = models.PositiveBigIntegerField()

    class Meta:
        verbose_name = _("turn in a role")
        verbose_name_plural = _("turns in roles")
        constraints = [
            models.UniqueConstraint(
                fields=["role_content_type", "role_object_id", "user"],
                name="approval_turn_one_per_person_and_role",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.turn}"
