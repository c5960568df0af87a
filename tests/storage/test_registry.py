import json
import os
from pathlib import Path

import pytest

from tests.storage.conftest import FakeTime
from wabot_tray.core.errors import AccountError, VaultError
from wabot_tray.storage.documents import BrokenFileError, NewerFileError
from wabot_tray.storage.registry import Registry


@pytest.fixture
def registry(tmp_path: Path, time_: FakeTime) -> Registry:
    return Registry(tmp_path / "accounts.json", clock=time_.clock)


def again(registry: Registry) -> Registry:
    return Registry(registry._document.path, clock=registry._clock)


def test_registry_missing_file_is_empty(registry: Registry) -> None:
    assert registry.load() == ()
    assert len(registry) == 0


def test_registry_keeps_accounts_in_order(registry: Registry, time_: FakeTime) -> None:
    registry.add("zapatos", label="Zapatería Ñandú")
    time_.pass_s(60)
    registry.add("abc", enabled=False)
    when = time_.now()
    registry.update("zapatos", phone="34600111222", paired=True, last_connected=when)
    loaded = again(registry)
    assert loaded.load() == registry.all()
    assert [account.id for account in loaded] == ["zapatos", "abc"]
    found = loaded.get("zapatos")
    assert (found.phone, found.paired, found.last_connected) == ("34600111222", True, when)
    assert not loaded.get("abc").enabled
    assert "abc" in loaded
    loaded.remove("abc")
    assert [account.id for account in again(registry).load()] == ["zapatos"]


def test_registry_refuses_bad_taken_and_unknown_ids(registry: Registry) -> None:
    registry.add("shop")
    for bad in ("", "Shop", "../x", "a" * 65, "-a"):
        with pytest.raises(AccountError) as raised:
            registry.add(bad)
        assert raised.value.message_key == "error.account_id"
    with pytest.raises(AccountError) as raised:
        registry.add("shop")
    assert raised.value.message_key == "error.account_taken"
    for call in (registry.get, registry.remove, registry.update):
        with pytest.raises(AccountError) as raised:
            call("other")
        assert raised.value.message_key == "error.account_unknown"
    with pytest.raises(TypeError):
        registry.update("shop", id="new")
    with pytest.raises(TypeError):
        registry.update("shop", nonsense=1)


def test_registry_update_without_change_writes_nothing(registry: Registry) -> None:
    registry.add("shop", label="Shop")
    before = registry._document.path.stat().st_mtime_ns, registry._document.path.stat().st_ino
    registry.update("shop", label="Shop")
    status = registry._document.path.stat()
    assert (status.st_mtime_ns, status.st_ino) == before


def test_registry_keeps_unknown_fields(registry: Registry) -> None:
    registry.add("shop")
    path = registry._document.path
    values = json.loads(path.read_text())
    values["accounts"][0]["colour"] = "blue"
    values["theme"] = {"dark": True}
    path.write_text(json.dumps(values))
    loaded = again(registry)
    loaded.load()
    loaded.update("shop", label="Shop")
    values = json.loads(path.read_text())
    assert values["accounts"][0]["colour"] == "blue"
    assert values["theme"] == {"dark": True}


GOOD = '{"id": "a", "created": "2026-01-01T00:00:00Z"}'
BROKEN = [
    "",
    "{",
    "[]",
    '{"accounts": []}',
    '{"version": 1}',
    '{"version": 1, "accounts": [3]}',
    '{"version": 1, "accounts": [{"id": "../a", "created": "2026-01-01T00:00:00Z"}]}',
    '{"version": 1, "accounts": [{"id": "a", "created": "2026-01-01T00:00:00"}]}',
    '{"version": 1, "accounts": [{"id": "a", "created": 1}]}',
    '{"version": 1, "accounts": [' + GOOD[:-1] + ', "enabled": "yes"}]}',
    '{"version": 1, "accounts": [' + GOOD + "," + GOOD + "]}",
]


@pytest.mark.parametrize("broken", BROKEN)
def test_registry_broken_file_is_set_aside_and_copy_used(registry: Registry, broken: str) -> None:
    registry.add("shop", label="Shop")
    path = registry._document.path
    path.write_text(broken)
    assert again(registry).load() == registry.all()
    assert (path.parent / "accounts.json.damaged-20261122T120000Z").read_text() == broken
    assert again(registry).load() == registry.all()


@pytest.mark.parametrize("copy", [None, "{"])
def test_registry_broken_file_without_good_copy_is_left_alone(
    registry: Registry, copy: str | None
) -> None:
    path = registry._document.path
    path.write_text("{broken")
    if copy is not None:
        registry._document.copy.write_text(copy)
    with pytest.raises(BrokenFileError) as raised:
        registry.load()
    assert raised.value.params == {"name": "accounts.json"}
    assert path.read_text() == "{broken"


def test_registry_of_newer_version_is_left_alone(registry: Registry) -> None:
    registry.add("shop")
    text = '{"version": 2, "accounts": {}}'
    registry._document.path.write_text(text)
    with pytest.raises(NewerFileError):
        again(registry).load()
    assert registry._document.path.read_text() == text


def test_registry_reads_byte_order_mark(registry: Registry) -> None:
    registry._document.path.write_bytes(
        b"\xef\xbb\xbf" + b'{"version": 1, "accounts": [' + GOOD.encode() + b"]}"
    )
    assert registry.load()[0].id == "a"


def test_registry_that_cannot_be_saved_is_unchanged(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add("shop")

    def full(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "fsync", full)
    for change in (lambda: registry.add("new"), lambda: registry.remove("shop")):
        with pytest.raises(VaultError):
            change()
    assert [account.id for account in registry] == ["shop"]
    monkeypatch.undo()
    assert again(registry).load() == registry.all()


def test_registry_that_cannot_be_opened_says_so(registry: Registry) -> None:
    registry._document.path.mkdir()
    with pytest.raises(BrokenFileError):
        registry.load()
