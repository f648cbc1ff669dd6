"""`manage.py seed`: the people, forms and templates of the demo."""

from typing import Any

from django.core.management.base import BaseCommand

from demo.migrated import require_migrated
from demo.seeding import seed_everything


class Command(BaseCommand):
    """Make what the demo needs; running it again changes nothing."""

    help = "Make the people, roles, forms and workflow templates of the demo."

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        for line in seed_everything().lines():
            self.stdout.write(line)
