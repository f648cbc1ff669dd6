"""Deleting workflows that have ended, with their history, which can be archived before.

What people edit (templates and their actions) and the objects themselves stay.
"""

from django_workflow_engine.cleanup.archive import Archive
from django_workflow_engine.cleanup.deletion import cleanup_completed_workflow_attachments
from django_workflow_engine.cleanup.reading import ArchiveReport, read_archive, verify_archive
from django_workflow_engine.cleanup.statistics import get_cleanup_statistics

__all__ = [
    "Archive",
    "ArchiveReport",
    "cleanup_completed_workflow_attachments",
    "get_cleanup_statistics",
    "read_archive",
    "verify_archive",
]
