"""The ASGI application: Django for HTTP, the gateways and the sockets beside it."""

import os
from typing import cast

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "valuecell_site.settings")
http = get_asgi_application()  # Sets Django up, which the imports below need.

from conversations.hub import hub  # noqa: E402
from conversations.routing import websocket_urlpatterns  # noqa: E402
from valuecell_site.gateways import App, Gateways, gateways  # noqa: E402
from valuecell_site.sockets import OriginGate, SignedIn, ended  # noqa: E402

hub.check = ended

application = ProtocolTypeRouter(
    {
        "http": Gateways(cast(App, http), gateways()),
        "websocket": OriginGate(SignedIn(URLRouter(websocket_urlpatterns))),
    }
)
