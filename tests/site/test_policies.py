"""Which Content-Security-Policy a page carries: strict everywhere, admin's own on admin's pages only."""


def policy(client, path: str) -> dict[str, str]:
    text = client.get(path)["Content-Security-Policy"]
    return {part.split()[0]: part for part in text.split("; ")}


def test_pages_allow_no_inline_script_or_style(client, db):
    assert "unsafe" not in str(policy(client, "/accounts/login/"))


def test_admin_has_its_own(client, db):
    assert "'unsafe-eval'" in policy(client, "/admin/login/")["script-src"]
    assert policy(client, "/admin/login/")["frame-ancestors"] == "frame-ancestors 'none'"


def test_the_docs_page_may_style_itself_and_runs_our_scripts_only(client):
    found = policy(client, "/api/v1/docs")
    assert "'unsafe-inline'" in found["style-src"]
    assert "unsafe" not in found.get("script-src", found["default-src"])
