"""Make workflows what files say."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router, transaction

from django_workflow_engine.exceptions import InvalidWorkflowFile
from django_workflow_engine.files import FileFormat, ImportedWorkflow, import_workflows, load
from django_workflow_engine.management.imports import user_named, what_was_done
from django_workflow_engine.models import WorkFlow


class Command(BaseCommand):
    """See `import_workflows`. All files are one transaction."""

    help = (
        "Make workflows what files say, and tell what differs. Importing again changes nothing."
        " Objects that are under way keep the version that they run on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="file", help="a .yaml, .yml or .json file")
        parser.add_argument("--user", metavar="USERNAME", help="who is noted for the changes")
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would be done, and write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        using = router.db_for_write(WorkFlow)
        imported: list[ImportedWorkflow] = []
        errors: list[str] = []
        with transaction.atomic(using=using):
            for path in options["files"]:
                try:
                    imported += import_workflows(_content(path), user=user)
                except InvalidWorkflowFile as error:
                    errors += _lines(path, error.errors)
            errors += _given_twice(imported)
            if errors or options["dry_run"]:
                transaction.set_rollback(True, using=using)
        if errors:
            for line in errors:
                self.stderr.write(line)
            raise CommandError(f"Nothing was written. Errors: {len(errors)}", returncode=1)
        for line in what_was_done(imported):
            self.stdout.write(line)
        if options["dry_run"]:
            self.stdout.write("Nothing was written.")


def _content(path: str) -> Any:
    file_format = FileFormat.of(path)
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidWorkflowFile({"file": str(error)}) from error
    return load(text, file_format)


def _lines(path: str, errors: Mapping[str, str]) -> Iterator[str]:
    for place, message in errors.items():
        yield f"{path}: {place}: {message}" if place != path else f"{path}: {message}"


def _given_twice(imported: list[ImportedWorkflow]) -> Iterator[str]:
    slugs = [workflow.slug for workflow in imported]
    for slug in sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        yield f"{slug}: given by more than one file"
