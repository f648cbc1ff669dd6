"""URLs of the REST API, to be included under any prefix. They need the extra `[api]`."""

from rest_framework.routers import SimpleRouter

from django_workflow_engine.views.attachments import WorkflowAttachmentViewSet
from django_workflow_engine.views.executions import ExecutionViewSet
from django_workflow_engine.views.workflows import WorkFlowViewSet

app_name = "django_workflow_engine"

router = SimpleRouter()
router.register("workflows", WorkFlowViewSet, basename="workflow")
router.register("attachments", WorkflowAttachmentViewSet, basename="attachment")
router.register("executions", ExecutionViewSet, basename="execution")

urlpatterns = router.urls
