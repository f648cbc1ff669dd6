"""Make workflows what the classes in the code say."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_workflow_engine.exceptions import InvalidConfiguration, WorkflowMisconfigured
from django_workflow_engine.files import ImportedWorkflow
from django_workflow_engine.management.imports import user_named, what_was_done
from django_workflow_engine.workflows import sync_workflows


class Command(BaseCommand):
    """See `sync_workflows`."""

    help = (
        "Make workflows what the classes in the modules 'workflows' of the installed apps say, and"
        " tell what differs. Running it again changes nothing. Objects that are under way keep the"
        " version that they run on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="USERNAME", help="who is noted for the changes")
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would be done, and write nothing"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="write nothing, and exit with 1 where something would be done",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"] or options["check"]
        imported = self._sync(user_named(options["user"]), dry_run=dry_run)
        for line in what_was_done(imported):
            self.stdout.write(line)
        if dry_run:
            self.stdout.write("Nothing was written.")
        behind = [each.slug for each in imported if each.created or each.changes]
        if options["check"] and behind:
            raise CommandError(f"Not as the code says: {', '.join(behind)}.", returncode=1)

    def _sync(self, user: Any, *, dry_run: bool) -> list[ImportedWorkflow]:
        try:
            return sync_workflows(user=user, dry_run=dry_run)
        except WorkflowMisconfigured as error:
            raise CommandError(str(error)) from error
        except InvalidConfiguration as error:
            for place, message in error.errors.items():
                self.stderr.write(f"{place}: {message}")
            raise CommandError(
                f"Nothing was written. Errors: {len(error.errors)}", returncode=1
            ) from error
