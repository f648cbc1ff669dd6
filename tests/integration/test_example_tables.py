"""The plain-text tables and the mailbox of the example's demo."""

from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage, get_connection

from demo.mailbox import FILE_BACKEND, Mailbox, Notification
from demo.tables import WIDTH, table


def test_columns_are_aligned() -> None:
    lines = table(["To", "Subject"], [("a", "one"), ("longer", "two")])

    assert lines == ["To      Subject", "------  -------", "a       one", "longer  two"]


def test_the_last_column_is_wrapped_to_the_width_of_the_terminal() -> None:
    comment = "word " * 60

    lines = table(["Who", "Comment"], [("somebody", comment.strip())])

    assert max(len(line) for line in lines) <= WIDTH
    assert " ".join(" ".join(lines[2:]).split()) == f"somebody {comment.strip()}"


def test_a_table_without_rows_still_has_its_headers() -> None:
    assert table(["To", "Subject"], []) == ["To  Subject", "--  -------"]


@pytest.fixture
def mail_directory(settings: Any, tmp_path: Path) -> Path:
    settings.EMAIL_BACKEND = FILE_BACKEND
    settings.EMAIL_FILE_PATH = tmp_path
    return tmp_path


def _send(*subjects: str) -> None:
    messages = [
        EmailMessage(subject, "-" * 79, "from@example.org", ["to@example.org"])
        for subject in subjects
    ]
    get_connection().send_messages(messages)


@pytest.mark.usefixtures("mail_directory")
def test_the_mailbox_tells_what_came_after_it_was_opened() -> None:
    _send("before")
    mailbox = Mailbox()

    _send("first", "طلب شراء")

    assert mailbox.notifications() == [
        Notification(to="to@example.org", subject="first"),
        Notification(to="to@example.org", subject="طلب شراء"),
    ]


def test_the_mailbox_reads_on_in_a_file_that_grows(mail_directory: Path) -> None:
    _send("before")
    (file,) = mail_directory.iterdir()
    mailbox = Mailbox()

    file.write_bytes(file.read_bytes() * 2)

    assert mailbox.notifications() == [Notification(to="to@example.org", subject="before")]


def test_a_mailbox_without_files_says_so(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert not Mailbox().is_readable
    assert Mailbox().notifications() == []
