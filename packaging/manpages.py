"""The manual pages, in both languages, written from the parsers, so that they say what is true."""

import argparse
import os
from collections.abc import Iterator
from typing import Final

_HEADINGS: Final = {
    "en": {
        "name": "NAME", "synopsis": "SYNOPSIS", "description": "DESCRIPTION", "options": "OPTIONS",
        "commands": "COMMANDS", "exits": "EXIT STATUS AND NOTES", "files": "FILES",
        "see": "SEE ALSO", "manual": "User commands",
        "data": "The accounts, rules and settings, and the sealed sessions.",
        "autostart": "There only while the program starts at login.",
    },
    "es": {
        "name": "NOMBRE", "synopsis": "SINOPSIS", "description": "DESCRIPCIÓN",
        "options": "OPCIONES", "commands": "ÓRDENES", "exits": "CÓDIGOS DE SALIDA Y NOTAS",
        "files": "ARCHIVOS", "see": "VÉASE TAMBIÉN", "manual": "Órdenes de usuario",
        "data": "Las cuentas, las reglas, los ajustes y las sesiones selladas.",
        "autostart": "Existe solo mientras el programa arranca al iniciar sesión.",
    },
}  # fmt: skip


def pages(version: str, date: str) -> Iterator[tuple[str, str, str]]:
    """Yield language, name and text of each page."""
    from wabot_tray.__main__ import build_parser as tray_parser  # noqa: PLC0415
    from wabot_tray.cli.parser import build_parser as commands_parser  # noqa: PLC0415
    from wabot_tray.system.i18n import set_language  # noqa: PLC0415

    os.environ["COLUMNS"] = "78"
    for language in ("en", "es"):
        set_language(language)
        yield language, "wabot-tray", page(tray_parser(), language, version, date, see="wabot")
        yield language, "wabot", page(commands_parser(), language, version, date, see="wabot-tray")


def page(
    parser: argparse.ArgumentParser, language: str, version: str, date: str, *, see: str
) -> str:
    """Return the page of one program in roff."""
    words = _HEADINGS[language]
    name = parser.prog
    description = parser.description or ""
    lines = [
        f'.TH {name.upper()} 1 "{date}" "wabot-tray {version}" "{words["manual"]}"',
        ".SH " + words["name"],
        f"{_plain(name)} \\- {_plain(description.rstrip('.'))}",
        ".SH " + words["synopsis"],
        _synopsis(parser),
        ".SH " + words["description"],
        _plain(description),
        ".SH " + words["options"],
        *_options(parser),
    ]
    commands = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if commands:
        lines.append(".SH " + words["commands"])
        for one in commands[0].choices.values():
            lines += [".SS " + _synopsis(one).replace("\n", " "), _plain(one.description or "")]
            lines += _options(one, skip=("-h", "--data-dir"))
    if parser.epilog:
        lines += [".SH " + words["exits"], ".nf", _plain(parser.epilog), ".fi"]
    lines += [".SH " + words["files"], ".TP", r"\fI~/.local/share/wabot\-tray\fR", words["data"]]
    lines += [".TP", r"\fI~/.config/autostart/wabot\-tray.desktop\fR", words["autostart"]]
    lines += [".SH " + words["see"], f".BR {_plain(see)} (1)"]
    return "\n".join(lines) + "\n"


def _synopsis(parser: argparse.ArgumentParser) -> str:
    usage = " ".join(parser.format_usage().split())
    usage = usage.split(": ", 1)[1] if ": " in usage else usage
    prog, _, rest = usage.partition(parser.prog)
    return f"\\fB{_plain(prog + parser.prog)}\\fR{_plain(rest)}"


def _options(parser: argparse.ArgumentParser, *, skip: tuple[str, ...] = ()) -> Iterator[str]:
    for one in parser._actions:
        if isinstance(one, argparse._SubParsersAction) or set(one.option_strings) & set(skip):
            continue
        yield ".TP"
        value = one.metavar or ("|".join(map(str, one.choices)) if one.choices else one.dest)
        taken = "" if one.nargs == 0 else f" \\fI{_plain(str(value))}\\fR"
        if one.option_strings:
            yield ", ".join(f"\\fB{_plain(text)}\\fR{taken}" for text in one.option_strings)
        else:
            yield taken.strip()
        yield _plain((one.help or "").replace("%%", "%"))


def _plain(text: str) -> str:
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)
