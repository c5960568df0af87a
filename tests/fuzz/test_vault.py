"""Vault files that anybody has been at: a state that was sealed, or a reason."""

import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.profile import tries
from tests.fuzz.test_files import within
from tests.storage.conftest import FakeTime
from tests.storage.test_vault import Bench, note, notes
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.vault import Origin

PAGE: Final = 4096
NAMES: Final = ("session.vault", "session.vault.1", "session.vault.2")
Spoil = tuple[str, str, int, int]


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vault with copies, its states, an older generation of it, and another account's vault."""
    base = tmp_path_factory.mktemp("history")
    time = FakeTime()
    bench = Bench(base, time)
    vault = bench.open()
    with bench.writer() as db:
        for number in range(4):
            note(db, f"shop {number} " + "x" * 9000)
            vault.seal()
            if number == 1:
                shutil.copy(bench.file, base / "older.vault")
            time.pass_s(86_400)
    vault.close()
    other = Bench(base / "other", time)
    vault = other.vault(account_id="bar", data_key=bytes(32))
    vault.open()
    with other.writer() as db:
        note(db, "bar's own secret")
    vault.close()
    for each in (*bench.opened, *other.opened):
        each._let_go()
    shutil.copy(other.file, base / "other.vault")
    return base


def states() -> list[list[str]]:
    return [[f"shop {n} " + "x" * 9000 for n in range(count)] for count in range(5)]


@cache
def foreign(history: Path, name: str) -> bytes:
    return (history / f"{name}.vault").read_bytes()


def spoil(history: Path, path: Path, how: str, one: int, two: int) -> None:
    content = bytearray(path.read_bytes()) if path.exists() else bytearray()
    size = max(1, len(content))
    pages = max(1, size // PAGE)
    match how:
        case "cut":
            content = content[: one % size]
        case "lengthen":
            content += os.urandom(one % 10_000)
        case "blank":
            start = one % size
            content[start : start + two % 9000] = bytes(two % 9000)
        case "swap pages":
            a, b = (one % pages) * PAGE, (two % pages) * PAGE
            content[a : a + PAGE], content[b : b + PAGE] = (
                content[b : b + PAGE],
                content[a : a + PAGE],
            )
        case "empty":
            content = bytearray()
        case "rubbish":
            content = bytearray(os.urandom(one % 20_000))
        case "older" | "other":
            content = bytearray(foreign(history, how))
        case "page of an older one":
            old, at = foreign(history, "older"), (one % pages) * PAGE
            content[at : at + PAGE] = old[at : at + PAGE]
        case _:
            path.unlink(missing_ok=True)
            return
    path.write_bytes(content)


HOW: Final = (
    "cut",
    "lengthen",
    "blank",
    "swap pages",
    "empty",
    "rubbish",
    "older",
    "other",
    "page of an older one",
    "delete",
)
SPOILS = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from(HOW), st.integers(0, 10**6), st.integers(0, 10**6)
    ),
    min_size=1,
    max_size=4,
)


@tries(40)
@given(SPOILS)
def test_spoiled_vault_opens_with_a_state_that_was_sealed_or_says_why_not(
    history: Path, tmp_path_factory: pytest.TempPathFactory, spoils: list[Spoil]
) -> None:
    base = tmp_path_factory.mktemp("spoiled")
    shutil.copytree(history / "auth_sessions", base / "auth_sessions")
    bench = Bench(base, FakeTime())
    for name, how, one, two in spoils:
        spoil(history, bench.folder / name, how, one, two)
    before = _kept(bench)
    vault = bench.vault()
    reason: Reason | None = None
    found: list[str] = []
    try:
        if vault.open() is not Origin.NOTHING:  # with every file gone it was never linked
            found = notes(bench.database)
        vault.close()
    except VaultError as err:
        reason = err.reason
    finally:
        vault._let_go()
    assert found in states()
    assert reason in {None, Reason.VAULT_DAMAGED, Reason.VAULT_TOO_NEW, Reason.KEY_WRONG}
    assert reason is None or _kept(bench) >= before  # nothing was thrown away
    assert not any(b"bar's own secret" in p.read_bytes() for p in base.rglob("*") if p.is_file())


def _kept(bench: Bench) -> int:
    return sum(path.stat().st_size > 0 for path in bench.folder.iterdir())


def test_vault_of_another_account_is_not_opened_even_with_its_key(
    history: Path, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, FakeTime())
    bench.folder.mkdir(parents=True)
    bench.file.write_bytes(foreign(history, "other"))
    for key in (bytes(32), bytes(range(32))):
        vault = bench.vault(data_key=key)
        with pytest.raises(VaultError):
            vault.open()
        vault._let_go()
    assert bench.file.read_bytes() == foreign(history, "other")


def _pipe(path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no pipes in folders")
    os.mkfifo(path)


def _link_to(target: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        if sys.platform == "win32":
            pytest.skip("links need a right on Windows")
        path.symlink_to(target)

    return make


STRANGE: Final[dict[str, Callable[[Path], object]]] = {
    "folder": Path.mkdir,
    "pipe": _pipe,
    "link to itself": _link_to("session.vault"),
    "dangling link": _link_to("/nowhere/at/all"),
    "device": _link_to("/dev/zero"),
}


@pytest.mark.parametrize("name", [*NAMES, "session.lock"])
@pytest.mark.parametrize("make", STRANGE.values(), ids=list(STRANGE))
def test_what_is_no_file_holds_no_start_up(
    make: Callable[[Path], object], name: str, history: Path, tmp_path: Path
) -> None:
    shutil.copytree(history / "auth_sessions", tmp_path / "auth_sessions")
    bench = Bench(tmp_path, FakeTime())
    place = bench.folder / name
    place.unlink(missing_ok=True)
    make(place)
    vault = bench.vault()
    found = within(20, vault.open)
    if isinstance(found, BaseException):
        assert isinstance(found, VaultError)
    else:
        assert notes(bench.database) in states()
    vault._let_go()
