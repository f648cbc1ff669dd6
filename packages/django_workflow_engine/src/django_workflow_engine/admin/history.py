"""What has changed from version to version."""

from dataclasses import dataclass, field

from approval_workflow.exceptions import ApprovalError
from django_workflow_engine.differences import Change, difference
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import Version, versions_of

# Differences of more versions than this are read on the pages of the versions themselves.
MOST_COMPARED = 20


@dataclass(frozen=True)
class VersionRow:
    """A version with what is different in it, by the version before."""

    version: Version | None
    changes: list[Change] = field(default_factory=list)
    # Why that cannot be told.
    problem: str = ""
    # Whether there is a version before it.
    is_compared: bool = True


def version_rows(template: WorkFlow) -> list[VersionRow]:
    """Return the versions, newest first; before them what has not become one yet, if anything."""
    versions = versions_of(template)
    rows = []
    if versions and not versions[0].is_current:
        rows.append(_compared(None, versions[0].workflow, template))
    for new, old in zip(versions, [*versions[1:], None], strict=True):
        if old is None or len(rows) >= MOST_COMPARED:
            rows.append(VersionRow(new, is_compared=False))
        else:
            rows.append(_compared(new, old.workflow, new.workflow))
    return rows


def _compared(version: Version | None, old: WorkFlow, new: WorkFlow) -> VersionRow:
    try:
        return VersionRow(version, difference(old, new))
    except ApprovalError as error:
        return VersionRow(version, problem=error.message)
