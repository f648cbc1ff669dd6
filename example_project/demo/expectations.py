"""What the demo promises about each case, checked against what the database says."""

from django.db.models import Model

from demo.errors import CaseFailed
from django_workflow_engine.services import get_current_stage, get_workflow_attachment


def expect_status(obj: Model, *, workflow: str, field: str, value: str) -> None:
    """Check the state of the object's workflow and the status field that follows it."""
    expect_workflow(obj, workflow)
    obj.refresh_from_db()
    _expect(obj, field, getattr(obj, field), value)


def expect_workflow(obj: Model, status: str) -> None:
    """Check the state of the object's workflow."""
    attachment = get_workflow_attachment(obj)
    _expect(obj, "workflow", attachment.status if attachment else "none", status)


def expect_stage(obj: Model, name: str) -> None:
    """Check the stage at which the object stands."""
    stage = get_current_stage(obj)
    _expect(obj, "stage", stage.name_en if stage else "none", name)


def expect_no_workflow(obj: Model) -> None:
    """Check that nothing was started on the object."""
    expect_workflow(obj, "none")


def expect_turn(obj: Model, people: list[str], usernames: set[str]) -> None:
    """Check who is asked, by username."""
    _expect(obj, "asked", sorted(people), sorted(usernames))


def _expect(obj: Model, what: str, found: object, promised: object) -> None:
    if found != promised:
        raise CaseFailed(f"{obj}: {what} is {found!r}, and should be {promised!r}.")
