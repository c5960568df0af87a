"""Reads the catalogues, and what the code asks of them."""

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

import wabot_tray
from wabot_tray.system.paths import resource

PACKAGE = Path(wabot_tray.__file__).parent
_KEY = re.compile(r"[a-z_]+(\.[a-z0-9_-]+)+")
_TEXT_CALLS = ("t", "tn")


@cache
def catalogue(language: str, domain: str) -> dict[str, tuple[str, ...]]:
    """Return the sentences by key; more than one where there are plurals."""
    path = resource("locale", language, "LC_MESSAGES", f"{domain}.po")
    with path.open("rb") as file:
        read = read_po(file, locale=language, abort_invalid=True)
    texts: dict[str, tuple[str, ...]] = {}
    for message in read:
        if not message.id:
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        said = message.string or ""
        texts[key] = (said,) if isinstance(said, str) else tuple(said)
    return texts


def raw_keys(language: str, domain: str) -> list[str]:
    """Return the keys as the file has them, doubles included."""
    path = resource("locale", language, "LC_MESSAGES", f"{domain}.po")
    found = re.findall(r'^msgid "(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    return list(found)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@dataclass(frozen=True)
class Call:
    """One place that asks for a sentence."""

    key: str
    where: str
    given: frozenset[str] | None  # None where the code passes a mapping on

    @property
    def part(self) -> str:
        """The package of ours it stands in."""
        return self.where.partition(":")[0].partition("/")[0]


@dataclass
class Asked:
    calls: list[Call] = field(default_factory=list)
    constants: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)

    def uses(self, key: str) -> bool:
        return key in self.constants or any(key.startswith(prefix) for prefix in self.prefixes)


@cache
def asked() -> Asked:
    """Return every key the package asks for, found in its syntax trees."""
    found = Asked()
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            _note_text(node, found)
            for call in _calls(node, f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}"):
                found.calls.append(call)
    return found


def _note_text(node: ast.AST, found: Asked) -> None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _KEY.fullmatch(node.value):
            found.constants.add(node.value)
    elif isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
        prefix = str(first.value) if isinstance(first, ast.Constant) else ""
        if re.fullmatch(r"[a-z_]+\.([a-z0-9_.-]*)", prefix):
            found.prefixes.add(prefix)


def _calls(node: ast.AST, where: str) -> Iterator[Call]:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        named = any(isinstance(t, ast.Name) and t.id == "message_key" for t in targets)
        if named and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield Call(node.value.value, where, None)
    if not isinstance(node, ast.Call) or not node.args:
        return
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    first = node.args[0]
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return
    is_error = name.endswith("Error") and first.value.startswith("error.")
    if name not in _TEXT_CALLS and not is_error:
        return
    names = {keyword.arg for keyword in node.keywords}
    given = {n for n in names if n} | ({"count"} if name == "tn" else set())
    yield Call(first.value, where, None if None in names or is_error else frozenset(given))
