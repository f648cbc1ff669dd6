"""Reading archives, and telling whether they are as they were written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from approval_workflow.events import verify_flow
from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalEvent, ApprovalFlow
from django_workflow_engine.cleanup.records import FORMAT, digest_of_record, row_from

if TYPE_CHECKING:
    from os import PathLike


@dataclass(slots=True)
class ArchiveReport:
    """What was found in an archive: workflows and events that are sound, and what is not."""

    workflows: int = 0
    events: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        return not self.problems


def read_archive(path: "str | PathLike[str]") -> Iterator[dict[str, Any]]:
    """Yield the workflows of an archive, one dictionary each; one is in memory at a time.

    Keys: `attachment`, `flow` (None where it was never started), `stage_runs`, `executions`,
    `instances`, `events`, `people` (user names by key), `format` and `digest`. Raises
    `InvalidInput`, naming the line, for what is no such thing, and `OSError`.
    """
    for number, line in _lines(path):
        yield _parsed(number, line)


def verify_archive(path: "str | PathLike[str]") -> ArchiveReport:
    """Look at every workflow of an archive: whether it and its history are as they were written.

    The history is verified as `verify_approval_history` does it in the database. Each problem names
    its line. Raises `OSError`.
    """
    report = ArchiveReport()
    for number, line in _lines(path):
        try:
            record = _parsed(number, line)
        except InvalidInput as error:
            report.problems.append(str(error))
            continue
        problem = _problem(record)
        if problem:
            report.problems.append(f"line {number}: {problem}")
        else:
            report.workflows += 1
            report.events += len(record["events"])
    return report


def _lines(path: "str | PathLike[str]") -> Iterator[tuple[int, bytes]]:
    with Path(path).open("rb") as file:
        yield from enumerate(file, start=1)


def _parsed(number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InvalidInput(
            _("line %(number)s: this is no workflow of an archive.") % {"number": number}
        )
    return record


def _problem(record: dict[str, Any]) -> str:
    """What is wrong with a record; empty where it is as it was written."""
    # The history first: that is what says where.
    try:
        broken = _broken_history(record)
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError):
        return "the record was altered"
    if broken:
        return broken
    if record.get("digest") != digest_of_record(record):
        return "the record was altered"
    return ""


def _broken_history(record: dict[str, Any]) -> str:
    if record["flow"] is None:
        return "the history belongs to no flow" if record["events"] else ""
    flow = row_from(ApprovalFlow, record["flow"])
    found = verify_flow(flow, [row_from(ApprovalEvent, event) for event in record["events"]])
    return str(found) if found is not None else ""
