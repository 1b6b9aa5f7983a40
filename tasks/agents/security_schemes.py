"""What an agent's card says of the credentials that it takes. Pure."""

from a2a.types import AgentCard, SecurityScheme


def asks_for(card: AgentCard) -> list[str]:
    """The credentials that the agent takes, each in words."""
    return sorted({words for scheme in card.security_schemes.values() if (words := _words(scheme))})


def api_key_header(card: AgentCard) -> str:
    """The header in which the agent wants its API key, as far as its card says; else empty."""
    keys = [scheme.api_key_security_scheme for scheme in card.security_schemes.values()]
    return next((key.name for key in keys if key.location == "header"), "")


def _words(scheme: SecurityScheme) -> str:
    kind = scheme.WhichOneof("scheme")
    if kind == "api_key_security_scheme":
        key = scheme.api_key_security_scheme
        return f"an API key ({key.location or 'header'} {key.name})"
    if kind == "http_auth_security_scheme":
        how = scheme.http_auth_security_scheme.scheme or "Bearer"
        return "a user name and password (HTTP Basic)" if how.lower() == "basic" else f"a token (HTTP {how})"
    if kind == "oauth2_security_scheme":
        flow = scheme.oauth2_security_scheme.flows.WhichOneof("flow") or "a flow that it does not name"
        return f"OAuth 2 ({flow.replace('_', ' ')})"
    if kind == "open_id_connect_security_scheme":
        return "OpenID Connect, which this application cannot give"
    if kind == "mtls_security_scheme":
        return "a client certificate, which this application cannot give"
    return ""
