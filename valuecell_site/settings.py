"""Every setting, read once from the environment; nothing else in the project reads it.

The variables and their defaults are the contract's table (docs/operations.md lists them for operators). A value that
cannot be used ends the start in one line that names it (`valuecell_site.environment`).
"""

import os
import secrets
import zoneinfo
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from valuecell_site import environment as env
from valuecell_site.admin_theme import UNFOLD  # noqa: F401  (read by the theme, from here)

BASE_DIR = Path(__file__).resolve().parent.parent

# Zones come from PyPI's pinned tzdata, not from the machine's, so that every machine plans the same times.
zoneinfo.reset_tzpath(())

# --- where things lie -------------------------------------------------------------------------------------------------
# Relative to manage.py, so that every command reaches the same database and key from any working directory.
DATA_DIR = env.folder("DATA_DIR", BASE_DIR / "var", base=BASE_DIR, make=True)
AGENT_CARDS_DIR = env.folder("AGENT_CARDS_DIR", BASE_DIR / "agent_cards", base=BASE_DIR)
# Cards that the sample agents' launcher writes with the ports that it found free.
LOCAL_CARDS_DIR = DATA_DIR / "agent_cards"

# --- addresses --------------------------------------------------------------------------------------------------------
HOST = env.text("HOST", "127.0.0.1")
PORT = env.whole("PORT", 8000, low=1, high=65_535)
PUBLIC_URL = env.address("PUBLIC_URL", f"http://[{HOST}]:{PORT}" if ":" in HOST else f"http://{HOST}:{PORT}")
_public = urlsplit(PUBLIC_URL)
DEBUG = env.switch("DEBUG", False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", [_public.hostname or "localhost", "localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS", [PUBLIC_URL])
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")


def _secret_key() -> str:
    """The key of SECRET_KEY, or one kept in DATA_DIR that is made on the first start (readable by its owner only)."""
    if key := env.text("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    if not path.exists():
        # Written elsewhere and linked, so that of two processes that start together one makes it, and the other never
        # reads half of it.
        made = DATA_DIR / f"secret_key.{os.getpid()}"
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(made)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    key = path.read_text().strip()
    if not key:
        raise env.WrongSetting(f"{path} is empty: delete it, and the next start makes a new one.")
    return key


SECRET_KEY = _secret_key()
# Theirs from each start of `serve` on; without it the first start generates one into DATA_DIR.
ADMIN_PASSWORD = os.environ.get("ADMIN_PASSWORD", "")

# --- applications -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "csp",
    "ninja",
    "conversations",
    "tasks",
    "valuecell_site",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "valuecell_site.static_files.static_files",
    "csp.middleware.CSPMiddleware",
    "valuecell_site.middleware.admin_policy",
    "valuecell_site.middleware.ApiGate",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "valuecell_site.devices.note_device",
    "valuecell_site.middleware.person_time_zone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "valuecell_site.urls"
ASGI_APPLICATION = "valuecell_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_RESET_TIMEOUT = 3600  # seconds for which the link of a mail holds

# --- database ---------------------------------------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL")
REDIS_URL = env.redis("REDIS_URL")


def _database() -> dict[str, Any]:
    """SQLite in DATA_DIR, or what DATABASE_URL names, with what each needs to be shared by threads and processes."""
    config = env.database("DATABASE_URL")
    if not config:
        config = {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "db.sqlite3"}
    if config["ENGINE"].endswith("sqlite3"):
        # Django's, in which the threads of a process write in turn.
        config["ENGINE"] = "valuecell_site.sqlite3"
        config["OPTIONS"] = {
            # A transaction that will write takes the lock at its start: one that upgrades later fails at once with
            # "database is locked", whatever the busy timeout says.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,  # seconds that a writer waits for another
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
                "PRAGMA cache_size=-32000; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=134217728;"
            ),
        }
        # A file, since threads of one process each need a connection of their own to the same test database.
        config["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
    else:
        # Under ASGI each request has a thread of its own, so persistent connections come from a pool.
        # An answer comes within 10 s, also the one that says that there is no connection.
        config["OPTIONS"] = {**config.get("OPTIONS", {}), "pool": {"min_size": 2, "max_size": 20, "timeout": 8}}
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- frames between processes -----------------------------------------------------------------------------------------
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

# --- runs -------------------------------------------------------------------------------------------------------------
RUN_CONCURRENCY = env.whole("RUN_CONCURRENCY", 100, low=1, high=10_000)  # runs at once in one process
USER_RUN_CONCURRENCY = env.whole("USER_RUN_CONCURRENCY", 0)  # runs at once of one person, everywhere; 0: no limit
AGENT_CONCURRENCY = 20  # runs at once at one agent, unless its card says otherwise
# With a database and a channel layer that machines can share, runs go to workers through the job engine.
SCALED_OUT = bool(REDIS_URL) and DATABASES["default"]["ENGINE"].endswith("postgresql")
RUN_BACKEND = "tasks.runner.backends.inprocess.InProcessBackend"
if SCALED_OUT:
    RUN_BACKEND = "tasks.runner.backends.engine.EngineBackend"
    INSTALLED_APPS.append("procrastinate.contrib.django")
    PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "procrastinate_jobs"  # none: `tasks` is the name of an app here
LLM_BASE_URL = env.address("LLM_BASE_URL")  # an OpenAI-compatible endpoint; set, the planner asks it
LLM_API_KEY = env.text("LLM_API_KEY")
LLM_MODEL = env.text("LLM_MODEL")  # empty: the first that the endpoint lists
PLANNER = "tasks.planner.llm.LLMPlanner" if LLM_BASE_URL else "tasks.planner.rules.RulesPlanner"
FAULT_POINT = env.text("FAULT_POINT")  # for the fault tests only: where this process dies (conversations/faults.py)
RETENTION_DAYS = env.whole("RETENTION_DAYS", 90, high=36_500)  # 0 keeps all
AUDIT_RETENTION_DAYS = env.whole("AUDIT_RETENTION_DAYS", 365, high=36_500)  # 0 keeps all
ALLOW_PRIVATE_AGENTS = env.switch("ALLOW_PRIVATE_AGENTS", False)

# --- limits -----------------------------------------------------------------------------------------------------------
API_RATE = env.whole("API_RATE", 1200)  # requests a minute and user; 0: no limit
MAX_SOCKETS_PER_USER = env.whole("MAX_SOCKETS_PER_USER", 64)  # 0: no limit
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes of a request's body

# --- words and times --------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.zone("TIME_ZONE")

# --- mail -------------------------------------------------------------------------------------------------------------
vars().update(env.mail("EMAIL_URL"))
EMAIL_TIMEOUT = 8  # seconds: a page that sends a mail answers within ten
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"tasks@{_public.hostname or 'localhost'}")

# --- static files -----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
# No collectstatic step before the first start (valuecell_site.static_files).
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "valuecell_site.static_files.VersionedStorage"},
}

# --- browsers ---------------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
# The theme's menus are Alpine.js expressions (eval), its colours an inline style; scripts come from here only.
ADMIN_CONTENT_SECURITY_POLICY = {
    "default-src": [SELF],
    "script-src": [SELF, "'unsafe-eval'"],
    "script-src-attr": [NONE],
    "style-src": [SELF, "'unsafe-inline'"],
    "img-src": [SELF, "data:"],
    "object-src": [NONE],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
SECURE_SSL = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_NAME = "vct_session"  # ports of one host share cookies: a name of its own keeps other sites' apart
CSRF_COOKIE_NAME = "vct_csrf"
CSRF_FAILURE_VIEW = "valuecell_site.views.csrf_failure"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def _on_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# What `check --deploy` cannot know: redirects to https, and what HSTS says of the host's neighbours, are the proxy's to
# decide; and without a network between, there is nobody to hide cookies from.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
if not SECURE_SSL and _on_loopback(_public.hostname or ""):
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W012", "security.W016"]

# --- logs -------------------------------------------------------------------------------------------------------------
LOG_FORMAT = env.choice("LOG_FORMAT", "LINE", ("LINE", "JSON"))
METRICS_PORT = env.whole("METRICS_PORT", 0, high=65_535)  # where runner and worker tell `/metrics`; 0: nowhere
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "LINE": {
            "()": "valuecell_site.logs.EventFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "JSON": {"()": "valuecell_site.logs.JsonFormatter"},
    },
    "filters": {"without_traceback": {"()": "valuecell_site.logs.WithoutTraceback"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["without_traceback"]}
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "daphne": {"level": "WARNING"},
        # That a look at the database took longer than the second until the next one is no news on a busy machine.
        "apscheduler": {"level": "ERROR"},
        "procrastinate": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "a2a": {"level": "ERROR"},
    },
}
