"""Every address of the site, the sockets' ones excepted (`valuecell_site.asgi`)."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path, re_path

from valuecell_site import health, metrics, views
from valuecell_site.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    # After the endpoints: the gate answers 401 to nobody on every path, also on those that do not exist.
    re_path(r"^api/v1/", views.no_such_endpoint),
    path("accounts/login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("tasks.urls")),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
