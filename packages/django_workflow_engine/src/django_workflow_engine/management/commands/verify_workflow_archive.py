"""Look for records of archives that are not as they were written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from django_workflow_engine.cleanup import ArchiveReport, verify_archive


class Command(BaseCommand):
    """See `verify_archive`."""

    help = (
        "Verify archives that cleanup_workflows has written; name the first bad line of each that"
        " was altered. Exits with 1 when something was found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="an archive")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for path in options["files"]:
            report = self._verify(path)
            if report.intact:
                self.stdout.write(
                    _("%(path)s: %(workflows)s workflows and %(events)s events verified.")
                    % {"path": path, "workflows": report.workflows, "events": report.events}
                )
            else:
                broken += 1
                self.stderr.write(f"{path}: {report.problems[0]}")
        if broken:
            raise CommandError(
                _("%(broken)s of %(verified)s archives were changed.")
                % {"broken": broken, "verified": len(options["files"])},
                returncode=1,
            )

    def _verify(self, path: str) -> ArchiveReport:
        try:
            return verify_archive(path)
        except OSError as error:
            raise CommandError(
                _("The archive cannot be read: %(error)s") % {"error": error}
            ) from error
