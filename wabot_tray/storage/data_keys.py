"""The key of one account: random, wrapped by the master key in <account>/session.key."""

import base64
import os
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.errors import KeyUnavailableError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.documents import BrokenFileError, Document, NewerFileError
from wabot_tray.storage.files import make_lasting
from wabot_tray.storage.sealing import KEY_BYTES, Seal, UnsealError, subkey

_VERSION: Final = 1
FILE_NAME: Final = "session.key"


def open_data_key(folder: Path, account_id: str, master_key: bytes, *, create: bool) -> bytes:
    """Return the 32-byte key of the account in `folder`.

    Args:
        folder: The account's folder; made when a key is made.
        account_id: Bound into the wrapping: a key moved to another account does not open.
        master_key: 32 bytes.
        create: Make a key where there is none and nothing is sealed yet.

    Raises:
        KeyUnavailableError: KEY_MISSING, there is none and none may be made; KEY_WRONG, another
            master key wrapped it.
        VaultError: VAULT_DAMAGED, VAULT_TOO_NEW, or the disk refuses.
    """
    seal, bound_to = _wrapping(account_id, master_key)
    wrong_key = False

    def parse(values: dict[str, Any]) -> bytes:
        nonlocal wrong_key
        wrapped = base64.b64decode(values["wrapped"], validate=True)
        try:
            return seal.unseal(wrapped, bound_to)
        except UnsealError as error:
            wrong_key = True
            raise ValueError("wrapped by another key, or damaged") from error

    document = Document(folder / FILE_NAME, _VERSION, parse, precious=True)
    try:
        key = document.load()
    except NewerFileError as error:
        raise VaultError(Reason.VAULT_TOO_NEW, FILE_NAME) from error
    except BrokenFileError as error:
        if wrong_key:
            raise KeyUnavailableError(Reason.KEY_WRONG, "session.key opens with no copy") from error
        raise VaultError(Reason.VAULT_DAMAGED, "session.key and its copy") from error
    if key is not None:
        return key
    if not create or _guards_anything(folder):
        raise KeyUnavailableError(Reason.KEY_MISSING, "no session.key")
    key = os.urandom(KEY_BYTES)
    _save(document, key, seal, bound_to)
    return key


def put_data_key(folder: Path, account_id: str, master_key: bytes, key: bytes) -> None:
    """Write an account's key, brought from elsewhere, into its folder; both are made.

    Raises:
        VaultError: The disk refuses.
    """
    document = Document(folder / FILE_NAME, _VERSION, dict, precious=True)
    _save(document, key, *_wrapping(account_id, master_key))


def _wrapping(account_id: str, master_key: bytes) -> tuple[Seal, bytes]:
    seal = Seal(subkey(master_key, b"wraps session keys"))
    return seal, f"wabot-tray session key:{account_id}".encode()


def _save(document: Document[Any], key: bytes, seal: Seal, bound_to: bytes) -> None:
    make_lasting(document.path.parent)
    wrapped = base64.b64encode(seal.seal(key, bound_to)).decode("ascii")
    document.save({"wrapped": wrapped})


def _guards_anything(folder: Path) -> bool:
    patterns = (f"{FILE_NAME}*", "session.vault*", "inbox*")
    return any(any(folder.glob(pattern)) for pattern in patterns)
