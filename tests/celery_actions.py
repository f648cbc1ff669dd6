"""Actions that tell where they are, so that their worker can be killed inside them."""

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.testapp.models import Document

# For the site as well as for its workers.
SETTINGS = {"ACTION_EXECUTION": "celery", "ALLOWED_ACTION_MODULES": [__name__]}

# In which the process can die after the effect.
MOMENT_SECONDS = 0.005


class Call(NamedTuple):
    """A call of one of these actions, as the line tells it that it wrote."""

    key: str
    process: int

    @property
    def position(self) -> int:
        return int(self.key.rpartition(":")[2])


def calls_in(file: Path, start: int = 0) -> list[Call]:
    """The calls that a file tells of from a place on, in their order."""
    with file.open("rb") as lines:
        lines.seek(start)
        # The last one may be half written.
        whole = lines.read().rpartition(b"\n")[0].decode()
    return [Call(key, int(process)) for key, process in map(str.split, whole.splitlines())]


def record(workflow_attachment: Any, action_parameters: Any, **context: Any) -> None:
    """Have an effect outside the database: a line with the key and the process, in a file."""
    _tell(action_parameters["file"], context["idempotency_key"])


def write(workflow_attachment: Any, action_parameters: Any, **context: Any) -> None:
    """Have an effect in the database: a document named by the key."""
    Document.objects.create(title=context["idempotency_key"])
    _tell(action_parameters["file"], context["idempotency_key"])


def _tell(file: str, key: str) -> None:
    with Path(file).open("a") as lines:
        lines.write(f"{key} {os.getpid()}\n")
    time.sleep(MOMENT_SECONDS)
