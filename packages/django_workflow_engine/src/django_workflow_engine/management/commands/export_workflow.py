"""Write workflows to a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_workflow_engine.exceptions import InvalidWorkflowFile
from django_workflow_engine.files import FileFormat, dump, export_workflows
from django_workflow_engine.models import WorkFlow


class Command(BaseCommand):
    """See `export_workflows`."""

    help = "Write workflows to a file, with names in place of the keys of this database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slugs", nargs="*", metavar="slug", help="a workflow")
        parser.add_argument("--all", action="store_true", help="every workflow")
        parser.add_argument(
            "--format",
            choices=[each.value for each in FileFormat],
            help="that of the file's name, else yaml",
        )
        parser.add_argument("--output", metavar="FILE", help="the file; else it is printed")

    def handle(self, *args: Any, **options: Any) -> None:
        output = options["output"]
        export = export_workflows(_templates(options["slugs"], everything=options["all"]))
        try:
            text = dump(export.content, _format(options["format"], output))
        except InvalidWorkflowFile as error:
            raise CommandError(str(error)) from error
        for warning in export.warnings:
            self.stderr.write(warning)
        if output is None:
            self.stdout.write(text, ending="")
        else:
            Path(output).write_text(text, "utf-8")


def _templates(slugs: list[str], *, everything: bool) -> list[WorkFlow]:
    if bool(slugs) == everything:
        raise CommandError("Name the workflows, or give --all.")
    templates = WorkFlow.objects.templates()
    found = list(templates if everything else templates.filter(slug__in=slugs))
    missing = sorted(set(slugs) - {template.slug for template in found})
    if missing:
        raise CommandError(f"There is no workflow {', '.join(missing)}.")
    return found


def _format(name: str | None, output: str | None) -> FileFormat:
    if name is not None:
        return FileFormat(name)
    return FileFormat.YAML if output is None else FileFormat.of(output)
