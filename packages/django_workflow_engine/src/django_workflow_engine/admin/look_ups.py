"""Answers to those who look for a role, a form or a department as they type."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.exceptions import NotRegistered
from django.core.paginator import Paginator
from django.db.models import CharField, Model, Q, QuerySet
from django.http import Http404, HttpRequest, JsonResponse

from django_workflow_engine.admin.builder.objects import in_order, label_of, model_of

PAGE_SIZE = 20


def look_up(site: AdminSite, request: HttpRequest, kind: str) -> JsonResponse:
    """Return a page of the objects that fit what was typed, in the form that select2 reads."""
    model = model_of(kind)
    if model is None:
        raise Http404
    found = _found(site, request, model, request.GET.get("term", "").strip())
    page = Paginator(in_order(found), PAGE_SIZE).get_page(request.GET.get("page"))
    results = [{"id": str(row.pk), "text": label_of(row)} for row in page.object_list]
    return JsonResponse({"results": results, "pagination": {"more": page.has_next()}})


def _found(site: AdminSite, request: HttpRequest, model: type[Model], term: str) -> QuerySet[Any]:
    """The rows that fit: as the model's own admin searches, else by all texts of the model."""
    try:
        page = site.get_model_admin(model)
    except NotRegistered:
        page = None
    if page is not None and page.get_search_fields(request):
        rows, _duplicates = page.get_search_results(request, page.get_queryset(request), term)
        # By key: a search through relations gives a row several times.
        return model._default_manager.filter(pk__in=rows.order_by().values("pk"))
    rows = model._default_manager.all()
    return rows.filter(_contains(model, term)) if term else rows


def _contains(model: type[Model], term: str) -> Q:
    fits = Q()
    for field in model._meta.concrete_fields:
        if isinstance(field, CharField) and not field.is_relation:
            fits |= Q(**{f"{field.name}__icontains": term})
    return fits
