"""Settings as the environment has them: typed, checked, and refused in one line that says what to write instead.

An empty variable counts as none, since that is how shells and compose files leave one out. Nothing but `settings.py`
calls these functions. What may hold a password is never quoted.
"""

import os
import warnings
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import tzlocal
from django.core.exceptions import ImproperlyConfigured

ON = frozenset({"1", "true", "yes", "on", "y", "t"})
OFF = frozenset({"0", "false", "no", "off", "n", "f"})
DATABASES = frozenset({"django.db.backends.sqlite3", "django.db.backends.postgresql"})
ZONE_HINT = "write a name of the IANA list, such as Europe/Berlin, or UTC"


class WrongSetting(ImproperlyConfigured):
    """A variable's value cannot be used; the message is one line that names it and says what to write."""

    @classmethod
    def of(cls, name: str, value: str, what: str, write: str) -> "WrongSetting":
        """`NAME=value is …: write …`"""
        return cls(f"{name}={value} {what}: {write}.")


def text(name: str, default: str = "") -> str:
    """Any text."""
    return os.environ.get(name, "").strip() or default


def whole(name: str, default: int, *, low: int = 0, high: int | None = None) -> int:
    """A whole number from `low` to `high`, both included; None: without an upper end."""
    value = text(name)
    if not value:
        return default
    write = f"write {low} or more" if high is None else f"write a number from {low} to {high}"
    try:
        number = int(value)
    except ValueError:
        raise WrongSetting.of(name, value, "is not a whole number", write) from None
    if number < low or (high is not None and number > high):
        raise WrongSetting.of(name, value, "is out of range", write)
    return number


def switch(name: str, default: bool) -> bool:
    """On or off."""
    value = text(name).lower()
    if not value:
        return default
    if value not in ON | OFF:
        raise WrongSetting.of(name, value, "is neither on nor off", "write true or false")
    return value in ON


def words(name: str, default: Sequence[str] = ()) -> list[str]:
    """Texts with commas between them."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def choice(name: str, default: str, known: Sequence[str]) -> str:
    """One of `known`, in upper or lower case."""
    value = text(name, default)
    if value.upper() not in known:
        raise WrongSetting.of(name, value, "is not known", f"write one of {', '.join(known)}")
    return value.upper()


def address(name: str, default: str = "") -> str:
    """An http or https address without a slash at its end; may be empty where the default is."""
    value = text(name, default).rstrip("/")
    if value:
        _check_address(name, value)
    return value


def origins(name: str, default: Sequence[str]) -> list[str]:
    """http and https addresses with commas between them; `https://*.example.com` is one."""
    found = words(name, default)
    for value in found:
        _check_address(name, value)
    return found


def folder(name: str, default: Path, *, base: Path, make: bool = False) -> Path:
    """A folder, relative to `base`: one that is there (unless it is the default), or is made with `make`."""
    given = text(name)
    path = base / given if given else default
    try:
        if make:
            path.mkdir(parents=True, exist_ok=True)
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError("it may not be written to")
        elif given and not path.is_dir():
            raise NotADirectoryError("there is none")
    except OSError as error:
        why = error.strerror or error
        raise WrongSetting.of(name, str(path), f"cannot be used as a folder ({why})", "write another") from None
    return path


def zone(name: str) -> str:
    """A time zone by its IANA name; where the variable is not set, the machine's."""
    value = text(name)
    if value:
        if not _is_zone(value):
            raise WrongSetting.of(name, value, "is no time zone", ZONE_HINT)
        return value
    try:
        local = tzlocal.get_localzone_name() or "UTC"
    except (LookupError, ValueError, OSError):
        local = ""
    if not _is_zone(local):
        raise WrongSetting(f"{name} is not set, and the machine's own time zone cannot be told: {ZONE_HINT}.")
    return local


def database(name: str) -> dict[str, Any]:
    """Django's configuration of the database that an address names; empty where there is none."""
    value = text(name)
    if not value:
        return {}
    try:
        with warnings.catch_warnings():
            # Its warnings quote the password.
            warnings.simplefilter("ignore")
            config: dict[str, Any] = environ.Env.db_url_config(value)
    except (ImproperlyConfigured, ValueError, LookupError):
        config = {}
    if config.get("ENGINE") not in DATABASES or not config.get("NAME"):
        raise WrongSetting(
            f"{name} is not the address of a database: write postgres://USER:PASSWORD@HOST:5432/NAME, or "
            "sqlite:////FOLDER/FILE, or nothing."
        )
    return config


def redis(name: str) -> str:
    """The address of a Redis server, or nothing."""
    value = text(name)
    if value and (not _scheme_is(value, ("redis", "rediss", "unix")) or value.endswith("://")):
        raise WrongSetting(f"{name} is not the address of a Redis server: write redis://HOST:6379/0, or nothing.")
    return value


def mail(name: str) -> dict[str, Any]:
    """Django's mail settings for the server that an address names; the console's where there is none."""
    try:
        config: dict[str, Any] = environ.Env.email_url_config(text(name, "consolemail://"))
    except (ImproperlyConfigured, ValueError, LookupError):
        raise WrongSetting(
            f"{name} is not the address of a mail server: write smtp+tls://USER:PASSWORD@HOST:587, or nothing."
        ) from None
    return config


def _check_address(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        # A port that is no number is told when it is read.
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise WrongSetting.of(name, value, "is not a web address", "write it as https://tasks.example.com")


def _scheme_is(value: str, known: Sequence[str]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in known and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
