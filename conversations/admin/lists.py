"""Admin pages for tables that may hold millions of rows: no full count, no unbounded list, nothing written past the
services.
"""

# ruff: noqa: ARG002  (the framework's signatures)

import json
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.views import ChangeList

COUNT_AHEAD = 10_000
"""Rows counted beyond the page that is shown: what an index gives in a few milliseconds, and 200 pages to jump to."""
PAGE = 50
SLACK = timedelta(days=1)
"""How far the clock that made an id may have been from the row's own time."""
EXCERPT = 90


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts to a bound and no further; `more` says that there is more than that."""

    template_name = "admin/bounded_pagination.html"
    bound = COUNT_AHEAD

    @cached_property
    def _counted(self) -> int:
        # Neither order nor columns matter to a count, and they would be most of its work.
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: self.bound + 1].count())

    @cached_property
    def count(self) -> int:
        """How many rows there are, `bound` at most."""
        return min(self._counted, self.bound)

    @property
    def more(self) -> bool:
        """Whether there are more rows than `count` says."""
        return self._counted > self.bound


class PageList(ChangeList):
    """A list whose admin may add to the rows of the one page that is shown (`prepare_page`), instead of to all."""

    queryset: QuerySet[Any]
    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """Read the page."""
        # Actions go on with the rows as they were filtered, without what only the page shows.
        filtered = self.queryset
        self.queryset = self.model_admin.annotate_page(filtered).prefetch_related(*self.model_admin.list_prefetch)
        super().get_results(request)
        self.queryset = filtered
        self.result_list = list(self.result_list)
        self.model_admin.prepare_page(self.result_list)
        if self.paginator.more or not (self.query or self.get_filters_params()):
            # The page's head has a number only where that is exact and there is something to show beside it.
            self.full_result_count = self.result_count


class ListAdmin(ModelAdmin):
    """What every admin of this project does alike."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet is one more count of everything
    list_per_page = PAGE
    list_max_show_all = PAGE
    list_filter_submit = True
    list_fullwidth = True
    list_select_related: Sequence[str] = []
    """Never a join: SQLite's planner may begin with the other table, and then sorts everything."""
    list_prefetch: Sequence[str] = ()
    """What the columns show of other tables: one query each, for the page."""
    sortable_by: Sequence[str] = ()
    """Only what an index can order: a click on a column's head never sorts a million rows."""
    id_fields: Sequence[str] = ("pk",)
    """Where an id that is searched for may stand."""
    search_ids_only = False
    """Where nothing indexes the words."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Lists by `PageList`."""
        return PageList

    def get_paginator(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        per_page: int,
        orphans: int = 0,
        allow_empty_first_page: bool = True,
    ) -> BoundedPaginator:
        """Count `COUNT_AHEAD` rows past the page that is asked for, so that one can go on from any page."""
        paginator = BoundedPaginator(queryset, per_page, orphans, allow_empty_first_page)
        page = request.GET.get("p") or request.GET.get("page") or ""
        paginator.bound = COUNT_AHEAD + per_page * (int(page) if page.isdecimal() and len(page) < 9 else 1)
        return paginator

    def annotate_page(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """What is computed in the query, for the rows of the page only."""
        return rows

    def prepare_page(self, rows: list[Any]) -> None:
        """What is looked up for all rows of the page at once."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """An id finds its row (or, by `id_fields`, the rows that name it); other words are looked for in the texts."""
        wanted = as_uuid(search_term)
        if wanted is not None:
            named = Q.create([(name, wanted) for name in self.id_fields], connector=Q.OR)
            return queryset.filter(named), False
        if search_term and self.search_ids_only:
            return queryset.none(), False
        found: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)
        return found


class ReadOnlyAdmin(ListAdmin):
    """Rows to look at: what happens to them, happens through the services."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody; actions ask for `operate` (see `has_operate_permission`)."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_operate_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Whoever may change these rows, through the services."""
        opts = self.model._meta
        return bool(request.user.has_perm(f"{opts.app_label}.change_{opts.model_name}"))


class DayRangeFilter(RangeDateFilter):
    """From one day to another, both included, in the reader's zone. For tables whose ids are UUIDv7."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of these days; a day that cannot be read is as if none was given."""
        begin = _day(self.used_parameters.get(f"{self.parameter_name}_from"))
        end = _day(self.used_parameters.get(f"{self.parameter_name}_to"))
        if begin is not None:
            moment = _midnight(begin)
            queryset = queryset.filter(**{f"{self.parameter_name}__gte": moment}, pk__gte=first_id_at(moment - SLACK))
        if end is not None and end < date.max:
            moment = _midnight(end + timedelta(days=1))
            queryset = queryset.filter(**{f"{self.parameter_name}__lt": moment}, pk__lt=first_id_at(moment + SLACK))
        return queryset


def first_id_at(moment: datetime) -> UUID:
    """The lowest UUIDv7 of a moment: ids are in the order of creation, so that the primary key serves as its index."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def as_uuid(text: str) -> UUID | None:
    """The id that `text` is, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def excerpt(text: str, length: int = EXCERPT) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text[: length * 2].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def moment(value: datetime | None) -> str | SafeString:
    """A moment in the reader's zone, to the minute, with the exact one on focus."""
    if value is None:
        return "–"
    local = timezone.localtime(value)
    return format_html(
        '<time datetime="{}" title="{}" class="whitespace-nowrap">{}</time>',
        value.isoformat(),
        local.isoformat(sep=" ", timespec="milliseconds"),
        local.strftime("%Y-%m-%d %H:%M"),
    )


def link(model: type[Model] | Model, pk: object, text: str) -> str | SafeString:
    """A link to a row's page in admin."""
    opts = model._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[pk])
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', url, text)


def filtered_link(model: type[Model], text: str, **filters: object) -> str | SafeString:
    """A link to a list in admin, filtered."""
    opts = model._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return format_html(
        '<a href="{}?{}" class="text-primary-600 dark:text-primary-500">{}</a>', url, urlencode(filters), text
    )


def pretty(value: Any) -> SafeString:
    """JSON to read."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="whitespace-pre-wrap break-words text-xs font-mono leading-relaxed">{}</pre>', text)


def prose(text: str) -> str | SafeString:
    """A text as it was written, line by line."""
    if not text:
        return "–"
    return format_html('<div class="whitespace-pre-wrap break-words">{}</div>', text)


def _day(text: object) -> date | None:
    value = text[0] if isinstance(text, list) and text else text
    try:
        return date.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
