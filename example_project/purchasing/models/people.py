"""Who works here: the role tree, the departments and the custom user."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from mptt.models import MPTTModel, TreeForeignKey


class Role(MPTTModel):
    """A position in the organisation; its parent is the position above it."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    name_ar = models.CharField(_("Arabic name"), max_length=100, blank=True)
    parent = TreeForeignKey(
        "self",
        verbose_name=_("parent"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="children",
    )
    lead = models.ForeignKey(
        "purchasing.User",
        verbose_name=_("lead"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="led_roles",
        help_text=_("The one holder of the role who speaks for it."),
    )

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")

    class MPTTMeta:
        order_insertion_by = ["name"]

    def __str__(self) -> str:
        return _local(self.name, self.name_ar)


class Department(models.Model):
    """A department; pipelines of a workflow point at one."""

    name = models.CharField(_("name"), max_length=100)
    name_ar = models.CharField(_("Arabic name"), max_length=100, blank=True)
    head = models.ForeignKey(
        "purchasing.User",
        verbose_name=_("head"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="headed_departments",
    )

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        ordering = ["name"]

    def __str__(self) -> str:
        return _local(self.name, self.name_ar)


def _local(name: str, name_ar: str) -> str:
    """Return the name in the language that is active, as far as there is one."""
    arabic = (get_language() or "").startswith("ar")
    return name_ar if arabic and name_ar else name


class User(AbstractUser):
    """A person; `role` decides what they may approve, `head_manager` whom they answer to."""

    role = models.ForeignKey(
        Role,
        verbose_name=_("role"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="users",
    )
    head_manager = models.ForeignKey(
        "self",
        verbose_name=_("manager"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="reports",
    )
    department = models.ForeignKey(
        Department,
        verbose_name=_("department"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="members",
    )

    language = models.CharField(
        _("language"),
        max_length=10,
        blank=True,
        choices=[("en", _("English")), ("ar", _("Arabic"))],
        help_text=_("E-mails come in this language; empty means that of the site."),
    )

    class Meta(AbstractUser.Meta):
        ordering = ["username"]
