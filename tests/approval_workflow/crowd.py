"""Several people at once, round after round, each in a thread that keeps its connection."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connections


class Crowd:
    """Threads that start what they are given at the same moment."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool = ThreadPoolExecutor(size)

    def at_once(self, *functions: Callable[[], Any]) -> list[Any]:
        """Call one function in each thread; return what each returned or raised, in order."""
        barrier = threading.Barrier(len(functions))

        def run(function: Callable[[], Any]) -> Any:
            # Nobody goes on before all have come, so no thread takes two of the functions.
            barrier.wait(timeout=30)
            try:
                return function()
            except Exception as error:  # noqa: BLE001  # the test looks at it
                return error

        return list(self._pool.map(run, functions))

    def go_home(self) -> None:
        self.at_once(*[connections.close_all] * self.size)
        self._pool.shutdown()


@contextmanager
def a_crowd_of(size: int) -> Iterator[Crowd]:
    crowd = Crowd(size)
    try:
        yield crowd
    finally:
        crowd.go_home()
