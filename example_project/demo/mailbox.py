"""Reading back the notifications that Django's file mail backend wrote."""

from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings

FILE_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
SEPARATOR = b"-" * 79


@dataclass(frozen=True)
class Notification:
    """One e-mail as it went out."""

    to: str
    subject: str


class Mailbox:
    """Sees the mails written since it was opened."""

    def __init__(self) -> None:
        # A file that exists may still grow: the backend names files by the second.
        self._sizes = {path: path.stat().st_size for path in self._files()}

    @property
    def is_readable(self) -> bool:
        """Whether mails go to files at all."""
        return bool(settings.EMAIL_BACKEND == FILE_BACKEND)

    def notifications(self) -> list[Notification]:
        """Return what was sent since, from the oldest file to the newest."""
        files = sorted(self._files(), key=lambda path: path.stat().st_mtime_ns)
        return [
            _notification(message)
            for path in files
            for message in _messages(path.read_bytes()[self._sizes.get(path, 0) :])
        ]

    def _files(self) -> list[Path]:
        if not self.is_readable:
            return []
        return list(Path(settings.EMAIL_FILE_PATH).glob("*.log"))


def _messages(content: bytes) -> Iterator[EmailMessage]:
    parser = BytesParser(policy=policy.default)
    for part in content.split(SEPARATOR):
        message = parser.parsebytes(part.lstrip())
        # What follows a line of dashes inside a mail, and the end of the file, have no address.
        if "To" in message:
            yield message


def _notification(message: EmailMessage) -> Notification:
    return Notification(to=str(message["To"]), subject=str(message["Subject"]))
