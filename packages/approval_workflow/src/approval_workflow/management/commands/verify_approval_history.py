"""Look for history rows that are not as they were written."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from approval_workflow.events import BrokenHistory, verify_flow
from approval_workflow.models import ApprovalFlow


class Command(BaseCommand):
    help = "Verifies the history of approval flows; names the first bad row of each that is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flow", type=int, action="append", help="only the flow with this key")

    def handle(self, *args: Any, **options: Any) -> None:
        flows = ApprovalFlow.objects.order_by("pk")
        if options["flow"]:
            flows = flows.filter(pk__in=options["flow"])
        verified = broken = 0
        for flow in flows.iterator(chunk_size=500):
            problem = self._verify(flow)
            verified += 1
            if problem is not None:
                broken += 1
                self.stderr.write(str(problem))
        if broken:
            raise CommandError(
                _("%(broken)s of %(verified)s flows have a history that was changed.")
                % {"broken": broken, "verified": verified},
                returncode=1,
            )
        self.stdout.write(_("%(verified)s flows verified.") % {"verified": verified})

    def _verify(self, flow: ApprovalFlow) -> BrokenHistory | None:
        problem = verify_flow(flow, flow.events.in_order().iterator())
        if problem is None:
            return None
        # Somebody may have acted between the two reads: look again while nobody can.
        with transaction.atomic():
            locked = ApprovalFlow.objects.select_for_update().get(pk=flow.pk)
            return verify_flow(locked, locked.events.in_order())
