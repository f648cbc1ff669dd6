"""What all views here have in common: closed by default, JSON only, errors in one shape."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import NotFound
from rest_framework.generics import get_object_or_404
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from approval_workflow.api.errors import answer_error
from approval_workflow.api.negotiation import JsonOnly
from approval_workflow.api.pagination import BoundedPages
from approval_workflow.api.parsers import JsonBodyParser
from approval_workflow.api.permissions import IsActivePerson
from approval_workflow.api.schema import ApprovalSchema

M = TypeVar("M", bound=Model)

KEY = re.compile(r"[0-9]{1,19}")


class ApprovalViewSet(GenericViewSet[M]):
    """Nothing here depends on how open the project's own defaults are.

    `get_queryset` returns what the person may see; everything else is not there for them.
    """

    permission_classes = (IsActivePerson,)
    parser_classes = (JsonBodyParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JsonOnly
    filter_backends = (DjangoFilterBackend,)
    pagination_class = BoundedPages
    metadata_class = None
    versioning_class = None
    schema = ApprovalSchema()
    lookup_value_regex = "[^/]+"

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return answer_error

    def get_object(self) -> M:
        """Return the row that the URL names; 404 unless the person may see it."""
        key = self.kwargs[self.lookup_field]
        if not KEY.fullmatch(key):
            raise NotFound
        return get_object_or_404(self.get_queryset(), pk=key)

    def body(self, serializer_class: type[BaseSerializer[Any]], request: Request) -> Any:
        """Return what the request says, checked."""
        serializer = serializer_class(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def page(self, rows: Any, fetch: Callable[[list[Any]], None] | None = None) -> Response:
        """Answer with a page of the rows; `fetch` reads what they lead to, all at once."""
        page = list(self.paginate_queryset(rows) or [])
        if fetch is not None:
            fetch(page)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
