"""Several people at once, each in a thread with a connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, connections


def at_once(*functions: Callable[[], Any]) -> list[Any]:
    """Call the functions at the same moment; return what each returned or raised, in order."""
    barrier = threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return function()
        except Exception as error:  # noqa: BLE001  # the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(run, each) for each in functions]]
