"""The page of one object: where it stands, what happened, and the decision of its reader."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from django_workflow_engine.services import get_workflow_attachment, get_workflow_progress
from purchasing.catalogue import KINDS
from purchasing.decision import DecisionForm, step_for
from purchasing.history import history_of


@login_required
def item_page(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Show an object to those who may see it, and take the decision of whoever must decide."""
    if kind not in KINDS:
        raise Http404
    obj = get_object_or_404(KINDS[kind].visible_to(request.user), pk=pk)
    step = step_for(request.user, obj)
    form = DecisionForm(step, request.POST or None) if step else None
    if form and form.is_bound and form.is_valid() and form.decide(obj, request):
        messages.success(request, _("The decision is recorded."))
        return redirect("item-page", kind=kind, pk=pk)
    status = 400 if form and form.is_bound else 200
    return render(request, "purchasing/item.html", _context(obj, kind, form), status=status)


def _context(obj: Model, kind: str, form: DecisionForm | None) -> dict[str, object]:
    attachment = get_workflow_attachment(obj)
    return {
        "obj": obj,
        "kind": obj._meta.verbose_name,
        "owner": getattr(obj, KINDS[kind].owner_field),
        "attachment": attachment,
        "progress": get_workflow_progress(attachment.workflow, obj) if attachment else None,
        "history": history_of(obj),
        "form": form,
    }
