"""URLs of the REST API, to be included under any prefix."""

from rest_framework.routers import SimpleRouter

from approval_workflow.api.views.approvals import ApprovalStepViewSet
from approval_workflow.api.views.flows import FlowViewSet
from approval_workflow.api.views.substitutions import SubstitutionViewSet

app_name = "approval_workflow"

router = SimpleRouter()
router.register("flows", FlowViewSet, basename="flow")
router.register("approvals", ApprovalStepViewSet, basename="approval")
router.register("substitutions", SubstitutionViewSet, basename="substitution")

urlpatterns = router.urls
