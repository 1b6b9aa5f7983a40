"""Every address of the site, the sockets' ones excepted (`valuecell_site.asgi`)."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path, re_path

from tasks.gateways.a2a.card import agent_card
from valuecell_site import devices, health, metrics, offline, signin, views
from valuecell_site.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    # After the endpoints: the gate answers 401 to nobody on every path, also on those that do not exist.
    re_path(r"^api/v1/", views.no_such_endpoint),
    path("accounts/login/", signin.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("accounts/password/", signin.Change.as_view(), name="password_change"),
    path("accounts/password/changed/", signin.Changed.as_view(), name="password_changed"),
    path("accounts/password/forgotten/", signin.Forgotten.as_view(), name="password_forgotten"),
    path("accounts/password/forgotten/sent/", signin.MailSent.as_view(), name="password_mail_sent"),
    path("accounts/password/new/done/", signin.WasSet.as_view(), name="password_set"),
    path("accounts/password/new/<uidb64>/<token>/", signin.SetNew.as_view(), name="password_new"),
    path("settings/devices/", devices.sign_out_devices, name="sign_out_devices"),
    path("admin/", admin.site.urls),
    path(".well-known/agent-card.json", agent_card, name="agent_card"),
    path("a2a/.well-known/agent-card.json", agent_card),
    path("offline/", offline.page, name="offline"),
    path("offline_worker.js", offline.worker, name="offline_worker"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("tasks.urls")),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
