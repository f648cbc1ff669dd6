"""Look for what keeps workflows from going on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_workflow_engine.management.named import template_named
from django_workflow_engine.services.problems import find_problems


class Command(BaseCommand):
    """See `find_problems`."""

    help = (
        "Look for roles, people, forms, departments and functions that workflows name and that are"
        " gone, for active templates that cannot be run, for objects that are stuck or gone, and"
        " for actions that failed for good. Exits with 1 when something was found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workflow", metavar="SLUG", help="only this one and its versions")
        parser.add_argument(
            "--stuck",
            action="store_true",
            help="only what keeps objects that are under way from going on, and what to do",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        slug = options["workflow"]
        template = template_named(slug) if slug else None
        for problem in find_problems(template, stuck_only=options["stuck"]):
            found += 1
            self.stderr.write(str(problem))
        if found:
            raise CommandError(f"Problems: {found}", returncode=1)
        self.stdout.write("No problems.")
