"""Delete workflows that have ended, or tell what could be deleted."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from approval_workflow.exceptions import InvalidInput
from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.cleanup import (
    Archive,
    cleanup_completed_workflow_attachments,
    get_cleanup_statistics,
)
from django_workflow_engine.cleanup.selection import RETENTION_DAYS
from django_workflow_engine.cleanup.statistics import AGES


class Command(BaseCommand):
    """Objects and templates stay; see `cleanup_completed_workflow_attachments`."""

    help = (
        "Delete workflows that ended some time ago, with their approval history. Objects, templates"
        " and the actions of templates stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=RETENTION_DAYS,
            help=f"delete what ended so many days ago; 0 for all (default {RETENTION_DAYS})",
        )
        parser.add_argument(
            "--status",
            action="append",
            choices=[status.value for status in AttachmentStatus.final()],
            help="only workflows that ended so; may be given several times",
        )
        parser.add_argument(
            "--batch-size", type=int, default=1000, help="workflows in one transaction"
        )
        parser.add_argument(
            "--archive",
            metavar="DIR",
            help="write what is deleted to a new file of JSON lines in this directory first",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would be deleted, and delete nothing"
        )
        parser.add_argument(
            "--stats", action="store_true", help="tell how many there are, and delete nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["stats"]:
            self.stdout.write("\n".join(statistics_lines(get_cleanup_statistics())))
            return
        with Archive(options["archive"]) if options["archive"] else nullcontext() as archive:
            deleted = self.delete(options, archive)
            path = archive and archive.path
        self.stdout.write("\n".join(result_lines(deleted, dry_run=options["dry_run"])))
        if path is not None:
            self.stdout.write(f"Archived in {path}")

    def delete(self, options: Mapping[str, Any], archive: Archive | None) -> dict[str, int]:
        try:
            return cleanup_completed_workflow_attachments(
                older_than_days=options["days"],
                statuses=options["status"],
                dry_run=options["dry_run"],
                batch_size=options["batch_size"],
                archive=archive,
            )
        except InvalidInput as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The archive cannot be written: {error}") from error


def statistics_lines(numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield the statistics as the documentation prints them."""
    total = numbers["total_attachments"]
    ended = numbers["completed_attachments"] + numbers["rejected_attachments"]
    yield "=== Workflow Cleanup Statistics ==="
    yield ""
    yield "Workflow Attachments (Instances):"
    yield f"  Total: {total}"
    for label, name, always in (
        ("Completed", "completed_attachments", True),
        ("Rejected", "rejected_attachments", True),
        ("Cancelled", "cancelled_attachments", False),
        ("In Progress", "in_progress_attachments", True),
        ("On Hold", "on_hold_attachments", False),
        ("Not Started", "not_started_attachments", False),
    ):
        if always or numbers[name]:
            yield f"  {label}: {_share(numbers[name], total)}"
    yield ""
    yield "Completed/Rejected by Age:"
    for days in AGES:
        yield f"  Older than {days} days: {_share(numbers[f'older_than_{days}_days'], ended)}"
    yield ""
    yield "Recommendations:"
    if numbers["deletable_attachments"]:
        yield (f"  → Consider running: python manage.py cleanup_workflows --days={RETENTION_DAYS}")
    else:
        yield "  → Nothing to clean up"


def result_lines(deleted: Mapping[str, int], *, dry_run: bool) -> Iterator[str]:
    """Yield what was deleted, or would have been."""
    yield "Would delete:" if dry_run else "Deleted:"
    for name, number in deleted.items():
        yield f"  {name.removesuffix('_deleted').replace('_', ' ')}: {number}"


def _share(number: int, total: int) -> str:
    percentage = 100 * number / total if total else 0
    return f"{number} ({percentage:.1f}%)"
