"""The order in which the parts of the demo's data are made."""

from django.db import transaction

from demo.seeding.configurations import seed_configurations
from demo.seeding.forms import seed_forms
from demo.seeding.people import seed_people
from demo.seeding.tally import Tally
from demo.seeding.workflows import seed_workflows
from demo.seeding.workflows_in_code import seed_workflows_in_code


def seed_everything() -> Tally:
    """Make what is missing, all of it or nothing, and say what was made."""
    tally = Tally()
    with transaction.atomic():
        seed_people(tally)
        seed_forms(tally)
        seed_workflows(tally)
        seed_workflows_in_code(tally)
        seed_configurations(tally)
    return tally
