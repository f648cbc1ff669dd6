"""Run the actions that are due, and look after those that failed for good."""

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from django_workflow_engine.actions import outbox, runner
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.models import ActionExecution


class Command(BaseCommand):
    """Any number of these may run at the same time; no action is run by two of them."""

    help = (
        "Run the workflow actions that are due: those that failed and are to be tried again, those"
        " that a crash left over, and those that no worker has taken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=_positive, help="try at most so many actions")
        parser.add_argument(
            "--replay",
            action="store_true",
            help="first make failed actions due again: those of --id, or all of --dead",
        )
        parser.add_argument("--id", type=int, nargs="+", default=[], help="keys of failed actions")
        parser.add_argument("--dead", action="store_true", help="all actions that failed for good")
        parser.add_argument(
            "--list-dead", action="store_true", help="list what failed for good, and run nothing"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="list what is meant, and run nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["replay"] != bool(options["id"] or options["dead"]):
            raise CommandError("--replay goes with --id or --dead, and they with it.")
        if options["list_dead"]:
            self._list(_dead().order_by("pk"))
            return
        failed = self._wanted(options) if options["replay"] else []
        if options["dry_run"]:
            self._list([*failed, *runner.due_rows()][: options["limit"]])
            return
        if options["replay"]:
            self.stdout.write(f"Actions due again: {_make_due_again(failed)}")
        counts = runner.run_due(options["limit"])
        self.stdout.write(
            f"Actions done: {counts['done']}, to be tried again: {counts['failed']},"
            f" failed for good: {counts['dead']}, not run: {counts['skipped']}"
        )

    def _wanted(self, options: dict[str, Any]) -> list[ActionExecution]:
        """The failed actions that the options name, in their order."""
        named = set(options["id"])
        failed = ActionExecution.objects.filter(
            status__in=(ExecutionStatus.FAILED, ExecutionStatus.DEAD)
        )
        known = {row.pk: row for row in failed.filter(pk__in=named)}
        if named - known.keys():
            unknown = ", ".join(str(key) for key in sorted(named - known.keys()))
            raise CommandError(f"No failed actions have these keys: {unknown}")
        if options["dead"]:
            known.update({row.pk: row for row in _dead()})
        return [known[key] for key in sorted(known)]

    def _list(self, rows: Any) -> None:
        for row in rows:
            words = row.error.partition("\n")[0]
            self.stdout.write(
                f"{row.pk} {row.status} {row.action_type} {row.function_path}"
                f" (attachment {row.attachment_id}, attempts {row.attempts})"
                f"{f': {words}' if words else ''}"
            )


def _dead() -> Any:
    return ActionExecution.objects.filter(status=ExecutionStatus.DEAD)


def _make_due_again(rows: list[ActionExecution]) -> int:
    """Make the rows due again, each with those given up because of it; return how many failed."""
    again = 0
    for row in rows:
        using = str(row._state.db)
        with transaction.atomic(using=using):
            again += bool(outbox.make_due_again(row, using))
    return again


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("expected a number from 1")
    return int(text)
