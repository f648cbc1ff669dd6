"""Start workflows on objects that existed before their workflow did."""

from collections import Counter
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model

from approval_workflow.exceptions import ApprovalError
from django_workflow_engine.management.named import user_named
from django_workflow_engine.services.backfill import BATCH_SIZE, start_existing_objects


class Command(BaseCommand):
    """See `start_existing_objects`. It can be repeated: what has a workflow is passed over."""

    help = (
        "Start workflows on the objects of a model that never had one, by the same rules as for new"
        " objects. Exits with 1 when an object could not be started."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="the model, as app.Model")
        parser.add_argument("--workflow", metavar="SLUG", help="start only this workflow")
        parser.add_argument("--user", metavar="USERNAME", help="who starts; else their creators")
        parser.add_argument(
            "--batch-size", type=int, default=BATCH_SIZE, help="objects read at a time"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would start, and start nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        model = _model(options["model"])
        started: Counter[str] = Counter()
        failed = 0
        try:
            results = start_existing_objects(
                model,
                slug=options["workflow"],
                user=user_named(options["user"]) if options["user"] else None,
                batch_size=options["batch_size"],
                dry_run=options["dry_run"],
            )
        except ApprovalError as error:
            raise CommandError(str(error)) from error
        for result in results:
            if result.error is None:
                started[result.slug] += 1
            else:
                failed += 1
                error_type = type(result.error).__name__
                self.stderr.write(
                    f"{model._meta.label} {result.key} on {result.slug}:"
                    f" {error_type}: {result.error}"
                )
        self._tell(started, dry_run=options["dry_run"])
        if failed:
            raise CommandError(f"Not started: {failed}", returncode=1)

    def _tell(self, started: "Counter[str]", *, dry_run: bool) -> None:
        self.stdout.write(f"{'Would start' if dry_run else 'Started'}: {started.total()}")
        for slug, number in sorted(started.items()):
            self.stdout.write(f"  {slug}: {number}")


def _model(label: str) -> type[Model]:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise CommandError(
            f"{label!r} is not a model of an installed app; expected app.Model."
        ) from error
