"""The master key, from a real gnome-keyring, from a file and from a passphrase."""

import asyncio
import base64
import json
import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import keyring.errors
import pytest
import secretstorage
from keyring.backends import Windows, macOS

from tests.secret_service import SecretService
from wabot_tray.core.errors import KeyUnavailableError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.data_keys import open_data_key
from wabot_tray.storage.key_file import create_key_file, read_key_file
from wabot_tray.storage.key_record import KeyRecordFile, ScryptCost
from wabot_tray.storage.keyring import KeyFileKeys, KeyringKeys, PassphraseKeys, _ThreadedKeys
from wabot_tray.storage.system_keyring import SERVICE, SystemKeyring
from wabot_tray.system.i18n import sentence, set_language
from wabot_tray.system.paths import Paths

CHEAP = ScryptCost(salt=b"0" * 16, n=16, r=1, p=1)


def record(paths: Paths) -> dict[str, object]:
    values: dict[str, object] = json.loads((paths.sessions / "keys.json").read_text())
    return values


async def reason_of(keys: _ThreadedKeys, *, create: bool = False) -> Reason:
    with pytest.raises(KeyUnavailableError) as raised:
        await keys.master_key(create=create)
    return raised.value.reason


async def test_keyring_makes_a_key_once_and_gives_it_again(
    secret_service: SecretService, paths: Paths
) -> None:
    assert await reason_of(KeyringKeys(paths)) is Reason.KEY_MISSING
    assert not paths.sessions.exists()
    key = await KeyringKeys(paths).master_key(create=True)
    assert len(key) == 32
    for create in (True, False):
        assert await KeyringKeys(paths).master_key(create=create) == key
    values = record(paths)
    assert (values["source"], values["backend"]) == ("keyring", "SecretService")
    text = (paths.sessions / "keys.json").read_bytes()
    assert base64.b64encode(key) not in text
    assert key.hex().encode() not in text
    assert stat.S_IMODE((paths.sessions / "keys.json").stat().st_mode) == 0o600
    del secret_service


@pytest.mark.usefixtures("secret_service")
async def test_keyring_of_two_data_folders_side_by_side(paths: Paths, tmp_path: Path) -> None:
    other = Paths(data=tmp_path / "other", runtime=tmp_path, runtime_in_ram=False)
    keys = [await KeyringKeys(each).master_key(create=True) for each in (paths, other)]
    assert keys[0] != keys[1]
    assert [await KeyringKeys(each).master_key(create=False) for each in (paths, other)] == keys


async def test_keyring_locked_says_so_and_continues_when_unlocked(
    secret_service: SecretService, paths: Paths
) -> None:
    key = await KeyringKeys(paths).master_key(create=True)
    secret_service.lock()
    keys = KeyringKeys(paths)
    assert not await keys.is_available()
    assert await reason_of(keys, create=True) is Reason.KEYRING_LOCKED
    secret_service.unlock()
    assert await keys.is_available()
    assert await keys.master_key(create=True) == key


async def test_keyring_key_in_hand_survives_a_locked_keyring(
    secret_service: SecretService, paths: Paths
) -> None:
    keys = KeyringKeys(paths)
    key = await keys.master_key(create=True)
    secret_service.lock()
    assert await keys.is_available()
    assert await keys.master_key(create=False) == key


async def test_keyring_absent_says_so_and_continues_when_it_comes(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SecretService() as service:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", service.env["DBUS_SESSION_BUS_ADDRESS"])
        service.stop_keyring()
        keys = KeyringKeys(paths)
        assert await reason_of(keys, create=True) is Reason.KEYRING_ABSENT
        assert not await keys.is_available()
        assert not paths.sessions.exists()
        service.start_keyring()
        assert await keys.is_available()
        assert len(await keys.master_key(create=True)) == 32


async def test_keyring_without_a_bus_is_absent(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    keys = KeyringKeys(paths)
    assert await reason_of(keys, create=True) is Reason.KEYRING_ABSENT
    assert not await keys.is_available()


@pytest.mark.usefixtures("secret_service")
@pytest.mark.parametrize("name", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"])
async def test_keyring_named_by_the_environment_is_not_used(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
    key = await KeyringKeys(paths).master_key(create=True)
    assert await KeyringKeys(paths).master_key(create=False) == key
    assert record(paths)["backend"] == "SecretService"


def forget(entry: str) -> None:
    with closing(secretstorage.dbus_init()) as bus:
        for item in secretstorage.search_items(bus, {"service": SERVICE, "username": entry}):
            item.delete()


def entry_of(paths: Paths) -> str:
    return str(record(paths)["entry"])


@pytest.mark.usefixtures("secret_service")
async def test_keyring_with_other_key_is_wrong(paths: Paths) -> None:
    await KeyringKeys(paths).master_key(create=True)
    other = base64.b64encode(bytes(32)).decode()
    for text in (other, "not base64!", ""):
        SystemKeyring().set(entry_of(paths), text)
        assert await reason_of(KeyringKeys(paths), create=True) is Reason.KEY_WRONG


@pytest.mark.usefixtures("secret_service")
@pytest.mark.parametrize("sealed", ["session.vault", "session.vault.1", "session.key", "inbox.db"])
async def test_keyring_without_its_entry_never_makes_a_key_over_a_vault(
    paths: Paths, sealed: str
) -> None:
    await KeyringKeys(paths).master_key(create=True)
    forget(entry_of(paths))
    paths.session("shop").mkdir()
    (paths.session("shop") / sealed).touch()
    before = (paths.sessions / "keys.json").read_bytes()
    assert await reason_of(KeyringKeys(paths), create=True) is Reason.KEY_MISSING
    assert (paths.sessions / "keys.json").read_bytes() == before
    for name in ("keys.json", "keys.json.bak"):
        (paths.sessions / name).unlink()
    assert await reason_of(KeyringKeys(paths), create=True) is Reason.KEY_MISSING
    assert not (paths.sessions / "keys.json").exists()


@pytest.mark.usefixtures("secret_service")
async def test_keyring_without_its_entry_and_nothing_sealed_makes_a_key(paths: Paths) -> None:
    first = await KeyringKeys(paths).master_key(create=True)
    forget(entry_of(paths))
    assert await reason_of(KeyringKeys(paths)) is Reason.KEY_MISSING
    assert await KeyringKeys(paths).master_key(create=True) != first


@pytest.mark.usefixtures("secret_service")
async def test_keyring_record_lost_is_restored_from_its_copy(paths: Paths) -> None:
    key = await KeyringKeys(paths).master_key(create=True)
    (paths.sessions / "keys.json").unlink()
    assert await KeyringKeys(paths).master_key(create=False) == key
    for broken in ('{"version": 1}', '{"version": 1, "check": "?"}'):
        (paths.sessions / "keys.json").write_text(broken)
        assert await KeyringKeys(paths).master_key(create=False) == key
    for name in ("keys.json", "keys.json.bak"):
        (paths.sessions / name).write_text("{")
    assert await reason_of(KeyringKeys(paths), create=True) is Reason.KEY_MISSING
    (paths.sessions / "keys.json").write_text('{"version": 2}')
    with pytest.raises(VaultError) as raised:
        await KeyringKeys(paths).master_key(create=True)
    assert raised.value.reason is Reason.VAULT_TOO_NEW


class FakeKeyring(SystemKeyring):
    """A keyring in memory that can be told to wait or to fail."""

    def __init__(self, platform: str = "linux") -> None:
        super().__init__(platform)
        self.entries: dict[str, str] = {}
        self.prompt = threading.Event()
        self.prompt.set()
        self.calls = 0
        self.fail_with: BaseException | None = None

    def get(self, entry: str) -> str | None:
        self.calls += 1
        self.prompt.wait()
        if self.fail_with is not None:
            raise self.fail_with
        return self.entries.get(entry)

    def set(self, entry: str, secret: str) -> None:
        self.prompt.wait()
        self.entries[entry] = secret

    def is_open(self) -> bool:
        return self.prompt.is_set()


async def test_keyring_prompt_left_open_is_slow_and_answers_are_shared(paths: Paths) -> None:
    fake = FakeKeyring()
    key = await KeyringKeys(paths, keyring=fake).master_key(create=True)
    fake.prompt.clear()
    keys = KeyringKeys(paths, keyring=fake, deadline_s=0.05)
    for _ in range(2):
        assert await reason_of(keys) is Reason.KEYRING_SLOW
    assert not await keys.is_available()
    assert fake.calls == 1
    patient = KeyringKeys(paths, keyring=fake, deadline_s=5.0)
    waiting = asyncio.gather(patient.master_key(create=False), patient.master_key(create=True))
    await asyncio.sleep(0)
    fake.prompt.set()
    assert set(await waiting) == {key}
    assert fake.calls == 2


async def test_keyring_unlocked_elsewhere_answers_though_the_prompt_stays_open(
    paths: Paths,
) -> None:
    fake = FakeKeyring()
    key = await KeyringKeys(paths, keyring=fake).master_key(create=True)
    open_prompt = fake.prompt
    open_prompt.clear()
    keys = KeyringKeys(paths, keyring=fake, deadline_s=0.05)
    assert await reason_of(keys) is Reason.KEYRING_SLOW
    assert await reason_of(keys) is Reason.KEYRING_SLOW
    assert fake.calls == 1
    fake.prompt = threading.Event()
    fake.prompt.set()
    waiting = asyncio.gather(keys.master_key(create=False), keys.master_key(create=True))
    assert set(await waiting) == {key}
    assert fake.calls == 2
    open_prompt.set()


async def test_keyring_slow_answer_that_fails_later_warns_nobody(paths: Paths) -> None:
    fake = FakeKeyring()
    await KeyringKeys(paths, keyring=fake).master_key(create=True)
    fake.prompt.clear()
    fake.fail_with = KeyUnavailableError(Reason.KEYRING_LOCKED)
    keys = KeyringKeys(paths, keyring=fake, deadline_s=0.01)
    assert await reason_of(keys) is Reason.KEYRING_SLOW
    fake.prompt.set()
    assert keys._pending is not None
    await asyncio.wait([asyncio.wrap_future(keys._pending[1])])
    assert await reason_of(keys) is Reason.KEYRING_LOCKED


async def test_keyring_asked_to_create_while_only_asked_to_read_creates(paths: Paths) -> None:
    keys = KeyringKeys(paths, keyring=FakeKeyring())
    read, made = await asyncio.gather(
        keys.master_key(create=False), keys.master_key(create=True), return_exceptions=True
    )
    assert isinstance(read, KeyUnavailableError)
    assert isinstance(made, bytes)


async def test_keyring_probe_that_hangs_is_not_available(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wabot_tray.storage.keyring._PROBE_DEADLINE_S", 0.01)
    fake = FakeKeyring()
    release = threading.Event()
    monkeypatch.setattr(fake, "is_open", release.wait)
    assert not await KeyringKeys(paths, keyring=fake).is_available()
    release.set()


async def test_keyring_of_another_system_is_absent(paths: Paths) -> None:
    await KeyringKeys(paths, keyring=FakeKeyring()).master_key(create=True)
    keys = KeyringKeys(paths, keyring=FakeKeyring("darwin"))
    assert await reason_of(keys, create=True) is Reason.KEYRING_ABSENT


class FakeBackend:
    """Stands in for the backends of other systems."""

    viable = True
    entries: ClassVar[dict[tuple[str, str], str]] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.mark.parametrize(
    ("platform", "name", "backend"),
    [("win32", "Windows", Windows.WinVaultKeyring), ("darwin", "macOS", macOS.Keyring)],
)
def test_system_keyring_of_windows_and_macos(
    monkeypatch: pytest.MonkeyPatch, platform: str, name: str, backend: type
) -> None:
    system = SystemKeyring(platform)
    assert (system.name, system._kind) == (name, backend)
    assert not system.is_open()  # this machine is neither
    with pytest.raises(KeyUnavailableError) as raised:
        system.get("entry")
    assert raised.value.reason is Reason.KEYRING_ABSENT
    monkeypatch.setattr(system, "_kind", FakeBackend)
    assert system.is_open()
    system.set("entry", "secret")
    assert system.get("entry") == "secret"
    assert FakeBackend.entries == {(SERVICE, "entry"): "secret"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (keyring.errors.KeyringLocked(), Reason.KEYRING_LOCKED),
        (keyring.errors.PasswordSetError(), Reason.KEYRING_ABSENT),
        (ConnectionResetError(), Reason.KEYRING_ABSENT),
        (None, Reason.KEYRING_ABSENT),  # stores, and forgets
    ],
)
def test_system_keyring_that_does_not_store_says_why(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, reason: Reason
) -> None:
    def store(*_: object) -> None:
        if error is not None:
            raise error

    system = SystemKeyring("darwin")
    monkeypatch.setattr(system, "_kind", FakeBackend)
    monkeypatch.setattr(FakeBackend, "set_password", store)
    monkeypatch.setattr(FakeBackend, "entries", {})
    with pytest.raises(KeyUnavailableError) as raised:
        system.set("entry", "secret")
    assert raised.value.reason is reason


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "wabot.key"
    create_key_file(path)
    return path


async def test_key_file_gives_its_key_and_is_recorded(paths: Paths, key_file: Path) -> None:
    keys = KeyFileKeys(key_file, paths)
    assert await keys.is_available()
    assert await reason_of(keys) is Reason.KEY_MISSING
    key = await keys.master_key(create=True)
    assert key == read_key_file(key_file)
    assert await KeyFileKeys(key_file, paths).master_key(create=False) == key
    spoiled(key_file, Path.unlink)
    create_key_file(key_file)
    assert await reason_of(KeyFileKeys(key_file, paths), create=True) is Reason.KEY_WRONG


async def test_key_file_where_the_keyring_was_used_is_wrong(paths: Paths, key_file: Path) -> None:
    await KeyringKeys(paths, keyring=FakeKeyring()).master_key(create=True)
    assert await reason_of(KeyFileKeys(key_file, paths), create=True) is Reason.KEY_WRONG


async def test_key_file_that_opens_what_is_sealed_mends_a_lost_record(
    paths: Paths, key_file: Path, tmp_path: Path
) -> None:
    key = await KeyFileKeys(key_file, paths).master_key(create=True)
    open_data_key(paths.session("shop"), "shop", key, create=True)
    for name in ("keys.json", "keys.json.bak"):
        (paths.sessions / name).unlink()
    create_key_file(tmp_path / "other.key")
    keys = KeyFileKeys(tmp_path / "other.key", paths)
    assert await reason_of(keys, create=True) is Reason.KEY_MISSING
    assert await KeyFileKeys(key_file, paths).master_key(create=False) == key
    assert KeyRecordFile(paths).load() is not None


def test_key_file_is_private_and_never_overwritten(key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    before = key_file.read_bytes()
    with pytest.raises(KeyUnavailableError) as raised:
        create_key_file(key_file)
    assert raised.value.message_key == "error.key_file_exists"
    assert key_file.read_bytes() == before


def test_key_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VaultError):
        create_key_file(tmp_path / "new.key")
    assert not list(tmp_path.iterdir())


def spoiled(path: Path, spoil: Callable[[Path], object]) -> None:
    spoil(path)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    ("spoil", "key", "reason"),
    [
        (Path.unlink, "missing", Reason.KEY_MISSING),
        (as_folder, "kind", Reason.KEY_WRONG),
        (as_link, "kind", Reason.KEY_WRONG),
        (as_fifo, "kind", Reason.KEY_WRONG),
        (lambda path: path.chmod(0o640), "mode", Reason.KEY_WRONG),
        (lambda path: path.chmod(0o604), "mode", Reason.KEY_WRONG),
        (lambda path: path.write_text("!"), "content", Reason.KEY_WRONG),
        (lambda path: path.write_text("QUJD\n"), "content", Reason.KEY_WRONG),
        (lambda path: path.write_bytes(base64.b64encode(bytes(33))), "content", Reason.KEY_WRONG),
    ],
)
def test_key_file_spoiled_is_refused_with_a_sentence(
    key_file: Path, spoil: Callable[[Path], object], key: str, reason: Reason
) -> None:
    spoil(key_file)
    with pytest.raises(KeyUnavailableError) as raised:
        read_key_file(key_file)
    assert raised.value.message_key == f"error.key_file_{key}"
    assert raised.value.reason is reason
    for language in ("en", "es"):
        set_language(language)
        assert str(key_file) in sentence(raised.value)


def test_key_file_of_somebody_else_is_refused(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(KeyUnavailableError) as raised:
        read_key_file(key_file)
    assert raised.value.message_key == "error.key_file_owner"
    assert len(read_key_file(key_file, platform="win32")) == 32


def test_key_file_that_cannot_be_opened_is_refused(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object) -> int:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(KeyUnavailableError) as raised:
        read_key_file(key_file)
    monkeypatch.undo()
    assert raised.value.message_key == "error.key_file_unreadable"


async def test_key_file_spoiled_is_not_available(paths: Paths, key_file: Path) -> None:
    spoiled(key_file, lambda path: path.chmod(0o644))
    assert not await KeyFileKeys(key_file, paths).is_available()


def passphrase_keys(paths: Paths, passphrase: str, asked: list[bool]) -> PassphraseKeys:
    def ask(is_new: bool) -> str:
        asked.append(is_new)
        return passphrase

    return PassphraseKeys(paths, ask, cost=CHEAP)


async def test_passphrase_right_wrong_and_the_same_typed_otherwise(paths: Paths) -> None:
    asked: list[bool] = []
    keys = passphrase_keys(paths, "contrase\u00f1a larga", asked)
    assert not await keys.is_available()
    key = await keys.master_key(create=True)
    assert await keys.is_available()
    assert await keys.master_key(create=False) == key
    decomposed = passphrase_keys(paths, "contrasen\u0303a larga", asked)
    assert await decomposed.master_key(create=False) == key
    wrong = passphrase_keys(paths, "contrasena larga", asked)
    assert await reason_of(wrong, create=True) is Reason.KEY_WRONG
    assert asked == [True, False, False]
    assert "contrase" not in (paths.sessions / "keys.json").read_text()


async def test_passphrase_too_short_or_not_to_be_made_is_refused(paths: Paths) -> None:
    asked: list[bool] = []
    assert await reason_of(passphrase_keys(paths, "short", asked)) is Reason.KEY_MISSING
    assert asked == []
    with pytest.raises(KeyUnavailableError) as raised:
        await passphrase_keys(paths, "short", asked).master_key(create=True)
    assert raised.value.message_key == "error.passphrase_short"
    assert not paths.sessions.exists()


async def test_passphrase_default_cost_is_random_and_strong(paths: Paths) -> None:
    started = time.process_time()
    await PassphraseKeys(paths, lambda _: "long enough").master_key(create=True)
    assert time.process_time() - started > 0.02
    found = KeyRecordFile(paths).load()
    assert found is not None
    assert found.scrypt is not None
    assert found.scrypt.n * found.scrypt.r * 128 == 64 << 20
    assert len(found.scrypt.salt) == 16


async def test_passphrase_record_that_would_eat_all_memory_is_broken(paths: Paths) -> None:
    await passphrase_keys(paths, "long enough", []).master_key(create=True)
    values = record(paths)
    values["scrypt"] = {"salt": "", "n": 1 << 30, "r": 8, "p": 1}
    for name in ("keys.json", "keys.json.bak"):
        (paths.sessions / name).write_text(json.dumps(values))
    keys = passphrase_keys(paths, "long enough", [])
    assert await reason_of(keys) is Reason.KEY_MISSING
