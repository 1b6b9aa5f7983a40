"""A person's API tokens by the JSON API: what there is, making one (shown this once), and revoking it."""

from datetime import datetime
from typing import Annotated, Literal

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from conversations import audit
from conversations.audit import Act
from conversations.described import described
from conversations.schemas import Id, Moment, moment, moment_or_none
from conversations.wire import (
    Absent,
    Instant,
    Invalid,
    PageQuery,
    Refused,
    answer,
    cursor_id,
    cursor_of,
    page,
    path_id,
    person,
    read_body,
    read_query,
)
from tasks.scopes import Scope, granted, missing
from valuecell_site.auth import bearer_of
from valuecell_site.models import ApiToken, token_digest

router = Router(tags=["tokens"])

TOKENS_MAX = 100
"""Tokens of one person that are not revoked: more than anybody tells apart."""


class TokenIn(BaseModel):
    """`POST /tokens`: what it is for, what it may be used for (without: all that its maker may), and until when."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)] = ""
    scopes: Annotated[list[Literal["read", "run", "manage"]], Field(min_length=1, max_length=3)] | None = None
    expires_at: Instant | None = None


class TokenOut(TypedDict):
    """A token; its text was shown when it was made, `prefix` is how it begins."""

    id: Id
    name: str
    prefix: str
    scopes: list[str]
    created_at: Moment
    last_used_at: Moment | None
    expires_at: Moment | None


class NewTokenOut(TokenOut):
    """A token that was just made, with its text, this once."""

    secret: str


class TokenPage(TypedDict):
    """One page of tokens, newest first."""

    items: list[TokenOut]
    next_cursor: str | None


class TooManyTokens(Refused):
    """There are as many as a person may have."""

    status = 409
    code = "too_many_tokens"


class ScopeMissing(Refused):
    """A token may not make one that may do more."""

    status = 403
    code = "scope_missing"


def token_out(token: ApiToken) -> TokenOut:
    """A token as the API shows it."""
    return {
        "id": str(token.pk),
        "name": token.name,
        "prefix": token.prefix,
        "scopes": sorted(granted(token.scopes)),
        "created_at": moment(token.created_at),
        "last_used_at": moment_or_none(token.last_used_at),
        "expires_at": moment_or_none(token.expires_at),
    }


def issue(
    user: User,
    *,
    name: str,
    scopes: list[Scope],
    expires_at: datetime | None,
    maker: ApiToken | None,
    request: HttpRequest,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Make a token of `user`; returns its row and its text. `scopes`: none means all that its maker may.

    `maker` is the token that asks for it, None where a session does. Raises `ScopeMissing`, `Invalid`, `TooManyTokens`.
    """
    if maker is not None:
        held = granted(maker.scopes)
        if beyond := sorted(set(scopes) - held):
            raise ScopeMissing(missing(Scope(beyond[0]), held))
        # An empty list is everything, also what a later version adds.
        scopes = scopes or [Scope(scope) for scope in maker.scopes]
        if maker.expires_at is not None and (expires_at is None or expires_at > maker.expires_at):
            last = maker.expires_at.isoformat()
            raise Invalid.at("expires_at", f"A token cannot make one that outlives it: write {last} or earlier.")
    if expires_at is not None and expires_at <= now:
        raise Invalid.at("expires_at", "It is past already: give a moment in the future, or none.")
    if ApiToken.objects.filter(user=user, revoked_at=None).count() >= TOKENS_MAX:
        raise TooManyTokens(f"You have {TOKENS_MAX} tokens: revoke one first.")
    with transaction.atomic():
        row, text = ApiToken.issue(user_id=user.pk, name=name.strip(), scopes=scopes, expires_at=expires_at)
        audit.record(Act.TOKEN_MADE, now=now, request=request, subject=row, scopes=sorted(granted(row.scopes)))
    return row, text


@router.get("", response={200: TokenPage}, openapi_extra=described(query=PageQuery))
def list_tokens(request: HttpRequest) -> JsonResponse:
    """The person's tokens that are not revoked, newest first. Needs a session, or the scope `manage`."""
    query = read_query(request, PageQuery)
    rows = ApiToken.objects.filter(user=person(request), revoked_at=None).order_by("-id")
    if (before := cursor_id(query.cursor, "tokens")) is not None:
        rows = rows.filter(pk__lt=before)
    return page(rows[: query.limit + 1], query.limit, show=token_out, cursor=lambda row: cursor_of("tokens", row.pk))


@router.post("", response={201: NewTokenOut}, openapi_extra=described(body=TokenIn))
def create_token(request: HttpRequest) -> JsonResponse:
    """Make a token. Its text is `secret` in this answer, and never again. One that a token makes may do no more, and
    lives no longer, than that.
    """
    sent = read_body(request, TokenIn)
    token, secret = issue(
        person(request),
        name=sent.name,
        scopes=[Scope(name) for name in sent.scopes or ()],
        expires_at=sent.expires_at,
        maker=_maker(request),
        request=request,
        now=timezone.now(),
    )
    return answer({**token_out(token), "secret": secret}, 201)


@router.delete("/{token_id}", response={204: None})
def revoke_token(request: HttpRequest, token_id: str) -> HttpResponse:
    """From now on it opens nothing; its sockets are closed within seconds. A token may revoke itself."""
    mine = ApiToken.objects.filter(pk=path_id(token_id), user=person(request), revoked_at=None)
    now, token = timezone.now(), mine.first()
    with transaction.atomic():
        if token is None or not mine.update(revoked_at=now):
            raise Absent("There is no such token here: GET /api/v1/tokens lists yours.")
        audit.record(Act.TOKEN_REVOKED, now=now, request=request, subject=token)
    return HttpResponse(status=204)


def _maker(request: HttpRequest) -> ApiToken | None:
    token = bearer_of(request.headers.get("Authorization", ""))
    return ApiToken.objects.get(digest=token_digest(token)) if token is not None else None
