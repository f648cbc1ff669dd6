"""Pages of bounded size."""

import re
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

LAST_PAGE = 999_999_999
NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class BoundedPages(PageNumberPagination):
    """`?page=` and `?page_size=`, with the number of all rows as `count`."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        """Return the rows of the page asked for; 400 for what is no page, 404 beyond the last."""
        page = _number(request, self.page_query_param)
        size = _number(request, self.page_size_query_param)
        errors = {}
        if page == 0:
            errors[self.page_query_param] = [_("Expected a whole number of at least 1.")]
        if size is not None and not 1 <= size <= self.max_page_size:
            errors[self.page_size_query_param] = [
                _("Expected a whole number from 1 to %(most)s.") % {"most": self.max_page_size}
            ]
        if errors:
            raise ValidationError(errors)
        return super().paginate_queryset(queryset, request, view)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: Sequence[dict[str, Any]] = super().get_schema_operation_parameters(view)
        bounds: dict[str, dict[str, int]] = {
            self.page_query_param: {"minimum": 1, "maximum": LAST_PAGE},
            self.page_size_query_param: {
                "minimum": 1,
                "maximum": self.max_page_size,
                "default": self.page_size,
            },
        }
        return [
            {**parameter, "schema": parameter["schema"] | bounds[parameter["name"]]}
            for parameter in parameters
        ]


def _number(request: Request, name: str) -> int | None:
    """The number that a parameter holds; None where it is not given, 0 for anything else."""
    given = request.query_params.get(name)
    if given is None:
        return None
    return int(given) if NUMBER.fullmatch(given) else 0
