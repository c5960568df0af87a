import json
from pathlib import Path

import pytest

from wabot_tray.core.errors import KeyUnavailableError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.data_keys import open_data_key
from wabot_tray.storage.sealing import Seal, UnsealError, subkey

MASTER = bytes(range(32))


def test_data_key_is_made_once_and_opens_again(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    with pytest.raises(KeyUnavailableError) as raised:
        open_data_key(folder, "shop", MASTER, create=False)
    assert raised.value.reason is Reason.KEY_MISSING
    key = open_data_key(folder, "shop", MASTER, create=True)
    assert open_data_key(folder, "shop", MASTER, create=False) == key
    assert open_data_key(tmp_path / "other", "other", MASTER, create=True) != key
    assert key not in (folder / "session.key").read_bytes()


@pytest.mark.parametrize(("account", "master"), [("other", MASTER), ("shop", bytes(32))])
def test_data_key_of_other_account_or_master_is_wrong(
    tmp_path: Path, account: str, master: bytes
) -> None:
    open_data_key(tmp_path, "shop", MASTER, create=True)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(KeyUnavailableError) as raised:
        open_data_key(tmp_path, account, master, create=True)
    assert raised.value.reason is Reason.KEY_WRONG
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_data_key_flipped_anywhere_comes_from_its_copy(tmp_path: Path) -> None:
    key = open_data_key(tmp_path, "shop", MASTER, create=True)
    path = tmp_path / "session.key"
    good = path.read_bytes()
    for position in range(len(good)):
        spoiled = bytearray(good)
        spoiled[position] ^= 0x04
        path.write_bytes(spoiled)
        if spoiled == good.replace(b'"version": 1', b'"version": 5'):
            with pytest.raises(VaultError):
                open_data_key(tmp_path, "shop", MASTER, create=False)
        else:
            assert open_data_key(tmp_path, "shop", MASTER, create=False) == key
        path.write_bytes(good)


def test_data_key_missing_or_damaged_is_never_made_anew(tmp_path: Path) -> None:
    key = open_data_key(tmp_path, "shop", MASTER, create=True)
    path, copy = tmp_path / "session.key", tmp_path / "session.key.bak"
    path.unlink()
    assert open_data_key(tmp_path, "shop", MASTER, create=True) == key
    for each in (path, copy):
        each.write_text("{")
    with pytest.raises(VaultError) as raised:
        open_data_key(tmp_path, "shop", MASTER, create=True)
    assert raised.value.reason is Reason.VAULT_DAMAGED
    path.write_text(json.dumps({"version": 2}))
    with pytest.raises(VaultError) as raised:
        open_data_key(tmp_path, "shop", MASTER, create=True)
    assert raised.value.reason is Reason.VAULT_TOO_NEW
    for each in (path, copy):
        each.unlink()
    (tmp_path / "session.vault").touch()
    with pytest.raises(KeyUnavailableError) as missing:
        open_data_key(tmp_path, "shop", MASTER, create=True)
    assert missing.value.reason is Reason.KEY_MISSING


def test_seal_opens_only_what_it_was_bound_to() -> None:
    seal = Seal(MASTER)
    sealed = seal.seal(b"content", b"here")
    assert seal.unseal(sealed, b"here") == b"content"
    assert seal.seal(b"content", b"here") != sealed
    for opener, attempt, bound_to in (
        (seal, sealed, b"there"),
        (seal, sealed[:-1], b"here"),
        (seal, sealed[:20], b"here"),
        (Seal(bytes(32)), sealed, b"here"),
    ):
        with pytest.raises(UnsealError):
            opener.unseal(attempt, bound_to)


def test_subkeys_differ_by_purpose_and_key() -> None:
    assert subkey(MASTER, b"inbox") == subkey(MASTER, b"inbox")
    found = {subkey(MASTER, b"inbox"), subkey(MASTER, b"pages"), subkey(bytes(32), b"inbox")}
    assert len(found) == 3
    assert len(subkey(MASTER, b"inbox", length_bytes=16)) == 16
