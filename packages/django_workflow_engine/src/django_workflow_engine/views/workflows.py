"""Templates with their pipelines, stages and actions, read and written as one tree."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from approval_workflow.api.fields import moment_in
from approval_workflow.api.keys import key_in_url
from approval_workflow.api.permissions import require
from approval_workflow.api.schema import answers
from approval_workflow.api.views.base import ApprovalViewSet
from approval_workflow.exceptions import Conflict
from approval_workflow.forms import is_json
from django_workflow_engine.authorship import changed_by
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.serializers import WorkFlowSerializer
from django_workflow_engine.services import (
    delete_workflow,
    get_run_statistics,
    get_workflow_approval_summary,
    get_workflow_pipeline_structure,
    get_workflow_statistics,
    preview_approvers,
    simulate,
    validate_completeness,
    versions_of,
)
from django_workflow_engine.views.bodies import (
    WorkflowObjectSerializer,
    WorkflowSimulationSerializer,
)
from django_workflow_engine.views.drawing import drawn
from django_workflow_engine.views.filters import WorkflowFilter
from django_workflow_engine.views.objects import object_named
from django_workflow_engine.views.schema import (
    COMPANY,
    DRAWN,
    FORMAT,
    OBJECT_ID,
    OBJECT_TYPE,
    SINCE,
    UNTIL,
    WORKFLOW,
)
from django_workflow_engine.views.shown import (
    WorkflowCompletenessSerializer,
    WorkflowPreviewSerializer,
    WorkflowRunStatisticsSerializer,
    WorkflowSimulatedSerializer,
    WorkflowStatisticsSerializer,
    WorkflowStructureSerializer,
    WorkflowSummarySerializer,
    WorkflowVersionSerializer,
)

SEE_ALL = "django_workflow_engine.view_workflow"
ADD = "django_workflow_engine.add_workflow"
CHANGE = "django_workflow_engine.change_workflow"
DELETE = "django_workflow_engine.delete_workflow"


class WorkFlowViewSet(ApprovalViewSet[WorkFlow]):
    """The templates that the person may see."""

    serializer_class = WorkFlowSerializer
    queryset = WorkFlow.objects.none()
    filterset_class: Any = WorkflowFilter

    def get_queryset(self) -> QuerySet[WorkFlow]:
        return WorkFlow.objects.templates().visible_to(self.request.user).order_by("name_en", "pk")

    @extend_schema(responses=answers(400, 404, ok=WorkFlowSerializer(many=True)))
    def list(self, request: Request) -> Response:
        """List the templates of your company, or all where you may view workflows."""
        return self.page(self.filter_queryset(self.get_queryset()))

    @extend_schema(responses=answers(404, ok=WorkFlowSerializer))
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a template with everything in it."""
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses=answers(400, 409, 415, created=WorkFlowSerializer))
    def create(self, request: Request) -> Response:
        """Make a template with pipelines, stages and actions, all of it or nothing."""
        require(request.user.has_perm(ADD))
        made = self._save(request)
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=answers(400, 404, 409, 415, ok=WorkFlowSerializer))
    def update(self, request: Request, pk: str) -> Response:
        """Write a template anew; lists that are not given stay as they are."""
        return self._change(request, partial=False)

    @extend_schema(responses=answers(400, 404, 409, 415, ok=WorkFlowSerializer))
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change parts of a template; a list that is given takes the place of the stored one."""
        return self._change(request, partial=True)

    @extend_schema(responses={204: None, **answers(404, 409)})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a template that no object was ever on."""
        template = self.get_object()
        require(request.user.has_perm(DELETE))
        delete_workflow(template)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=answers(404, ok=WorkflowCompletenessSerializer))
    @action(detail=True, filter_backends=())
    def validate(self, request: Request, pk: str) -> Response:
        """Say what is missing before objects can run on a template."""
        errors = validate_completeness(self.get_object())
        return Response({"complete": not errors, "errors": errors})

    @extend_schema(responses=answers(404, ok=WorkflowStructureSerializer))
    @action(detail=True, filter_backends=())
    def structure(self, request: Request, pk: str) -> Response:
        """Show pipelines and stages, as a diagram needs them."""
        return Response(get_workflow_pipeline_structure(self.get_object().pk))

    @extend_schema(responses=answers(404, ok=WorkflowSummarySerializer))
    @action(detail=True, filter_backends=())
    def summary(self, request: Request, pk: str) -> Response:
        """Count the approvals that a template asks for."""
        return Response(get_workflow_approval_summary(self.get_object().pk))

    @extend_schema(responses=answers(404, ok=WorkflowVersionSerializer(many=True)), filters=False)
    @action(detail=True, pagination_class=None, filter_backends=())
    def versions(self, request: Request, pk: str) -> Response:
        """List the versions of a template, newest first, with what runs on each."""
        found: Any = versions_of(self.get_object())
        return Response(WorkflowVersionSerializer(found, many=True).data)

    @extend_schema(
        parameters=[OBJECT_TYPE, OBJECT_ID],
        responses=answers(400, 404, ok=WorkflowPreviewSerializer(many=True)),
        filters=False,
    )
    @action(detail=True, pagination_class=None, filter_backends=())
    def preview(self, request: Request, pk: str) -> Response:
        """Say who would be asked if you put this object on the template now.

        For who may view objects of this model. Nothing is written.
        """
        template = self.get_object()
        obj = object_named(request.user, **_object_asked_for(request))
        found: Any = preview_approvers(template, obj, request.user)
        return Response(WorkflowPreviewSerializer(found, many=True).data)

    @extend_schema(
        request=WorkflowSimulationSerializer,
        responses=answers(400, 404, 415, 422, ok=WorkflowSimulatedSerializer),
    )
    @action(detail=True, methods=["post"], pagination_class=None, filter_backends=())
    def simulate(self, request: Request, pk: str) -> Response:
        """Say which way an object would take, who would be asked there, and where it would end.

        For who may view objects of this model. Nothing is written.
        """
        template = self.get_object()
        given = self.body(WorkflowSimulationSerializer, request)
        obj = object_named(request.user, given.pop("object_type"), given.pop("object_id"))
        found = simulate(template, obj, request.user, **given)
        return Response(WorkflowSimulatedSerializer(found).data)

    @extend_schema(parameters=[FORMAT], responses={**answers(400, 404, 422), **DRAWN})
    @action(detail=True, pagination_class=None, filter_backends=())
    def diagram(self, request: Request, pk: str) -> HttpResponse:
        """Draw a template."""
        return drawn(self.get_object(), request)

    @extend_schema(
        parameters=[WORKFLOW, COMPANY, SINCE, UNTIL],
        responses=answers(400, 404, ok=WorkflowRunStatisticsSerializer),
    )
    @action(detail=False, pagination_class=None, filter_backends=())
    def run_statistics(self, request: Request) -> Response:
        """Tell how runs go: how many, how long at each stage, and for whom they wait."""
        asked = {name: _read(request, name, read) for name, read in PERIOD.items()}
        company = self._company_asked_for(request)
        try:
            found = get_run_statistics(company_id=company, **asked)
        except WorkFlow.DoesNotExist:
            raise NotFound from None
        return Response(WorkflowRunStatisticsSerializer(found).data)

    @extend_schema(
        parameters=[COMPANY],
        responses=answers(400, ok=WorkflowStatisticsSerializer),
    )
    @action(detail=False, pagination_class=None, filter_backends=())
    def statistics(self, request: Request) -> Response:
        """Count templates, stages and approvals, in all and by company."""
        return Response(get_workflow_statistics(company_id=self._company_asked_for(request)))

    def _change(self, request: Request, *, partial: bool) -> Response:
        template = self.get_object()
        require(request.user.has_perm(CHANGE))
        changed = self._save(request, template, partial=partial)
        return Response(self.get_serializer(changed).data)

    def _save(self, request: Request, template: Any = None, *, partial: bool = False) -> WorkFlow:
        data = request.data
        if not is_json(data):
            message = _("Expected values that JSON knows, without NUL characters.")
            raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [message]})
        self._require_own_company(data)
        serializer = self.get_serializer(template, data=data, partial=partial)
        serializer.is_valid(raise_exception=True)
        try:
            with changed_by(request.user):
                saved: WorkFlow = serializer.save()
        except IntegrityError as error:
            raise Conflict(_("Somebody else wrote the same at this moment; try again.")) from error
        return saved

    def _require_own_company(self, data: Any) -> None:
        """Who sees the templates of their company alone writes for that company alone."""
        user = self.request.user
        if user.has_perm(SEE_ALL) or not isinstance(data, Mapping) or "company" not in data:
            return
        if str(data["company"]) != str(user.pk):
            raise ValidationError({"company": [_("Expected your own key.")]})

    def get_serializer_context(self) -> dict[str, Any]:
        user = self.request.user
        own = {} if user.has_perm(SEE_ALL) else {"company_user": user}
        return {**super().get_serializer_context(), **own}

    def _company_asked_for(self, request: Request) -> Any:
        if not request.user.has_perm(SEE_ALL):
            return request.user.pk
        return _read(request, "company", lambda text: key_in_url(get_user_model(), text))


def _workflow_key(text: str) -> Any:
    return key_in_url(WorkFlow, text)


# What run statistics can be narrowed down by, and how it is read.
PERIOD: Mapping[str, Callable[[str], Any]] = {
    "workflow_id": _workflow_key,
    "since": moment_in,
    "until": moment_in,
}


def _read(request: Request, name: str, read: Callable[[str], Any]) -> Any:
    """What a parameter says; None where it is not given, 400 where it cannot be read."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        return read(given)
    except ValueError:
        raise ValidationError({name: [_("This value cannot be used here.")]}) from None


def _object_asked_for(request: Request) -> Any:
    names = ("object_type", "object_id")
    given = {name: request.query_params[name] for name in names if name in request.query_params}
    serializer = WorkflowObjectSerializer(data=given)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data
