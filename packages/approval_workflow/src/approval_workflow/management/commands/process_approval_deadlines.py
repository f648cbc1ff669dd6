"""Remind people of open steps and deal with deadlines that have passed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from approval_workflow.services import process_deadlines


class Command(BaseCommand):
    help = "Reminds of approval steps that are due soon, and acts on those whose deadline passed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, help="look at so many steps of each kind at most")

    def handle(self, *args: Any, **options: Any) -> None:
        result = process_deadlines(limit=options["limit"])
        self.stdout.write(
            _("Reminded: %(reminded)s. Deadlines dealt with: %(timed_out)s. Failed: %(failed)s.")
            % {
                "reminded": result.reminded,
                "timed_out": result.timed_out,
                "failed": result.failed,
            }
        )
