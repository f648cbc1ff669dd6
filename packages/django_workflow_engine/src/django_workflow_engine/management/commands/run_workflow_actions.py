"""Run the actions that are due."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_workflow_engine.actions import runner


class Command(BaseCommand):
    """Any number of these may run at the same time; no action is run by two of them."""

    help = (
        "Run the workflow actions that are due: those that failed and are to be tried again, those"
        " that a crash left over, and those that no worker has taken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, help="try at most so many actions")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = runner.run_due(options["limit"])
        self.stdout.write(
            f"Actions done: {counts['done']}, to be tried again: {counts['failed']},"
            f" failed for good: {counts['dead']}"
        )
