"""The core by itself: Django's own apps, approval_workflow and one model.

Not a pytest module: `nox -s core_alone` runs it in an environment into which nothing but the
core has been installed, so it builds its own settings and tells by its exit status.
"""

import sys
from importlib.util import find_spec

import django
from django.conf import settings

NOT_NEEDED = ("rest_framework", "celery", "django_workflow_engine", "jsonschema")


class Moves:
    """Print what is being shown, and stop at the first thing that is not so."""

    def __init__(self) -> None:
        self.count = 0

    def expect(self, what: str, found: object, wanted: object = True) -> None:
        if found != wanted:
            sys.exit(f"FAILED  {what}: {found!r} instead of {wanted!r}")
        self.count += 1
        print(f"ok      {what}")


def set_up_django() -> None:
    settings.configure(
        SECRET_KEY="for-this-script-only",
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "approval_workflow",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": ":memory:",
                "OPTIONS": {"transaction_mode": "IMMEDIATE"},
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()


def play(moves: Moves) -> None:
    """Take one document through two people, and send another one back."""
    # These modules need the configured settings above, so they cannot be imported earlier.
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection, models

    from approval_workflow.choices import ApprovalStatus, FlowStatus
    from approval_workflow.services import advance_flow, start_flow
    from approval_workflow.utils import can_user_approve, get_current_approval

    class Document(models.Model):
        title = models.CharField(max_length=50)

        class Meta:
            app_label = "documents"

        def __str__(self) -> str:
            return self.title

    call_command("check", fail_level="ERROR", verbosity=0)
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Document)
    moves.expect("migrations ran on their own", "approval_workflow_approvalflow" in tables())

    people = get_user_model().objects
    alice, bob = people.create_user("alice"), people.create_user("bob")
    steps = [{"step": 1, "assigned_to": alice}, {"step": 2, "assigned_to": bob}]

    contract = Document.objects.create(title="Contract")
    flow = start_flow(obj=contract, steps=steps)
    first = get_current_approval(contract)
    moves.expect("the first step is current", first.step_number, 1)
    moves.expect("alice may act on it", can_user_approve(first, alice))
    moves.expect("bob may not", can_user_approve(first, bob), wanted=False)
    second = advance_flow(instance=first, action="approved", user=alice, comment="Fine")
    moves.expect("the next step is returned", second.step_number, 2)
    moves.expect("the instance passed in is up to date", first.status, ApprovalStatus.APPROVED)
    moves.expect("nothing is left after bob", advance_flow(contract, "approve", bob), None)
    flow.refresh_from_db()
    moves.expect("the flow is completed", flow.status, FlowStatus.COMPLETED)

    offer = Document.objects.create(title="Offer")
    flow = start_flow(obj=offer, steps=steps)
    advance_flow(offer, "rejected", alice, comment="Too dear")
    flow.refresh_from_db()
    moves.expect("a rejection ends the flow", flow.status, FlowStatus.REJECTED)


def tables() -> list[str]:
    from django.db import connection

    return connection.introspection.table_names()


def main() -> None:
    moves = Moves()
    for name in NOT_NEEDED:
        moves.expect(f"{name} cannot be imported", find_spec(name), None)
    set_up_django()
    play(moves)
    loaded = sorted(name for name in NOT_NEEDED if name in sys.modules)
    moves.expect("none of them was put in place by something else", loaded, [])
    print(f"the core works alone: {moves.count} expectations held")


if __name__ == "__main__":
    main()
