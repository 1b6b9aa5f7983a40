"""Texts with values in them: what a text may hold, what it never reaches, and how long it may become."""

import json
from typing import Any

import pytest

from tasks import templating
from tasks.templating import DEPTH_MAX, FILTERS, NODES_MAX, OUTPUT_MAX, CannotRender, check, names, pick, render, uses

pytestmark = pytest.mark.database_independent

ALLOWED = ("previous.result", "run_number", "event.*", "tasks.step-1.result")
VALUES: dict[str, Any] = {
    "previous": {"result": "It rained."},
    "run_number": 7,
    "event": {
        "title": "{{ previous.result }}",
        "n": 5,
        "open": True,
        "none": None,
        "tags": ["a", "b"],
        "who": {"name": "Ümit", "items": "keys of an object, not its method"},
        "a key": "spaced",
    },
    "tasks": {"step-1": {"result": "found", "status": "completed"}},
}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Before: {{ previous.result }}", "Before: It rained."),
        ("Run {{run_number}}", "Run 7"),
        ("{{ event.who.name }} {{ event.tags[1] }} {{ event['a key'] }}", "Ümit b spaced"),
        ("{{ tasks.step-1.result }}", "found"),
        ('{{ tasks["step-1"].result }}', "found"),
        ("{{ event.n }} {{ event.open }} [{{ event.none }}]", "5 true []"),
        ("{{ event.tags }}", '["a", "b"]'),
        ("{{ event.who.items }}", "keys of an object, not its method"),
        ("{{ event.note | default('no note') }}", "no note"),
        ("{{ event.deep.deeper | default('none') }}", "none"),
        ("{% if event.n > 3 %}many{% else %}few{% endif %}", "many"),
        ("{% if event.gone is defined %}there{% else %}gone{% endif %}", "gone"),
        ("{{ event.who.name | upper }} {{ event.title | truncate(4) }} {{ event.tags | length }}", "ÜMIT {{ … 2"),
        ("{{ event.n | length }} {{ event.who.name | trim | lower }}", "1 ümit"),
        ("{% raw %}{{ left }}{% endraw %} {{ run_number }}", "{{ left }} 7"),
        ("# {#1}, {# and #} stay", "# {#1}, {# and #} stay"),
        ("no braces at all: { } }} %}", "no braces at all: { } }} %}"),
        ("line\n{{ run_number }}\n", "line\n7\n"),
    ],
)
def test_values_stand_where_they_are_named(text: str, sent: str) -> None:
    assert check(text, allowed=ALLOWED) == []
    assert render(text, VALUES) == sent


def test_values_are_data_and_are_never_read_again() -> None:
    assert render("{{ event.title }}", VALUES) == "{{ previous.result }}"
    hostile = "{% raw %}{{ run_number }}{% endraw %} {{ ''.__class__ }} </text> --- {# x #}"
    assert render("-{{ event }}-", {"event": hostile}) == f"-{hostile}-"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ event.title.__class__ }}",
        "{{ event['__class__'] }}",
        "{{ event.tags.append }}",
        "{{ event.who.keys }}",
        "{{ event.title.format }}",
        "{{ run_number.real }}",
        "{{ event['n']['__init__']['__globals__'] }}",
    ],
)
def test_no_name_leads_into_python(text: str) -> None:
    with pytest.raises(CannotRender):
        render(text, VALUES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ self }}", "There is no “self” here"),
        ("{{ range(9) }}", "a call cannot be used here"),
        ("{{ event.title() }}", "a call cannot be used here"),
        ("{{ lipsum }}", "There is no “lipsum” here"),
        ("{% for x in event %}x{% endfor %}", "a loop (for) cannot be used here"),
        ("{% set x = 1 %}", "an assignment (set) cannot be used here"),
        ("{% include '/etc/passwd' %}", "include cannot be used here"),
        ("{% import 'os' as os %}", "import cannot be used here"),
        ("{% extends 'base' %}", "extends cannot be used here"),
        ("{% macro m() %}{% endmacro %}", "a macro cannot be used here"),
        ("{{ 'a' * 1000000000 }}", "“*” cannot be used here"),
        ("{{ 9 ** 9 ** 9 }}", "“**” cannot be used here"),
        ("{{ 'a' ~ event }}", "concat cannot be used here"),
        ("{{ event | attr('x') }}", "no filter"),
        ("{{ event | map('upper') }}", "no filter"),
        ("{{ event | pprint }}", "no filter"),
        ("{{ run_number is odd }}", "no test"),
        ("{{ event | truncate('x') }}", "takes a number"),
        ("{{ event | truncate(5, 3) }}", "what stands at the cut"),
        ("{{ event | truncate(1, '', true) }}", "at most 2"),
        ("{{ event | tojson(indent=2) }}", "at most 1"),
        ("{{ event[event.n] }}", "a name leads on with"),
        ("{{ event[1:2] }}", "a name leads on with"),
        ("{{ previous.results }}", "There is no “previous.results” here. These can be used: event.…, previous.result"),
        ("{{ previous }}", "There is no “previous” here"),
        ("{{ run_number", "end of print statement"),
        ("{{ }}", "Expected an expression"),
        ("{% if event %}", "unexpected end of template"),
        ("{{ 1" + "1" * 5000 + " }}", "number in it is too long"),
    ],
)
def test_what_a_text_may_not_hold_is_said_with_what_to_write(text: str, words: str) -> None:
    problems = check(text, allowed=ALLOWED)
    assert words.casefold() in " ".join(problems).casefold()
    assert all("{% raw %}" in problem for problem in problems)


def test_every_wrong_name_is_told_and_a_name_of_elsewhere_says_where() -> None:
    told = check("{{ a }} {{ b.c }} {{ event.x }}", allowed=["run_number"], elsewhere={"event": "hooks have it."})
    assert [problem.split(" here")[0] for problem in told] == [
        "There is no “a”",
        "There is no “b.c”",
        "There is no “event.x”",
    ]
    assert "here: hooks have it." in told[2]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("{{ event.note }}", "“event.note”"),
        ("{{ event.who.age }}", "“event.who.age”"),
        ("{{ event.tags[2] }}", "“event.tags.2”"),
        ("{{ event.none.name }}", "“event.none.name”"),
        ("{{ event.note | upper }}", "“event.note”"),
        ("{{ event.note | tojson }}", "“event.note”"),
        ("{{ event.note | length }}", "“event.note”"),
    ],
)
def test_a_value_that_is_not_there_is_named(text: str, missing: str) -> None:
    with pytest.raises(CannotRender) as refused:
        render(text, VALUES)
    assert missing in str(refused.value)


def test_what_stands_beside_a_missing_name_is_told() -> None:
    with pytest.raises(CannotRender, match=r"event\.who has: items, name"):
        render("{{ event.who.age }}", VALUES)


def test_parts_are_bounded() -> None:
    assert "too many parts" in check("{{ run_number }}" * NODES_MAX, allowed=ALLOWED)[0]
    deep = "{{ run_number" + " or run_number" * (DEPTH_MAX + 1) + " }}"
    assert "parts within parts" in check(deep, allowed=ALLOWED)[0]
    assert "nested too deeply" in check("{{ " + "(" * 20_000 + " }}", allowed=ALLOWED)[0]


@pytest.mark.parametrize("piece", ["{{", "{%", "{{ tasks.a-", "{{ '", "{% raw %}", "{{ {"])
def test_tags_that_never_close_are_refused_and_take_no_time_of_their_square(piece: str) -> None:
    # With an expression from “{{” to “}}” the first of these took four seconds.
    assert len(check(piece * (32_000 // len(piece)), allowed=ALLOWED)) == 1


def test_a_text_becomes_so_long_and_no_longer() -> None:
    assert len(render("{{ event }}", {"event": "x" * OUTPUT_MAX})) == OUTPUT_MAX
    for text in ("{{ event }}.", "{{ event }}{{ event }}"):
        with pytest.raises(CannotRender, match=r"truncate\(2000\)"):
            render(text, {"event": "x" * OUTPUT_MAX})


def test_an_indented_value_is_no_bomb() -> None:
    value: Any = [1] * 100_000
    for _ in range(39):
        value = [value]
    with pytest.raises(CannotRender, match="longer than 400,000 characters"):
        render("{{ event | tojson(8) }}", {"event": value})
    assert json.loads(render("{{ event | tojson(2) }}", {"event": {"a": [1, "ü"]}})) == {"a": [1, "ü"]}


def test_a_value_that_is_nested_without_end_is_told_and_breaks_nothing() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(CannotRender):
        render("{{ event }}", {"event": value})
    while isinstance(value, list):  # taken apart from outside: freed at once, it would need as deep a stack
        value = value.pop()


@pytest.mark.parametrize("text", ["{{ event | truncate(0) }}", "{{ event | truncate(2, '.....') }}"])
def test_a_cut_shorter_than_its_mark_is_still_a_cut(text: str) -> None:
    assert check(text, allowed=ALLOWED) == []
    assert render(text, {"event": "abcdef"}) in ("", "..")


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_takes_every_kind_of_value(name: str) -> None:
    for value in ("text", 5, 1.5, True, None, [1], {"a": 1}):
        assert isinstance(render("{{ event | %s }}" % name, {"event": value}), str)  # noqa: UP031 (braces)


def test_a_text_that_was_not_checked_is_checked_when_it_is_rendered() -> None:
    with pytest.raises(CannotRender, match="a call"):
        render("{{ event.title.upper() }}", VALUES)


def test_the_names_of_a_text_are_known_before_it_is_rendered() -> None:
    text = "{{ event.a.b | default(previous.result) }} {% if run_number %}{{ event.a.b }}{% endif %}"
    assert sorted(names(text)) == ["event.a.b", "previous.result", "run_number"]
    assert uses(text, "event")
    assert not uses(text, "tasks")
    assert not uses("event and previous, in words", "event")
    assert names("{{ broken") == []


def test_of_a_value_only_what_is_named_is_kept() -> None:
    event = {"a": {"b": 1}, "secret": 2}
    assert pick("{{ event.a.b }}", "event", event) == {"a": {"b": 1}}
    assert pick("{{ event }}", "event", event) == event
    assert pick("{{ run_number }}", "event", event) == {}


def test_what_is_no_template_is_left_as_it_is() -> None:
    for text in ("", "a { b } c", "100 %}", "}} {"):
        assert not templating.is_template(text)
        assert (check(text, allowed=()), render(text, {})) == ([], text)
