"""Writing what a clean-up deletes to a file, before it is deleted.

Each run of a clean-up has a file of its own, one line of JSON for each workflow. The lines of a
batch are on the disk before the transaction that deletes the batch is committed, so nothing is
deleted that is not in the file. Where the transaction fails after that, its lines are taken back;
where the process dies in between, they stay, and the workflows will be in a later file again.
"""

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.utils import timezone

# What is kept is personal: only the account that the clean-up runs under may read it.
FILE_MODE = 0o600


class Archive:
    """A new file in a directory, made when the first workflow is written.

    Use it in a `with` block. `path` is the file, None as long as there is none.
    """

    def __init__(self, directory: "str | os.PathLike[str]") -> None:
        self.directory = Path(directory)
        self.path: Path | None = None
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self.path is not None and not self.path.stat().st_size:
            # All that was written has been taken back.
            self.path.unlink()
            self.path = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Take back what is written inside the block when the block fails."""
        start = self._file.tell() if self._file is not None else 0
        try:
            yield
        except BaseException:
            with suppress(OSError):
                self._cut(start)
            raise

    def write(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append the records and wait until they are on the disk; raise `OSError`."""
        for record in records:
            file = self._opened()
            text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
            _write_all(file, text.encode() + b"\n")
        if self._file is not None:
            os.fsync(self._file.fileno())

    def _opened(self) -> FileIO:
        if self._file is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            name = f"workflows-{timezone.now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}.jsonl"
            self.path = self.directory / name
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            # Not buffered: what was refused once must not be tried again when the file is closed.
            self._file = os.fdopen(os.open(self.path, flags, FILE_MODE), "wb", buffering=0)
            _sync_directory(self.directory)
        return self._file

    def _cut(self, size: int) -> None:
        if self._file is not None:
            self._file.seek(size)
            self._file.truncate()
            os.fsync(self._file.fileno())


def _write_all(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _sync_directory(directory: Path) -> None:
    """Have the file's name on the disk too, where directories can be written like that."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
