"""What a browser keeps for the time without a connection holds nothing of anybody, and changes with the files."""

import json
import re

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

from valuecell_site.static_files import version


@pytest.mark.django_db
def test_the_page_is_the_same_for_everybody_and_needs_nobody(client: Client, user: User) -> None:
    before = client.get("/offline/")
    client.force_login(user)
    after = client.get("/offline/")
    assert (before.status_code, after.content) == (200, before.content)


@pytest.mark.django_db
def test_the_worker_keeps_files_that_there_are_under_this_version(client: Client) -> None:
    response = client.get("/offline_worker.js")
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert response["Cache-Control"] == "no-cache"
    text = response.content.decode()
    assert f"offline-{version()}" in text
    (files,) = re.findall(r"const FILES = (\[.*\]);", text)
    for address in json.loads(files):
        assert version() in address
        assert client.get(address).status_code == 200
    page = client.get("/offline/").content.decode()
    for address in re.findall(r'(?:src|href)="(/static/[^"#]+)', page):
        assert address in files or address.endswith(".webmanifest")


@pytest.mark.django_db
def test_the_manifest_names_icons_that_there_are(client: Client) -> None:
    response = client.get("/static/site/manifest.webmanifest")
    assert response["Content-Type"] == "application/manifest+json"
    manifest = json.loads(response.content)
    assert (manifest["start_url"], manifest["scope"]) == ("/", "/")
    for icon in manifest["icons"]:
        assert finders.find(f"site/{icon['src'].removeprefix('./')}")
