"""Models of the test project: objects with every kind of key, a plain role, forms."""

import uuid

from django.conf import settings
from django.db import models


class Document(models.Model):
    """An object with an integer key."""

    title = models.CharField(max_length=100)
    status = models.CharField(max_length=30, default="draft")

    def __str__(self) -> str:
        return self.title


class UuidDocument(models.Model):
    """An object with a UUID key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self) -> str:
        return str(self.id)


class SlugDocument(models.Model):
    """An object with a text key."""

    slug = models.CharField(primary_key=True, max_length=100)

    def __str__(self) -> str:
        return str(self.slug)


class PlainRole(models.Model):
    """A role without a tree, which knows its users by a relation of its own."""

    name = models.CharField(max_length=100)
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="approval_roles")

    def __str__(self) -> str:
        return self.name


class UuidRole(models.Model):
    """A role with a UUID key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="uuid_roles")

    def __str__(self) -> str:
        return str(self.id)


class LonelyRole(models.Model):
    """A role from which no relation leads to users."""

    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Questionnaire(models.Model):
    """A form whose model has all the usual schema fields, and one with a name of its own."""

    schema = models.JSONField(null=True)
    form_schema = models.JSONField(null=True)
    form_info = models.JSONField(null=True)
    layout = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"Questionnaire {self.pk}"
