"""`create_api_token USERNAME`: the token alone on its last line, or a clear refusal."""

import pytest
from django.core.management import CommandError, call_command

from tests.api_client import Program
from valuecell_site.auth import user_for_bearer


def test_the_last_line_is_a_token_that_opens_the_api(ana: Program, capsys):
    call_command("create_api_token", "ana")
    token = capsys.readouterr().out.splitlines()[-1]
    assert token == token.strip()
    assert len(token) > 20
    assert user_for_bearer(token) == ana.user


def test_an_unknown_user_is_named_with_those_that_exist(ana: Program):
    with pytest.raises(CommandError, match=r"no user “anna”.*ana"):
        call_command("create_api_token", "anna")


def test_an_inactive_user_gets_none(ana: Program):
    ana.user.is_active = False
    ana.user.save()
    with pytest.raises(CommandError, match="inactive"):
        call_command("create_api_token", "ana")
