"""Sections of bot.toml as text: written anew, or changed so that all else in them stays."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from wabot_tray.bot.ruledraft import SWITCHES

_MANY: Final = 3


def written(header: str, values: Mapping[str, object]) -> str:
    """Return a section that says `values`, each on a line; `header` may be empty."""
    lines = [f"{name} = {value_text(name, value)}\n" for name, value in values.items()]
    return (f"{header}\n" if header else "") + "".join(lines)


def changed(
    text: str, path: Sequence[str | int], old: Mapping[str, object], new: Mapping[str, object]
) -> str:
    """Return the section `text` saying `new` where it said `old`.

    Comments, order and spelling of what did not change stay as they are.

    Args:
        text: The section, with its header.
        path: The way to its table.
        old: What it says, defaults left out.
        new: What it is to say.

    Raises:
        ValueError: tomlkit cannot read it, which is stricter here and there.
    """
    import tomlkit  # noqa: PLC0415 - workers only read

    document = tomlkit.parse(text)
    table: Any = document
    for step in path:
        table = table[step]
    for name in {**old, **new}:
        if old.get(name) == new.get(name):
            continue
        if name in new:
            table[name] = tomlkit.value(value_text(name, new[name]))
        elif name in SWITCHES and name in table:
            table[name] = SWITCHES[name]
        elif name in table:
            del table[name]
    return _ended(tomlkit.dumps(document))


def value_text(name: str, value: object) -> str:
    """Return a value as the file has it: patterns between single quotes, long replies on lines."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_basic(str(entry)) for entry in value)}]"
    text = str(value)
    if name == "match" and "'" not in text and text.isprintable():
        return f"'{text}'"
    if "\n" in text:
        return _on_lines(text)
    return _basic(text)


def _basic(text: str) -> str:
    return '"' + _escaped(text).replace('"', '\\"').replace("\n", "\\n") + '"'


def _on_lines(text: str) -> str:
    quotes = '"' * _MANY
    inside = _escaped(text).replace(quotes, '""\\"')
    if inside.endswith('"'):
        inside = inside[:-1] + '\\"'
    return f"{quotes}\n{inside}{quotes}"


def _escaped(text: str) -> str:
    return "".join(_sign(char) for char in text.replace("\\", "\\\\"))


def _sign(char: str) -> str:
    if char in "\n\t" or (char >= " " and char != "\x7f"):
        return char
    return f"\\u{ord(char):04X}"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
