"""Tell how the workflows run, or write it to a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from django_workflow_engine.differences.parts import length_of_time
from django_workflow_engine.management.named import template_named, user_named
from django_workflow_engine.services import export_run_statistics_csv, get_run_statistics
from django_workflow_engine.services.run_statistics import TABLES

# Between the columns of a table.
GAP = "  "


class Command(BaseCommand):
    """See `get_run_statistics`."""

    help = (
        "Tell how many workflows run and have ended, where objects wait and how long stages take,"
        " and for whom they wait."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workflow", metavar="SLUG", help="only this template, in all versions"
        )
        parser.add_argument(
            "--company", metavar="USERNAME", help="only templates of this company's account"
        )
        parser.add_argument(
            "--csv", metavar="FILE", help="write a table to this file, and print nothing else"
        )
        parser.add_argument(
            "--table", choices=list(TABLES), default="stages", help="the table for --csv"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slug, username = options["workflow"], options["company"]
        statistics = get_run_statistics(
            workflow_id=template_named(slug).pk if slug else None,
            company_id=user_named(username).pk if username else None,
        )
        if options["csv"]:
            self._write(options["csv"], export_run_statistics_csv(statistics, options["table"]))
        else:
            self.stdout.write("\n".join(statistics_lines(statistics)))

    def _write(self, path: str, text: str) -> None:
        try:
            # The rows end as CSV has it, on every system.
            Path(path).write_text(text, "utf-8", newline="")
        except OSError as error:
            raise CommandError(
                _("The file cannot be written: %(error)s") % {"error": error}
            ) from error
        self.stdout.write(_("Written to %(path)s") % {"path": path})


def statistics_lines(statistics: Mapping[str, Any]) -> Iterator[str]:
    """Yield the statistics as people read them."""
    yield (
        _(
            "Workflows: %(not_started)s not started, %(running)s running, %(started)s started,"
            " %(completed)s completed, %(rejected)s rejected, %(cancelled)s cancelled"
        )
        % statistics["overview"]
    )
    yield _("Steps with a deadline: %(with_deadline)s, late: %(late)s") % statistics["deadlines"]
    bottleneck = statistics["bottleneck"]
    if bottleneck is not None:
        yield _("Most time is lost at: %(stage)s (%(time)s in all)") % {
            "stage": _place(bottleneck),
            "time": _time(bottleneck["total_waiting_seconds"]),
        }
    yield ""
    yield from _table(
        [_("Stage"), _("Waiting"), _("Longest"), _("Visits"), _("Median"), _("90 %"), _("Late")],
        (
            [
                _place(row),
                row["waiting"],
                _time(row["oldest_waiting_seconds"]),
                row["visits"],
                _time(row["median_seconds"]),
                _time(row["p90_seconds"]),
                row["late"],
            ]
            for row in statistics["stages"]
        ),
    )
    yield ""
    yield from _table(
        [_("Person"), _("Open"), _("Overdue"), _("Decided"), _("Median")],
        (
            [row["name"], row["open"], row["overdue"], row["decided"], _time(row["median_seconds"])]
            for row in statistics["people"]
        ),
    )


def _place(row: Mapping[str, Any]) -> str:
    """Where it is: the workflow, the pipeline and the stage, as far as there are any."""
    names = dict.fromkeys((row["workflow"], row["pipeline"], row["name_en"]))
    return " / ".join(name for name in names if name)


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else length_of_time(timedelta(seconds=seconds))


def _table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the lines of a table whose columns are as wide as what is in them."""
    lines = [headings, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield GAP.join(padded).rstrip()
