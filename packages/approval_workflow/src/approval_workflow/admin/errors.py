"""What services say, as forms and messages show it."""

import re

from approval_workflow.exceptions import ApprovalError

# What is wrong with one argument is told as "argument: message".
_ABOUT_ARGUMENT = re.compile(r"(?P<argument>[a-z_]+): (?P<message>.+)", re.DOTALL)


def argument_and_message(error: ApprovalError) -> tuple[str | None, str]:
    """Return the argument that an error is about, or None, and its message without the name."""
    found = _ABOUT_ARGUMENT.fullmatch(error.message)
    if found is None:
        return None, error.message
    message = found["message"]
    return found["argument"], message[0].upper() + message[1:]
