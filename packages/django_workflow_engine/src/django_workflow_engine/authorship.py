"""Who changes templates: remembered with every change that is made through the ORM."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_author: ContextVar[Any] = ContextVar("django_workflow_engine_author", default=None)


@contextmanager
def changed_by(user: Any) -> Iterator[None]:
    """Note `user` as who makes the changes of templates inside the block.

    Every change of a template writes its `changed_by`, and each version keeps that of the last
    change before it. A change outside such a block, or with None or an anonymous user, makes it
    NULL: somebody else changed the template since, and nobody is to be named for it.
    """
    token = _author.set(getattr(user, "pk", None))
    try:
        yield
    finally:
        _author.reset(token)


def current_author_id() -> Any:
    """Return the key of who makes the changes at this moment, or None where it is not known."""
    return _author.get()
