"""A remote agent: its A2A card, and what the operator decided about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from conversations.ids import new_id


class SendMode(models.TextChoices):
    """How a message is sent (a2a.md, "How to send")."""

    STREAM = "stream", "Stream"
    """One streaming call: every event comes live with its metadata."""
    DETACHED = "detached", "Detached"
    """Returns at once, then subscribes: survives dropped connections on 0.3 servers too."""


class CredentialScheme(models.TextChoices):
    """How the credential is given to the agent (`tasks.agents.credentials`)."""

    BEARER = "bearer", "Bearer token"
    API_KEY = "api_key", "API key in a header"
    BASIC = "basic", "User name and password (HTTP Basic)"
    """The variable holds `name:password`."""
    OAUTH2 = "oauth2", "OAuth 2 client credentials"
    """The variable holds `client_id:client_secret`."""


class Circuit(StrEnum):
    """What stands between us and an agent (`tasks.agents.circuit`)."""

    CLOSED = "closed"
    """Messages go out."""
    OPEN = "open"
    """It did not answer several times in a row, and nothing new is sent to it for a while."""
    HALF_OPEN = "half_open"
    """That while is over: one run tries."""


class AgentQuerySet(models.QuerySet["Agent"]):
    """The questions that planner, pages and API ask of agents."""

    def enabled(self) -> AgentQuerySet:
        """Those that may be given work."""
        return self.filter(enabled=True)

    def offered(self) -> AgentQuerySet:
        """Those that pickers and planner offer: enabled, and not marked `metadata.hidden`."""
        return self.enabled().filter(hidden=False)


class Agent(models.Model):
    """An agent by its card. The credential itself is never stored: only the name of its environment variable."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200, unique=True)
    slug = models.SlugField(max_length=220, unique=True)
    """The name where it is URL-safe, else slugified and made unique; the address of the agent in the API."""
    display_name = models.CharField(max_length=200, blank=True)
    url = models.URLField(max_length=2000)
    description = models.TextField(blank=True)
    card = models.JSONField(default=dict, blank=True)
    """The card as read, 0.3 or 1.0."""
    own_card = models.JSONField(default=dict, blank=True, editable=False)
    """What is known of the card that the agent itself shows (`tasks.agents.refreshing`)."""
    card_checked_at = models.DateTimeField(null=True, editable=False)
    """When somebody began to look at it last."""
    enabled = models.BooleanField(default=True)
    hidden = models.BooleanField(default=False)
    planner_passthrough = models.BooleanField(default=False)
    max_concurrency = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    credential_env = models.CharField(max_length=200, blank=True)
    credential_scheme = models.CharField(max_length=10, choices=CredentialScheme, default=CredentialScheme.BEARER)
    credential_header = models.CharField(max_length=100, blank=True)
    """Of an API key; empty: the one that its card names, else X-API-Key."""
    credential_token_url = models.URLField(max_length=2000, blank=True)
    credential_scope = models.CharField(max_length=500, blank=True)
    """Of OAuth 2: who gives tokens, and for what."""
    max_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100_000)]
    )
    """Runs that may be started in a minute, over all processes; the others wait."""
    minute_began = models.DateTimeField(null=True, editable=False)
    minute_used = models.PositiveIntegerField(default=0, editable=False)
    """The minute that is counted, and the runs that it has had."""
    max_megabytes = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(64)]
    )
    """Of one run's answer; empty: 64."""
    max_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(30 * 86_400)]
    )
    """Of one run, where its task allows more."""
    send_mode = models.CharField(max_length=10, choices=SendMode, default=SendMode.STREAM)
    names_contexts = models.BooleanField(default=False, editable=False)
    """It calls a conversation by an id of its own, and is to hear that one again."""
    last_seen_at = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    """What is wrong with it now; empty again as soon as it answers."""
    recent_error = models.TextField(blank=True, editable=False)
    recent_error_at = models.DateTimeField(null=True, editable=False)
    """What was wrong with it last, and when, also after it answered again."""
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    open_until = models.DateTimeField(null=True, editable=False)
    probe_until = models.DateTimeField(null=True, editable=False)
    """Its circuit (`tasks.agents.circuit`): failures in a row, until when nothing new is sent to it, and until when a
    run that tries has its turn."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    """Connections are kept by (name, updated_at): a changed card is used by the next message of every process."""

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.display_name or self.name

    @property
    def concurrency(self) -> int:
        """How many runs may go on at this agent at once, over all processes."""
        return self.max_concurrency or settings.AGENT_CONCURRENCY

    def circuit(self, now: datetime) -> Circuit:
        """How its circuit stands."""
        return circuit_at(self.open_until, now)

    @property
    def input_modes(self) -> list[str]:
        """The media types that the card says it takes, in general or for one of its skills; text where it says none."""
        card = self.card if isinstance(self.card, dict) else {}
        modes = [card.get("defaultInputModes"), *(skill.get("inputModes") for skill in self.skills)]
        found = [mode for listed in modes if isinstance(listed, list) for mode in listed if isinstance(mode, str)]
        return list(dict.fromkeys(found)) or ["text/plain"]

    def takes(self, media_type: str) -> bool:
        """Whether it takes files of this type."""
        kind = media_type.partition("/")[0]
        return not {media_type, f"{kind}/*", "*/*", "*"}.isdisjoint(self.input_modes)

    @property
    def skills(self) -> list[dict[str, object]]:
        """The card's skills, each with `id`, `name`, `description`, `tags`, `examples` where the card has them."""
        skills = self.card.get("skills") if isinstance(self.card, dict) else None
        return [skill for skill in skills or [] if isinstance(skill, dict)]


def circuit_at(open_until: datetime | None, now: datetime) -> Circuit:
    """The state of a circuit that is open until then."""
    if open_until is None:
        return Circuit.CLOSED
    return Circuit.OPEN if now < open_until else Circuit.HALF_OPEN
