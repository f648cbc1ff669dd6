"""From the errors of the packages to those of REST framework."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import ProtectedError
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.settings import api_settings

from approval_workflow.exceptions import (
    ApprovalError,
    ApprovalMisconfigured,
    ApprovalPermissionDenied,
    Conflict,
    InvalidDelegate,
    InvalidFormData,
    UnknownAction,
)
from django_workflow_engine.exceptions import StatusUnknown, UnknownPipeline, UnknownStage

# A place in nested data: names of fields and positions in lists.
Path = tuple[str | int, ...]

# The field whose value an error is about; other errors are about the request as a whole.
FIELD_OF_ERROR: dict[type[ApprovalError], str] = {
    UnknownAction: "action",
    UnknownStage: "stage_id",
    UnknownPipeline: "pipeline_id",
    InvalidDelegate: "user_id",
    StatusUnknown: "status",
}


class ConflictError(APIException):
    """The object is not in a state in which this can be done; the code says why."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


@contextmanager
def as_api_errors() -> Iterator[None]:
    """Turn what the services raise into the exceptions that REST framework answers with."""
    try:
        yield
    except ApprovalMisconfigured:
        raise  # the host's mistake, not the client's
    except ApprovalPermissionDenied as error:
        raise PermissionDenied(error.message, code=error.code) from error
    except Conflict as error:
        raise ConflictError(error.message, code=error.code) from error
    except InvalidFormData as error:
        raise ValidationError({"form_data": error.errors}, code=error.code) from error
    except ApprovalError as error:
        raise ValidationError({_field_of(error): [error.message]}, code=error.code) from error
    except ProtectedError as error:
        message = _("Something here is in use by objects that are under way.")
        raise ConflictError(message, code="in_use") from error


def nested_errors(errors: Iterable[tuple[Path, Any]]) -> dict[str, Any]:
    """Return the messages as REST framework nests them.

    Errors in a list come by position, or, before LIST_SERIALIZER_ERRORS_AS_DICT, as a list with
    `{}` where all is well.
    """
    by_place: dict[Any, Any] = {}
    for path, messages in errors:
        place = by_place
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = messages
    return by_place if _lists_as_dictionaries() else _with_lists(by_place)


def _lists_as_dictionaries() -> bool:
    return bool(getattr(api_settings, "LIST_SERIALIZER_ERRORS_AS_DICT", False))


def _with_lists(errors: Any) -> Any:
    if not isinstance(errors, dict):
        return errors
    converted = {name: _with_lists(found) for name, found in errors.items()}
    if all(isinstance(name, int) for name in converted):
        return [converted.get(index, {}) for index in range(max(converted) + 1)]
    return converted


def _field_of(error: ApprovalError) -> str:
    field = FIELD_OF_ERROR.get(type(error))
    return field or str(api_settings.NON_FIELD_ERRORS_KEY)
