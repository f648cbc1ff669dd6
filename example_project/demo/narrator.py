"""Lines of progress while the cases are played."""

import textwrap
from collections.abc import Callable

from demo.tables import WIDTH

BULLET = "   - "


class Narrator:
    """Tells each act as it happens, through the `write` it was given."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._cases = 0

    def case(self, title: str) -> None:
        """Announce a case."""
        self._cases += 1
        self._write(f"\n{self._cases}. {title}")

    def act(self, text: str) -> None:
        """Tell one act of the running case."""
        indent = " " * len(BULLET)
        self._write(textwrap.fill(text, WIDTH, initial_indent=BULLET, subsequent_indent=indent))
