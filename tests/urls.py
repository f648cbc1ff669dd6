"""URLs of the test project."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("approval_workflow.api.urls")),
    path("api/", include("django_workflow_engine.urls")),
]
