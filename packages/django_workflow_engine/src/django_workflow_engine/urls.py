"""URLs of the engine, to be included under any prefix."""

from rest_framework.routers import DefaultRouter

from django_workflow_engine.views import WorkFlowViewSet

app_name = "django_workflow_engine"

router = DefaultRouter()
router.register("workflows", WorkFlowViewSet, basename="workflow")

urlpatterns = router.urls
