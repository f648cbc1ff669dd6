"""Functions that actions of the tests call, and some that they must not."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import run
from typing import Any

from django.db import connection
from django.utils.translation import get_language

from django_workflow_engine.actions import workflow_action
from tests.testapp.models import Document

__all__ = ["run"]


@dataclass(frozen=True)
class Call:
    attachment: Any
    parameters: dict[str, Any]
    context: dict[str, Any]
    language: str | None


# What `note` was called with; the fixture `calls` empties it.
calls: list[Call] = []
remember = calls.append


@workflow_action("note")
def note(workflow_attachment, action_parameters, **context):
    """Remember the call, and return what the parameters say."""
    calls.append(Call(workflow_attachment, action_parameters, context, get_language()))
    return action_parameters.get("returns")


def note_context(context, parameters=None):
    """Remember a call of the other form."""
    calls.append(Call(context["attachment"], parameters, context, get_language()))
    return {"noted": True}


def fail(workflow_attachment, action_parameters, **context):
    """Write, then fail: by returning False, else by raising."""
    Document.objects.create(title=action_parameters.get("title", "never seen"))
    calls.append(Call(workflow_attachment, action_parameters, context, get_language()))
    if action_parameters.get("returns") is False:
        return False
    raise ValueError(action_parameters.get("message", "no luck"))


def write_document(workflow_attachment, action_parameters, **context):
    """Have an effect in the database."""
    Document.objects.create(title=action_parameters["title"])


def record(workflow_attachment, action_parameters, **context):
    """Have an effect outside the database: a line with the key and the process, in a file."""
    with Path(action_parameters["file"]).open("a") as file:
        file.write(f"{context['idempotency_key']} {os.getpid()}\n")
    # A moment in which the process can die.
    time.sleep(0.002)


def die_once(workflow_attachment, action_parameters, **context):
    """A job whose process is killed when it runs for the first time, with its effect half made."""
    Document.objects.create(title="effect")
    file = Path(action_parameters["file"])
    if not file.exists():
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"pid": os.getpid()}


async def later(workflow_attachment, action_parameters, **context):
    """Nothing that an action may be."""


class NotAFunction:
    """Nothing that an action may be."""


def break_statement(workflow_attachment, action_parameters, **context):
    """Have the database refuse a statement, which spoils a transaction on PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")


def score(workflow_attachment, action_parameters, **context):
    """A job: what the parameters say is its result."""
    return dict(action_parameters)


def break_down(workflow_attachment, action_parameters, **context):
    """A job that never succeeds."""
    raise RuntimeError("out of order")
