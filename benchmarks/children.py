"""Work in processes of its own, on the database of this one."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

import django
from django.db import connection
from django.utils.module_loading import import_string

# Not forked: neither what this process has loaded nor its connection is handed down.
_SPAWNED = multiprocessing.get_context("spawn")
# Seconds that a writer waits for its turn (SQLite).
_PATIENCE = 120


def in_a_fresh_process(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of a module in a new process; return what it returns."""
    (found,) = at_once([(function, *args)])
    return found


def at_once(calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Make each call (function, *arguments) in a process of its own; return what they return.

    A generator prepares something, yields when it is ready, goes on when all are, and yields a
    result; as often as it likes. Returned is the list of its results.
    """
    name = connection.settings_dict["NAME"]
    barrier, answers = _SPAWNED.Barrier(len(calls)), _SPAWNED.Queue()
    children = [
        _SPAWNED.Process(
            target=_work,
            args=(place, f"{call[0].__module__}.{call[0].__name__}", call[1:], name),
            kwargs={"barrier": barrier, "answers": answers},
        )
        for place, call in enumerate(calls)
    ]
    for child in children:
        child.start()
    found = dict(answers.get() for _child in children)
    for child in children:
        child.join()
    failed = [one for one in found.values() if isinstance(one, BaseException)]
    if failed:
        raise failed[0]
    return [found[place] for place in range(len(calls))]


def _work(
    place: int, path: str, args: Sequence[Any], name: str, *, barrier: Barrier, answers: Any
) -> None:
    try:
        django.setup()
        connection.settings_dict["NAME"] = name
        if connection.vendor == "sqlite":
            connection.settings_dict["OPTIONS"]["timeout"] = _PATIENCE
        found = import_string(path)(*args)
        if hasattr(found, "__next__"):
            found = [_result(found, barrier) for _ready in found]
    except Exception as error:  # noqa: BLE001 (told to whoever waits)
        barrier.abort()
        found = RuntimeError(f"{type(error).__name__}: {error}")
    answers.put((place, found))


def _result(generator: Iterator[Any], barrier: Barrier) -> Any:
    """What the generator yields when all are ready."""
    barrier.wait()
    return next(generator)
