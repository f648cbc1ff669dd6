"""URLs of the example project."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from config.api import router
from purchasing.item import item_page
from purchasing.pages import front_page

urlpatterns = [
    path("", front_page, name="front-page"),
    path("items/<slug:kind>/<int:pk>/", item_page, name="item-page"),
    path("sign-in/", LoginView.as_view(template_name="purchasing/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(next_page="front-page"), name="sign-out"),
    path("language/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
    path("api/session/", include("rest_framework.urls")),
    path("api/", include("approval_workflow.api.urls")),
    path("api/", include("django_workflow_engine.urls")),
]
