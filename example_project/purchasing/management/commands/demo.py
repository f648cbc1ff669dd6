"""`manage.py demo`: plays real cases and shows what became of them."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from demo import report
from demo.cases import CASES
from demo.errors import CaseFailed
from demo.mailbox import Mailbox
from demo.migrated import require_migrated
from demo.narrator import Narrator
from demo.played import PlayedCase
from demo.roster import ADMIN_PASSWORD, ADMIN_USERNAME, PASSWORD
from demo.seeding import seed_everything
from demo.tables import WIDTH


class Command(BaseCommand):
    """Seed, play every case through the public API, and report."""

    help = "Play real cases through the public API and show timelines, mails and statistics."

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        mailbox = Mailbox()
        self._section("People, forms and templates", seed_everything().lines())
        played = self._play()
        for case in played:
            self._section(f"Timeline: {case.title} ({case.obj})", report.timeline_lines(case))
        self._show_notifications(mailbox)
        self._section("Statistics: the templates", report.template_lines())
        self._section("Statistics: what has run on them", report.attachment_lines())
        self._section("Preview: what a clean-up would delete", report.clean_up_lines())
        self._section("What next", self._next_steps())

    def _play(self) -> list[PlayedCase]:
        self._section("Cases", [])
        narrator = Narrator(self.stdout.write)
        try:
            return [play(narrator) for play in CASES]
        except CaseFailed as error:
            raise CommandError(str(error)) from error

    def _show_notifications(self, mailbox: Mailbox) -> None:
        title = "Notifications sent"
        if not mailbox.is_readable:
            self._section(title, ["They do not go to files here, so they cannot be listed."])
            return
        sent = mailbox.notifications()
        if not sent:
            raise CommandError("No notification was sent, and every case should send some.")
        self._section(f"{title}: {len(sent)}", report.notification_lines(sent))

    def _section(self, title: str, lines: Iterable[str]) -> None:
        self.stdout.write("")
        self.stdout.write(self.style.MIGRATE_HEADING(title))
        self.stdout.write("=" * min(len(title), WIDTH))
        for line in lines:
            self.stdout.write(line)

    def _next_steps(self) -> list[str]:
        admin = f"{ADMIN_USERNAME} / {ADMIN_PASSWORD}"
        return [
            "Every case ended as it should. Start the site and look around:",
            "    make serve",
            "    http://127.0.0.1:8000/",
            f"Sign in as layla / {PASSWORD} and vote on what was left to you.",
            f"The page lists everybody; the administrator is {admin}.",
        ]
