"""Texts with values: `{{ previous.result }}` and its like in what an agent is asked, through jinja2's sandbox. Pure.

What a text may hold is a list, and short: names with dots, a few filters, and `if`. There are no calls, no loops and no
assignments, so that a text is as long as what is put into it and no longer. Values are data: what is inserted is never
read for braces again. A text without `{{` and `{%` is no template and is left as it is (docs/schedules.md).
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

OUTPUT_MAX = 400_000
"""Characters of a text with its values in it: a result and an event, with room to spare, and no bomb."""
NODES_MAX = 500
"""Parts of a text: names, filters, conditions and what stands between them."""
DEPTH_MAX = 40
"""Parts within parts."""
OPEN = ".*"
"""What an allowed name ends with, if every name below it is allowed too: `event.*`."""

TOO_LONG = (
    f"The text with its values is longer than {OUTPUT_MAX:,} characters: shorten them, as in "
    "{{ event.body | truncate(2000) }}."
)
LITERALLY = "To write braces as they are, put them between {% raw %} and {% endraw %}."


class CannotRender(Exception):
    """A value that the text names is not there, or the text became too long; the message says which, for people."""


class _Environment(ImmutableSandboxedEnvironment):
    """Names lead through keys of mappings and places of lists, never to an attribute of a Python object."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            return obj  # the name that is missing is the first one; `default` may still mend it
        if isinstance(obj, Mapping) and argument in obj:
            return obj[argument]
        if isinstance(obj, Mapping) and str(argument) in obj:
            return obj[str(argument)]
        if isinstance(obj, list) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined(obj=obj, name=str(argument))


def _written(value: Any) -> Any:
    """How a value stands in a text: as JSON where it is no text, and nothing for null."""
    if isinstance(value, str | Undefined):
        return value
    return "" if value is None else _to_json(value)


def _to_json(value: Any, indent: int | None = None) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises, and names it
    if indent is None:
        return json.dumps(value, ensure_ascii=False)
    # Piece by piece: a megabyte of small things forty levels deep is a hundred of them when it is indented.
    parts: list[str] = []
    length = 0
    for part in json.JSONEncoder(ensure_ascii=False, indent=min(indent, 8)).iterencode(value):
        length += len(part)
        if length > OUTPUT_MAX:
            raise CannotRender(TOO_LONG)
        parts.append(part)
    return "".join(parts)


def _of_text(function: Callable[[str], str]) -> Callable[[Any], str]:
    """A filter of texts, for any value: as it stands in a text."""
    return lambda value: function(str(_written(value)))


def _truncate(value: Any, length: int = 255, end: str = "…") -> str:
    text = str(_written(value))
    return text if len(text) <= length else text[: max(0, length - len(end))] + end[:length]


def _length(value: Any) -> int:
    """Of a list or an object its entries, else the characters that stand in the text."""
    return len(value) if isinstance(value, Mapping | list) else len(str(_written(value)))


def _default(value: Any, otherwise: Any = "") -> Any:
    return otherwise if isinstance(value, Undefined) or value is None else value


FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "length": _length,
    "lower": _of_text(str.lower),
    "tojson": _to_json,
    "trim": _of_text(str.strip),
    "truncate": _truncate,
    "upper": _of_text(str.upper),
}


def _environment() -> _Environment:
    # `{#` opens no comment here: colours and headings have it. (The lexer wants a mark; nobody types this one.)
    environment = _Environment(
        undefined=StrictUndefined,
        finalize=_written,
        keep_trailing_newline=True,
        comment_start_string="\ue000{#",
        comment_end_string="#}\ue000",
        cache_size=0,
    )
    environment.globals.clear()
    environment.filters = dict(FILTERS)
    environment.tests = {name: environment.tests[name] for name in ("defined", "none", "undefined")}
    return environment


_ENVIRONMENT = _environment()
_OPENS = re.compile(r"\{[{%]")
_CLOSES = {"{{": "}}", "{%": "%}"}
_KEY = re.compile(r"\btasks\.(?![A-Za-z_]\w*\.(?:result|status)\b)([\w-]+)(?=\.(?:result|status)\b)")
"""A key that is no name in the language of templates (`step-1`)."""
_PLAIN_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.Keyword,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
)


def is_template(text: str) -> bool:
    """Whether values are put into `text` at all."""
    return "{{" in text or "{%" in text


def check(text: str, *, allowed: Collection[str], elsewhere: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with `text` as a template, in words for the person who wrote it; empty: it can be rendered.

    `allowed` lists the names that there are when it is rendered: `previous.result`, or `event.*` for any below.
    `elsewhere` says of the first word of other names (`previous`) where they can be used.
    """
    if not is_template(text):
        return []
    try:
        tree = _parsed(text)
    except TemplateSyntaxError as error:
        return [f"Line {error.lineno}: {_sentence(error.message or 'it cannot be read')} {LITERALLY}"]
    problems = _strange(tree)
    if not problems:
        unknown = sorted({".".join(path) for path in _paths(tree) if not _is_allowed(path, allowed)})
        problems = [_unknown(name, allowed, elsewhere or {}) for name in unknown]
    return [f"{problem} {LITERALLY}" for problem in problems]


def names(text: str) -> list[str]:
    """The names that `text` asks for, each once, in its order: `["previous.result", "event.issue.title"]`."""
    if not is_template(text):
        return []
    try:
        return list(dict.fromkeys(".".join(path) for path in _paths(_parsed(text))))
    except (TemplateSyntaxError, RecursionError):
        return []


def uses(text: str, root: str) -> bool:
    """Whether `text` asks for something of `root` (`event`, `previous`)."""
    return any(name.split(".")[0] == root for name in names(text))


def pick(text: str, root: str, value: Any) -> Any:
    """As much of `value` as `text` asks for below the name `root`: enough to render it with."""
    picked: dict[str, Any] = {}
    for name in names(text):
        keys = name.split(".")
        if keys[0] != root:
            continue
        if len(keys) == 1 or not isinstance(value, Mapping):
            return value
        if keys[1] in value:
            picked[keys[1]] = value[keys[1]]
    return picked


def render(text: str, values: Mapping[str, Any]) -> str:
    """`text` with `values` in it: mappings, lists, texts, numbers, booleans and None, as JSON has them.

    Raises `CannotRender` where a value is missing (and no `default` stands in), or where the text becomes longer than
    `OUTPUT_MAX`.
    """
    if not is_template(text):
        return text
    parts: list[str] = []
    length = 0
    try:
        for part in _compiled(text).generate(dict(values)):
            length += len(part)
            if length > OUTPUT_MAX:
                raise CannotRender(TOO_LONG)
            parts.append(part)
    except UndefinedError as error:
        raise CannotRender(_missing(_parsed(text), values, str(error))) from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise CannotRender(f"The text cannot be sent: {_sentence(str(error) or type(error).__name__)}") from None
    return "".join(parts)


def _parsed(text: str) -> nodes.Template:
    try:
        return _ENVIRONMENT.parse(_with_keys_quoted(text))
    except RecursionError:
        raise TemplateSyntaxError("it is nested too deeply", 1) from None
    except ValueError:  # of thousands of digits, of which Python makes no number
        raise TemplateSyntaxError("a number in it is too long", 1) from None


def _with_keys_quoted(text: str) -> str:
    """`text` with the keys in its tags as templates can read them: `tasks["step-1"]`.

    By hand rather than by an expression from `{{` to `}}`: where many open and none closes, that takes the square of
    their number.
    """
    parts: list[str] = []
    at = 0
    while (opens := _OPENS.search(text, at)) is not None:
        end = text.find(_CLOSES[opens[0]], opens.end())
        if end < 0:
            break
        parts += (text[at : opens.start()], _KEY.sub(r'tasks["\1"]', text[opens.start() : end]))
        at = end
    return "".join((*parts, text[at:]))


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    """Kept, so that a text which is sent every minute is read once. Only of texts in which nothing is strange."""
    tree = _parsed(text)
    if strange := _strange(tree):
        raise TemplateError(strange[0])
    return _ENVIRONMENT.from_string(tree)


def _strange(tree: nodes.Template) -> list[str]:
    """What a text may not hold."""
    for number, (node, depth) in enumerate(_walk(tree, 0)):
        if number > NODES_MAX or depth > DEPTH_MAX:
            return [f"It has too many parts (over {NODES_MAX}), or parts within parts (over {DEPTH_MAX})."]
        if why := _strange_node(node):
            return [f"Line {node.lineno}: {why}"]
    return []


def _strange_node(node: nodes.Node) -> str:
    if not isinstance(node, _PLAIN_NODES):
        return f"{_word(node)} cannot be used here; only names, if, and filters can."
    if isinstance(node, nodes.Filter):
        known = ", ".join(sorted(FILTERS))
        unknown = f"there is no filter “{node.name}”. Use one of these: {known}."
        return unknown if node.name not in FILTERS else _wrong_arguments(node)
    if isinstance(node, nodes.Test) and node.name not in _ENVIRONMENT.tests:
        return f"there is no test “{node.name}”. Use “is defined” or compare with ==."
    if isinstance(node, nodes.Getattr | nodes.Getitem) and not _path(node):
        return 'a name leads on with .key, ["key"] or [0], as in tasks["step 1"].result.'
    return ""


_MOST_ARGUMENTS = {"default": 1, "tojson": 1, "truncate": 2}


def _wrong_arguments(node: nodes.Filter) -> str:
    most = _MOST_ARGUMENTS.get(node.name, 0)
    if len(node.args) > most or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return f"the filter {node.name} takes at most {most} in brackets, without names."
    first = node.args[0] if node.args else None
    is_number = isinstance(first, nodes.Const) and type(first.value) is int
    if first is not None and node.name in ("tojson", "truncate") and not is_number:
        return f"the filter {node.name} takes a number, as in {node.name}(2)."
    if len(node.args) > 1 and not (isinstance(node.args[1], nodes.Const) and isinstance(node.args[1].value, str)):
        return f'the filter {node.name} takes as its second what stands at the cut, as in {node.name}(80, "…").'
    return ""


def _walk(node: nodes.Node, depth: int) -> Iterator[tuple[nodes.Node, int]]:
    yield node, depth
    if depth <= DEPTH_MAX:
        for child in node.iter_child_nodes():
            yield from _walk(child, depth + 1)


_WORDS: dict[type[nodes.Node], str] = {
    nodes.For: "a loop (for)",
    nodes.Call: "a call",
    nodes.Assign: "an assignment (set)",
    nodes.AssignBlock: "an assignment (set)",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Macro: "a macro",
    nodes.Block: "a block",
}


def _word(node: nodes.Node) -> str:
    if isinstance(node, nodes.BinExpr):
        return f"“{node.operator}”"
    return _WORDS.get(type(node), type(node).__name__.lower())


def _paths(tree: nodes.Node) -> Iterator[tuple[str, ...]]:
    """The names below `tree`, each as long as it is written."""
    for child in tree.iter_child_nodes():
        if isinstance(child, nodes.Name | nodes.Getattr | nodes.Getitem) and (path := _path(child)):
            yield path
        else:
            yield from _paths(child)


def _path(node: nodes.Node) -> tuple[str, ...]:
    """`("event", "issue", "title")`; empty for what is no chain of names."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        above = _path(node.node)
        return (*above, node.attr) if above else ()
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        above = _path(node.node)
        return (*above, str(node.arg.value)) if above else ()
    return ()


def _is_allowed(path: tuple[str, ...], allowed: Collection[str]) -> bool:
    name = ".".join(path)
    opened = {known.removesuffix(OPEN) for known in allowed if known.endswith(OPEN)}
    return name in allowed or name in opened or any(name.startswith(f"{root}.") for root in opened)


def _unknown(name: str, allowed: Collection[str], elsewhere: Mapping[str, str]) -> str:
    if (where := elsewhere.get(name.split(".", maxsplit=1)[0])) is not None:
        return f"There is no “{name}” here: {where}"
    known = ", ".join(sorted(f"{n.removesuffix(OPEN)}.…" if n.endswith(OPEN) else n for n in allowed))
    return f"There is no “{name}” here. " + (f"These can be used: {known}." if known else "No names can be used.")


def _missing(tree: nodes.Template, values: Mapping[str, Any], otherwise: str) -> str:
    """Which of the names is missing, and what stands in its place."""
    for path in _paths(tree):
        found: Any = values
        for depth, key in enumerate(path):
            inner = _ENVIRONMENT.getitem(found, int(key) if isinstance(found, list) and key.isdigit() else key)
            if isinstance(inner, Undefined):
                whole, above = ".".join(path), ".".join(path[:depth])
                there = ", ".join(sorted(map(str, found))[:20]) if isinstance(found, Mapping) else ""
                beside = f" {above or 'There'} has: {there}." if there and above else ""
                if f"'{key}'" in otherwise or depth == 0:
                    return f"The text asks for “{whole}”, and there is no such value.{beside}"
                break
            found = inner
    return f"The text asks for a value that is not there: {_sentence(otherwise)}"


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:].rstrip(".") + "."
