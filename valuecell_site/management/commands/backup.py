"""`manage.py backup FILE`: a copy of the SQLite database as it is at one moment, while it is being written."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection


class Command(BaseCommand):
    """Copies by SQLite's online backup, which blocks no writer, and looks whether the copy is whole."""

    help = "Copy the SQLite database into FILE while it is in use. PostgreSQL has pg_dump (docs/operations.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to, and whether the key goes along."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--with-key", action="store_true", help="copy the secret key too, into FILE.secret_key")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        """Copy beside FILE, check, and only then take its place: an earlier backup stays until there is a better."""
        if connection.vendor != "sqlite":
            raise CommandError(
                "This is for SQLite. For PostgreSQL: pg_dump --format=custom --file FILE DATABASE_URL; back with "
                "pg_restore --no-owner --dbname DATABASE_URL FILE."
            )
        file: Path = options["file"].resolve()
        if file == Path(settings.DATABASES["default"]["NAME"]).resolve():
            raise CommandError(f"{file} is the database itself: name another file.")
        if not file.parent.is_dir():
            raise CommandError(f"{file.parent} is not a folder: make it first.")
        partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
        try:
            partial.touch(mode=0o600)
            _copy(partial)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        if options["with_key"]:
            _keep_key(file.with_name(f"{file.name}.secret_key"))
        self.stdout.write(f"{file}: {file.stat().st_size:,} bytes, whole.")
        if not options["with_key"]:
            self.stdout.write("The secret key is not in it (--with-key): without it everybody signs in anew, and the")
            self.stdout.write("secrets of hooks and webhooks are others.")


def _copy(to: Path) -> None:
    connection.ensure_connection()
    source = sqlite3.connect(f"file:{settings.DATABASES['default']['NAME']}?mode=ro", uri=True, timeout=20)
    target = sqlite3.connect(to)
    try:
        # In one step: in WAL mode that keeps no writer waiting, and in steps each of their commits would begin it anew.
        source.backup(target)
        # One file, without a log beside it.
        target.execute("PRAGMA journal_mode=DELETE")
        (found,) = target.execute("PRAGMA integrity_check").fetchone()
    finally:
        target.close()
        source.close()
    if found != "ok":
        raise CommandError(f"The copy is not whole ({found}): look at the database, and at the disk.")


def _keep_key(to: Path) -> None:
    to.touch(mode=0o600)
    to.chmod(0o600)
    to.write_text(settings.SECRET_KEY)
