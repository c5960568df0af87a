"""The passwords of proxies: sealed, found again, and nothing worse than asked anew."""

import os
from pathlib import Path

import pytest

from wabot_tray.core.errors import KeyUnavailableError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.proxy_passwords import FILE_NAME, ProxyPasswords
from wabot_tray.system.paths import Paths

ADDRESS = "http://ana@proxy.example:3128"


class Keys:
    """A key in the test's hand."""

    kind = "keyring"

    def __init__(self) -> None:
        self.key = b"k" * 32
        self.refusal: KeyUnavailableError | None = None

    async def master_key(self, *, create: bool) -> bytes:
        del create
        if self.refusal is not None:
            raise self.refusal
        return self.key

    async def is_available(self) -> bool:
        return self.refusal is None


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(data=tmp_path, runtime=tmp_path / "run", runtime_in_ram=True)


@pytest.fixture
def passwords(keys: Keys, paths: Paths) -> ProxyPasswords:
    return ProxyPasswords(keys, paths)


async def test_password_is_sealed_and_found_again(
    keys: Keys, paths: Paths, passwords: ProxyPasswords
) -> None:
    assert await passwords.get(ADDRESS) == ""
    await passwords.put(ADDRESS, "geheim ñ")
    assert await ProxyPasswords(keys, paths).get(ADDRESS) == "geheim ñ"
    assert passwords.has(ADDRESS)
    path = paths.sessions / FILE_NAME
    content = _read(path)
    assert b"geheim" not in content
    assert os.stat(path).st_mode & 0o077 == 0  # noqa: PTH116 - not from a coroutine


async def test_forgotten_password_is_gone(paths: Paths, passwords: ProxyPasswords) -> None:
    await passwords.put(ADDRESS, "")
    assert not _exists(paths.sessions / FILE_NAME)
    await passwords.put(ADDRESS, "one")
    await passwords.put(ADDRESS, "")
    assert await passwords.get(ADDRESS) == ""
    assert not passwords.has(ADDRESS)


async def test_password_of_one_proxy_does_not_open_for_another(
    paths: Paths, passwords: ProxyPasswords
) -> None:
    await passwords.put(ADDRESS, "geheim")
    path = paths.sessions / FILE_NAME
    _write(path, _read(path).replace(b"proxy.example", b"evil.example"))
    assert await passwords.get("http://ana@evil.example:3128") == ""


async def test_other_key_and_damaged_file_only_mean_asking_anew(
    keys: Keys, paths: Paths, passwords: ProxyPasswords
) -> None:
    await passwords.put(ADDRESS, "geheim")
    keys.key = b"o" * 32
    assert await passwords.get(ADDRESS) == ""
    for name in (FILE_NAME, f"{FILE_NAME}.bak"):
        _write(paths.sessions / name, b"{")
    assert await passwords.get(ADDRESS) == ""
    await passwords.put(ADDRESS, "neu")
    assert await passwords.get(ADDRESS) == "neu"


async def test_locked_keyring_is_an_error_of_its_own(keys: Keys, passwords: ProxyPasswords) -> None:
    await passwords.put(ADDRESS, "geheim")
    keys.refusal = KeyUnavailableError(Reason.KEYRING_LOCKED)
    with pytest.raises(KeyUnavailableError):
        await passwords.get(ADDRESS)
    assert await passwords.get("http://other:80") == ""  # no key is asked for


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _exists(path: Path) -> bool:
    return path.exists()
