"""Where the master key comes from for a command that works without the program."""

import getpass
import sys
from pathlib import Path

from wabot_tray.core.errors import BackupError
from wabot_tray.storage.key_record import KeyRecordFile
from wabot_tray.storage.keyring import KeyFileKeys, KeyringKeys, KeySource, PassphraseKeys
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths


def key_source(paths: Paths, key_file: Path | None) -> KeySource:
    """Return the source this data folder's key came from; the keyring for a new one.

    Args:
        paths: The data folder.
        key_file: A key file that was named; it serves a new data folder too.

    Raises:
        BackupError: The key came from a file that was not named.
        WabotError: The record of the key cannot be read.
    """
    record = KeyRecordFile(paths).load()
    if key_file is not None:
        return KeyFileKeys(key_file, paths)
    if record is not None and record.source == KeyFileKeys.kind:
        raise BackupError("error.backup_key_file")
    if record is not None and record.source == PassphraseKeys.kind:
        return PassphraseKeys(paths, _ask)
    return KeyringKeys(paths)


def _ask(_is_new: bool) -> str:
    if not sys.stdin.isatty():
        return ""  # what comes by pipe is the backup's own passphrase; the wrong key is said
    return getpass.getpass(t("program.ask_passphrase") + " ")
