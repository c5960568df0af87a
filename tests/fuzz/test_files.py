"""The files a person, a disk or another version can change: read, or refused with a sentence."""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.profile import AWKWARD, JSON, TEXTS, corpus, said, tries
from wabot_tray.bot.rulebook_file import RuleBookFile
from wabot_tray.bot.rules import parse
from wabot_tray.core.errors import (
    BotFileError,
    KeyUnavailableError,
    SettingsError,
    VaultError,
    WabotError,
)
from wabot_tray.core.reasons import Reason
from wabot_tray.core.toml_text import TomlFaultError, parse_toml
from wabot_tray.storage.documents import BrokenFileError, NewerFileError
from wabot_tray.storage.key_record import KeyRecordFile
from wabot_tray.storage.registry import Registry
from wabot_tray.storage.settings_file import load_settings, save_settings
from wabot_tray.system.paths import Paths

LONGEST_READ_S: Final = 5.0  # a worker is taken for dead after 15 s without a sign of life
BOMBS: Final = {
    "a number of 5000 digits": "x = " + "1" * 5000,
    "a number of 200 000 digits": "x = " + "1_" * 100_000 + "1",
    "many long numbers": ("x" + "1" * 3999 + "\n") * 60 + "x = " + "1" * 5000,
    "100 000 open brackets": "x = " + "[" * 100_000,
    "100 000 open braces": "x = " + "{a=" * 60_000,
    "a name of 60 000 parts": ".".join(["a"] * 60_000) + " = 1",
    "a section of 60 000 parts": "[" + "a . " * 60_000 + "a]",
    "a quoted name of many parts": '"a".' * 50_000 + "a = 1",
    "names of 63 parts": "".join(f"{'a.' * 62}a{n} = 1\n" for n in range(1900)),
    "one endless word": "a" * 250_000,
    "one endless text": '"' * 250_000,
    "texts never closed": "'\n" * 125_000,
    "a mistake after 60 000 lines": 'rule = [\n""' + ",\n" * 60_000,
    "a mistake around 60 000 lines": 'groups = """\n' + "a\n" * 60_000 + '"""',
    "a mistake behind 60 000 lines": 'once_per = """\n' + "a\n" * 60_000 + '"""\ngroups = 1',
    "20 000 rules": "[[rule]]\n" * 20_000,
    "20 000 sections": "".join(f"[s{n}]\n" for n in range(20_000)),
    "a null": "groups = true\0",
    "half a text": 'x = "\\ud800"',
    "a time that is none": "x = 9999-99-99T99:99:99",
}


def within(limit_s: float, work: Callable[[], Any]) -> Any:
    """Return what `work` returns; fail where it hangs or takes longer, whatever it waits for."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as err:  # noqa: BLE001 - handed over
            results.append(err)

    thread = threading.Thread(target=run, daemon=True)
    began = time.monotonic()
    thread.start()
    thread.join(limit_s)
    assert results, f"not within {limit_s} s"
    assert time.monotonic() - began < limit_s
    return results[0]


# --- TOML ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_bomb_in_bot_toml_is_refused_with_a_sentence_in_time(bomb: str) -> None:
    found = within(LONGEST_READ_S, lambda: parse(bomb))
    assert isinstance(found, BotFileError)
    said(found)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_bomb_in_settings_is_refused_with_a_sentence_and_left_alone(
    bomb: str, tmp_path: Path
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(bomb, encoding="utf-8")
    found = within(LONGEST_READ_S, lambda: load_settings(path))
    assert isinstance(found, SettingsError)
    said(found)
    assert path.read_text(encoding="utf-8") == bomb


TOML = st.lists(
    st.sampled_from(corpus("toml_lines"))
    | TEXTS.map(lambda text: f"name = {json.dumps(text, ensure_ascii=False)}")
    | TEXTS,
    max_size=12,
).map("\n".join)


@tries(150)
@given(TOML)
def test_any_text_is_rules_or_a_sentence(text: str) -> None:
    faults: list[int] = []
    try:
        parse(text)
    except BotFileError as err:
        said(err)
        faults.append(err.line)
    assert all(0 <= line <= text.count("\n") + 1 for line in faults)


@tries(150)
@given(TOML)
def test_any_text_is_toml_or_a_fault_with_its_line(text: str) -> None:
    faults: list[int] = []
    try:
        parse_toml(text)
    except TomlFaultError as err:
        faults.append(err.line)
    assert all(1 <= line <= text.count("\n") + 1 for line in faults)


@tries(60)
@given(st.binary(max_size=200) | TOML.map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_settings_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("settings") / "settings.toml"
    path.write_bytes(content)
    try:
        settings = load_settings(path)
        save_settings(path, settings)
        assert load_settings(path) == settings
    except SettingsError as err:
        said(err)
        assert path.read_bytes() == content


# --- the list of accounts ------------------------------------------------------------------------

ENTRY: Final = {"id": "shop", "created": "2026-01-01T00:00:00+00:00", "label": "Shop"}


def accounts(*entries: object, version: object = 1) -> bytes:
    return json.dumps({"version": version, "accounts": list(entries)}).encode()


def used(registry: Registry) -> None:
    """Load it and change every account, as the program does."""
    for account in registry.load():
        registry.update(account.id, enabled=not account.enabled)
    fresh = Registry(registry._document.path)
    assert fresh.load() == registry.all()


BROKEN: Final = {
    "nothing": b"",
    "100 000 brackets": b"[" * 100_000,
    "a number of 5000 digits": b'{"version": ' + b"1" * 5000 + b"}",
    "no UTF-8": b"\xff\xfe\x00",
    "a time out of the calendar": accounts(ENTRY | {"created": "0001-01-01T00:00:00+23:00"}),
    "an id that climbs": accounts(ENTRY | {"id": "../../etc"}),
    "an id that is a device": accounts(ENTRY | {"id": "con"}),
    "an id twice": accounts(ENTRY, ENTRY),
    "a list for an entry": accounts([]),
    "no list": b'{"version": 1, "accounts": 7}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
def test_broken_list_of_accounts_is_set_aside_and_its_copy_used(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "accounts.json"
    path.write_bytes(content)
    with pytest.raises(BrokenFileError) as caught:
        Registry(path).load()
    said(caught.value)
    assert path.read_bytes() == content
    Path(f"{path}.bak").write_bytes(accounts(ENTRY))
    used(Registry(path))
    kept = [found for found in tmp_path.iterdir() if ".damaged-" in found.name]
    assert [found.read_bytes() for found in kept] == [content]


@pytest.mark.parametrize("text", AWKWARD)
def test_label_of_any_kind_is_kept(text: str, tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_bytes(accounts(ENTRY | {"label": text, "phone": text, "later": text}))
    registry = Registry(path)
    used(registry)
    assert registry.get("shop").label == text


@tries(150)
@given(
    st.dictionaries(st.sampled_from([*ENTRY, "phone", "enabled", "paired", "x"]), JSON).map(
        lambda changes: accounts(ENTRY | changes)
    )
    | JSON.map(lambda value: accounts(ENTRY, version=value))
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=60)
)
def test_any_list_of_accounts_is_used_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("registry") / "accounts.json"
    path.write_bytes(content)
    try:
        used(Registry(path))
    except (BrokenFileError, NewerFileError) as err:
        said(err)
        assert path.read_bytes() == content


@pytest.mark.parametrize("where", ["file", "copy beside a broken file", "copy alone"])
def test_list_of_a_newer_version_is_refused_and_never_written_over(
    where: str, tmp_path: Path
) -> None:
    path = tmp_path / "accounts.json"
    newer = accounts(ENTRY | {"id": "other"}, version=2)
    theirs = path if where == "file" else Path(f"{path}.bak")
    theirs.write_bytes(newer)
    if where == "copy beside a broken file":
        path.write_bytes(b"broken")
    before = {found.name: found.read_bytes() for found in tmp_path.iterdir()}
    with pytest.raises(NewerFileError) as caught:
        Registry(path).load()
    assert "accounts.json" in said(caught.value)[0]
    assert {found.name: found.read_bytes() for found in tmp_path.iterdir()} == before


@tries(150)
@given(
    st.dictionaries(st.sampled_from(["source", "backend", "entry", "check", "scrypt", "v"]), JSON)
)
def test_any_record_of_the_key_is_used_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("record")
    paths = Paths(data=folder, runtime=folder, runtime_in_ram=True)
    paths.sessions.mkdir()
    (paths.sessions / "keys.json").write_text(json.dumps({"version": 1} | values))
    with contextlib.suppress(KeyUnavailableError, VaultError):
        KeyRecordFile(paths).load()


@pytest.mark.parametrize("cost", [{"n": -8, "r": -8, "p": 1}, {"n": 0, "r": 1, "p": 1}, {"n": 3}])
def test_cost_no_passphrase_can_have_is_refused(cost: dict[str, int], tmp_path: Path) -> None:
    paths = Paths(data=tmp_path, runtime=tmp_path, runtime_in_ram=True)
    paths.sessions.mkdir()
    scrypt = {"salt": "AAAA", "n": 2, "r": 8, "p": 1} | cost
    values = {"version": 1, "source": "passphrase", "backend": "", "entry": "", "check": "AAAA"}
    (paths.sessions / "keys.json").write_text(json.dumps(values | {"scrypt": scrypt}))
    with pytest.raises(WabotError, match="key-missing"):
        KeyRecordFile(paths).load()


# --- what is no file at all ----------------------------------------------------------------------


def _pipe(path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no pipes in folders")
    os.mkfifo(path)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 33)  # takes no room on the disk


def _device(path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no devices in folders")
    path.symlink_to("/dev/zero")


STRANGE: Final[dict[str, Callable[[Path], object]]] = {
    "folder": Path.mkdir,
    "pipe": _pipe,
    "8 GB": _huge,
    "device": _device,
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=list(STRANGE))
def test_what_is_no_file_is_refused_at_once(make: Callable[[Path], object], tmp_path: Path) -> None:
    for name in ("accounts.json", "settings.toml", "bot.toml"):
        make(tmp_path / name)
    told: list[Reason | None] = []
    found = within(LONGEST_READ_S, lambda: load_settings(tmp_path / "settings.toml"))
    assert isinstance(found, SettingsError)
    said(found)
    found = within(LONGEST_READ_S, Registry(tmp_path / "accounts.json").load)
    assert isinstance(found, BrokenFileError)
    said(found)
    os.utime(tmp_path / "bot.toml", (0, 0)) if make is not _device else None
    rules = RuleBookFile(tmp_path / "bot.toml", lambda reason, _detail: told.append(reason))
    assert within(LONGEST_READ_S, rules.current).rules == ()
    assert told == [Reason.BOT_FILE_BROKEN]


@pytest.mark.parametrize("make", STRANGE.values(), ids=list(STRANGE))
def test_strange_list_of_accounts_is_moved_away_for_its_copy(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    make(tmp_path / "accounts.json")
    (tmp_path / "accounts.json.bak").write_bytes(accounts(ENTRY))
    used(Registry(tmp_path / "accounts.json"))
    assert any(".damaged-" in found.name for found in tmp_path.iterdir())
