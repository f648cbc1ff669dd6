"""The templates of the workflows that are written as classes."""

from demo.seeding.tally import Tally
from django_workflow_engine.workflows import sync_workflows


def seed_workflows_in_code(tally: Tally) -> None:
    """Make the templates what their classes say, whatever somebody has changed in the admin."""
    for synchronised in sync_workflows():
        tally.add("workflows in code", synchronised.created)
