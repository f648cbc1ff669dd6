"""Move the objects that run on older versions of a template."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from approval_workflow.exceptions import ApprovalError
from django_workflow_engine.management.named import template_named
from django_workflow_engine.services import MigratedAttachment, MigrationReport, migrate_running


class Command(BaseCommand):
    """See `migrate_running`."""

    help = (
        "Move the objects that run on other versions of a template to the template as it is now,"
        " or to one of its versions. Nobody is asked twice, and no action becomes due."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="slug of the template")
        parser.add_argument("--to", type=int, metavar="N", help="number of the version to move to")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="OLD=NEW",
            help="where objects go whose stage or pipeline is gone: keys, names or"
            " 'pipeline / stage'; may be given several times",
        )
        parser.add_argument("--reason", default="", help="what the history says about it")
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would be done, and do nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        template = template_named(options["slug"])
        try:
            report = migrate_running(
                template,
                to_version=options["to"],
                mapping=parsed_mapping(options["map"]),
                dry_run=options["dry_run"],
                reason=options["reason"],
            )
        except ApprovalError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(report_lines(report)))


def parsed_mapping(given: Sequence[str]) -> dict[str, str]:
    """Return {old: new}; raise `CommandError` for what is not OLD=NEW."""
    pairs = [text.partition("=") for text in given]
    for text, (old, _sign, new) in zip(given, pairs, strict=True):
        if not old.strip() or not new.strip():
            raise CommandError(f"--map {text}: expected OLD=NEW.")
    return {old.strip(): new.strip() for old, _sign, new in pairs}


def report_lines(report: MigrationReport) -> Iterator[str]:
    """Yield a line for each object, and how many there were."""
    for row in report.attachments:
        yield _line(row)
    verb = "Would move" if report.dry_run else "Moved"
    yield f"{verb} to version {report.to_version}: {len(report.moved)}"
    yield f"Left alone: {len(report.left_alone)}"


def _line(row: MigratedAttachment) -> str:
    what = f"{row.attachment_id} (object {row.object_id}), version {row.from_version}"
    if row.left_alone:
        return f"{what}, {row.place_before or 'not started'}: left alone: {row.left_alone}"
    way = f"{row.place_before} -> {row.place_after}" if row.place_before else "not started"
    return (
        f"{what}, {way}: steps kept {row.kept}, approved before {row.counted},"
        f" cancelled {row.cancelled}, new {row.added}"
    )
