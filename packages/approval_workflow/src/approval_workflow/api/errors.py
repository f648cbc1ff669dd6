"""What goes wrong as an answer over HTTP: the one table, and the one shape of the body."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import status as http
from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.response import Response
from rest_framework.views import exception_handler

from approval_workflow.exceptions import ApprovalError, ApprovalMisconfigured

logger = logging.getLogger("approval_workflow")

# Each code of approval_workflow.exceptions. A project's own subclass without a line of its own
# gets that of its nearest base class.
HTTP_STATUS: Mapping[str, int] = {
    # The request cannot be understood.
    "approval_error": http.HTTP_400_BAD_REQUEST,
    "invalid_input": http.HTTP_400_BAD_REQUEST,
    "unknown_action": http.HTTP_400_BAD_REQUEST,
    # This person may not do that.
    "permission_denied": http.HTTP_403_FORBIDDEN,
    # Not in the state in which things are.
    "conflict": http.HTTP_409_CONFLICT,
    "step_already_processed": http.HTTP_409_CONFLICT,
    "step_not_open": http.HTTP_409_CONFLICT,
    "no_current_step": http.HTTP_409_CONFLICT,
    "flow_already_open": http.HTTP_409_CONFLICT,
    "flow_ended": http.HTTP_409_CONFLICT,
    "flow_on_hold": http.HTTP_409_CONFLICT,
    "cannot_undo": http.HTTP_409_CONFLICT,
    "nobody_eligible": http.HTTP_409_CONFLICT,
    "nothing_left_to_ask": http.HTTP_409_CONFLICT,
    "history_is_append_only": http.HTTP_409_CONFLICT,
    # The server is not set up for it; the log says what to repair.
    "misconfigured": http.HTTP_409_CONFLICT,
    # The caller has not seen the latest.
    "version_conflict": http.HTTP_412_PRECONDITION_FAILED,
    # Understood, and wrong.
    "invalid_steps": http.HTTP_422_UNPROCESSABLE_ENTITY,
    "invalid_form_data": http.HTTP_422_UNPROCESSABLE_ENTITY,
    "invalid_delegate": http.HTTP_422_UNPROCESSABLE_ENTITY,
    "invalid_substitution": http.HTTP_422_UNPROCESSABLE_ENTITY,
    "idempotency_key_reused": http.HTTP_422_UNPROCESSABLE_ENTITY,
}
# Where an error that concerns the body as a whole is found.
WHOLE_BODY = "body"


class Refused(APIException):
    """An error of the core on its way to the client."""

    def __init__(self, error: ApprovalError) -> None:
        super().__init__(error.message, error.code)
        self.status_code = http_status(error)
        self.error = error


def http_status(error: ApprovalError) -> int:
    """Return the status for an error's code, or for that of its nearest known base class."""
    codes = [error.code, *(getattr(base, "code", "") for base in type(error).__mro__)]
    return next(HTTP_STATUS[code] for code in codes if code in HTTP_STATUS)


def problem(error: ApprovalError) -> dict[str, Any]:
    """Return the body that tells a client of an error of the core."""
    body: dict[str, Any] = {"code": error.code, "detail": _detail(error)}
    if error.details.get("errors"):
        body["errors"] = _by_path_in_body(error)
    for name in ("status", "reason"):
        if error.details.get(name):
            body[name] = str(error.details[name])
    return body


def answer_error(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an error; None for one that is none of ours nor of REST framework's."""
    if isinstance(error, ApprovalError):
        error = Refused(error)
    response = exception_handler(error, dict(context))
    if response is not None:
        body = problem(error.error) if isinstance(error, Refused) else _body(response.data)
        response.data = _printable(body)
    return response


def _printable(value: Any) -> Any:
    """The same without halves of surrogate pairs: messages may repeat what a client has sent."""
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return str(value).encode(errors="replace").decode()


def _detail(error: ApprovalError) -> str:
    if not isinstance(error, ApprovalMisconfigured):
        return error.message
    logger.error("A request could not be answered: %s", error.message)
    return _("The site is not set up for this; whoever runs it has to see to it.")


def _by_path_in_body(error: ApprovalError) -> dict[str, list[str]]:
    """The errors by where they are in the request: those of a form are below its data."""
    form = error.code == "invalid_form_data"
    return {
        f"form_data.{path}" if form and path != "form_data" else path: _messages(found)
        for path, found in error.details["errors"].items()
    }


def _messages(found: Any) -> list[str]:
    return [str(message) for message in found] if isinstance(found, list) else [str(found)]


def _body(data: Any) -> dict[str, Any]:
    """What REST framework says, in the shape of everything else."""
    detail = data.get("detail") if isinstance(data, dict) else None
    if isinstance(detail, ErrorDetail):
        return {"code": detail.code, "detail": str(detail)}
    errors: dict[str, list[str]] = {}
    for path, message in _leaves(data, ""):
        errors.setdefault(path or WHOLE_BODY, []).append(message)
    text = "; ".join(f"{path}: {' '.join(found)}" for path, found in errors.items())
    return {"code": "invalid_input", "detail": text, "errors": errors}


def _leaves(data: Any, path: str) -> Iterator[tuple[str, str]]:
    """Each message with its path, as `steps[0].assigned_to`."""
    if isinstance(data, dict):
        for key, found in data.items():
            yield from _leaves(found, _below(path, key))
    elif isinstance(data, list):
        for index, found in enumerate(data):
            nested = isinstance(found, dict | list)
            yield from _leaves(found, _below(path, index) if nested else path)
    else:
        yield path, str(data)


def _below(path: str, key: Any) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key == "non_field_errors":
        return path
    return f"{path}.{key}" if path else str(key)
