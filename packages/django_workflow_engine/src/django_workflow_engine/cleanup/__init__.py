"""Deleting workflows that have ended, with their history.

What people edit (templates and their actions) and the objects themselves stay.
"""

from django_workflow_engine.cleanup.deletion import cleanup_completed_workflow_attachments
from django_workflow_engine.cleanup.statistics import get_cleanup_statistics

__all__ = ["cleanup_completed_workflow_attachments", "get_cleanup_statistics"]
