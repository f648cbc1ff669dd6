"""What a case hands to the report."""

from dataclasses import dataclass

from django.db.models import Model


@dataclass(frozen=True)
class PlayedCase:
    """A case that has been played: its title and the object that went through it."""

    title: str
    obj: Model
