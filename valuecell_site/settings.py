"""Every setting, read once from the environment; nothing else in the project reads it.

The variables and their defaults are the contract's table (docs/operations.md lists them for operators).
"""

import secrets
import zoneinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import tzlocal
from csp.constants import NONE, SELF

from valuecell_site.admin_theme import UNFOLD  # noqa: F401  (read by the theme, from here)

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# Zones come from PyPI's pinned tzdata, not from the machine's, so that every machine plans the same times.
zoneinfo.reset_tzpath(())

# --- where things lie -------------------------------------------------------------------------------------------------
# Relative to manage.py, so that every command reaches the same database and key from any working directory.
DATA_DIR = BASE_DIR / env.str("DATA_DIR", "var")
DATA_DIR.mkdir(parents=True, exist_ok=True)
AGENT_CARDS_DIR = BASE_DIR / env.str("AGENT_CARDS_DIR", "agent_cards")
# Cards that the sample agents' launcher writes with the ports that it found free.
LOCAL_CARDS_DIR = DATA_DIR / "agent_cards"

# --- addresses --------------------------------------------------------------------------------------------------------
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000)
PUBLIC_URL = env.str("PUBLIC_URL", f"http://{HOST}:{PORT}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS", default=[_public.hostname or "localhost", "localhost", "127.0.0.1", "[::1]"]
)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])


def _secret_key() -> str:
    """The key of SECRET_KEY, or one kept in DATA_DIR that is made on the first start (readable by its owner only)."""
    if key := env.str("SECRET_KEY", ""):
        return str(key)
    path = DATA_DIR / "secret_key"
    try:
        # "x" lets exactly one of two processes that start together write it.
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text().strip()


SECRET_KEY = _secret_key()
# Theirs from each start of `serve` on; without it the first start generates one into DATA_DIR.
ADMIN_PASSWORD = env.str("ADMIN_PASSWORD", "")

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
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "valuecell_site.middleware.admin_policy",
    "valuecell_site.middleware.ApiGate",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
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

# --- database ---------------------------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", "")
REDIS_URL = env.str("REDIS_URL", "")


def _database() -> dict[str, Any]:
    """SQLite in DATA_DIR, or what DATABASE_URL names, with what each needs to be shared by threads and processes."""
    if not DATABASE_URL:
        config: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "db.sqlite3"}
    else:
        config = env.db_url_config(DATABASE_URL)
    if config["ENGINE"].endswith("sqlite3"):
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
        config["OPTIONS"] = {**config.get("OPTIONS", {}), "pool": {"min_size": 2, "max_size": 20, "timeout": 20}}
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
RUN_CONCURRENCY = env.int("RUN_CONCURRENCY", 100)  # runs at once in one process
USER_RUN_CONCURRENCY = env.int("USER_RUN_CONCURRENCY", 0)  # runs at once of one person, over all processes; 0: no limit
AGENT_CONCURRENCY = 20  # runs at once at one agent, unless its card says otherwise
RUN_BACKEND = "tasks.runner.backends.inprocess.InProcessBackend"
PLANNER = "tasks.planner.rules.RulesPlanner"
FAULT_POINT = env.str("FAULT_POINT", "")  # for the fault tests only: where this process dies (conversations/faults.py)
RETENTION_DAYS = env.int("RETENTION_DAYS", 90)
ALLOW_PRIVATE_AGENTS = env.bool("ALLOW_PRIVATE_AGENTS", False)

# --- limits -----------------------------------------------------------------------------------------------------------
API_RATE = env.int("API_RATE", 1200)  # requests a minute and user; 0: no limit
MAX_SOCKETS_PER_USER = env.int("MAX_SOCKETS_PER_USER", 64)  # 0: no limit
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes of a request's body
LLM_BASE_URL = env.str("LLM_BASE_URL", "")
LLM_API_KEY = env.str("LLM_API_KEY", "")
LLM_MODEL = env.str("LLM_MODEL", "")

# --- words and times --------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", "") or tzlocal.get_localzone_name() or "UTC"

# --- mail -------------------------------------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"tasks@{_public.hostname or 'localhost'}")

# --- static files -----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
# Files are served from where they lie (no collectstatic step before the first start); the finder looks each up once.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

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

# --- logs -------------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "valuecell_site.logs.EventFormatter", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "daphne": {"level": "WARNING"},
        "apscheduler": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "a2a": {"level": "ERROR"},
    },
}
