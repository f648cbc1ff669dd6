"""Draw a workflow, or where an object is in the one that it runs on."""

from collections.abc import Callable, Mapping
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_workflow_engine.diagrams import bpmn, mermaid, svg
from django_workflow_engine.models import WorkFlow, WorkflowAttachment

Subject = WorkFlow | WorkflowAttachment
FORMATS: Mapping[str, Callable[[Subject], str]] = {"mermaid": mermaid, "svg": svg, "bpmn": bpmn}


class Command(BaseCommand):
    """See `django_workflow_engine.diagrams`."""

    help = "Print a picture of a workflow, or of where an object is in the one that it runs on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workflow", nargs="?", metavar="SLUG")
        parser.add_argument("--format", choices=list(FORMATS), default="mermaid")
        parser.add_argument(
            "--object", metavar="app.Model:key", help="the object whose way is drawn"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(FORMATS[options["format"]](_subject(options)), ending="")


def _subject(options: Mapping[str, Any]) -> Subject:
    if options["object"]:
        return _attachment(options["object"])
    slug = options["workflow"]
    if not slug:
        raise CommandError("Expected a workflow or --object.")
    template = WorkFlow.objects.templates().filter(slug=slug).first()
    if template is None:
        raise CommandError(f"There is no workflow {slug!r}.")
    return template


def _attachment(text: str) -> WorkflowAttachment:
    label, colon, key = text.partition(":")
    if not colon:
        raise CommandError(f"--object {text!r}: expected app.Model:key.")
    try:
        obj = apps.get_model(label)._default_manager.filter(pk=key).first()
    except (LookupError, ValueError, ValidationError) as error:
        raise CommandError(f"--object {text!r}: {error}") from error
    found = obj and WorkflowAttachment.objects.for_object(obj).newest_first().first()
    if not found:
        raise CommandError(f"--object {text!r}: no workflow runs on it.")
    return found
